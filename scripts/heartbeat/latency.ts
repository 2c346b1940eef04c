import type { RecordableHistogram } from 'node:perf_hooks'
import { rounded } from '../keeper/measure.ts'

/** In milliseconds. */
export interface Latency {
  count: number
  p50: number
  p99: number
  max: number
}

const NS_PER_MS = 1e6

/** A histogram counts whole nanoseconds from 1 on. */
export function recordSince(histogram: RecordableHistogram, startMs: number): void {
  const ns = Math.round((performance.now() - startMs) * NS_PER_MS)
  histogram.record(Math.max(1, ns))
}

export function latencyOf(histogram: RecordableHistogram): Latency {
  const ms = (ns: number): number => rounded(ns / NS_PER_MS, 3)
  return {
    count: histogram.count,
    p50: ms(histogram.percentile(50)),
    p99: ms(histogram.percentile(99)),
    max: histogram.count === 0 ? 0 : ms(histogram.max),
  }
}
