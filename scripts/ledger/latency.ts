import { createHistogram } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { latencyOf, recordSince } from '../heartbeat/latency.ts'
import type { Latency } from '../heartbeat/latency.ts'
import { rounded } from '../keeper/measure.ts'
import type { Books } from './books.ts'
import { P95_GOAL_MS, measurementOf } from './goals.ts'
import type { LedgerMeasurement, StoreName } from './goals.ts'

const PER_SECOND = 1_000
const SECONDS = 5
const NS_PER_MS = 1e6

export interface OpenLoop extends Latency {
  p95: number
}

/**
 * Open loop: a posting is asked when it is due, however many wait, and its time runs from then, not from when we
 * came to ask it.
 */
export async function openLoopRound({ ledger, load }: Books): Promise<OpenLoop> {
  const postings = load.take(PER_SECOND * SECONDS)
  const histogram = createHistogram()
  const answers: Promise<void>[] = []
  const start = performance.now()
  for (const [index, posting] of postings.entries()) {
    const due = start + (index * 1_000) / PER_SECOND
    while (performance.now() < due) await delay(1)
    answers.push(ledger.post(posting).then(() => recordSince(histogram, due)))
  }
  await Promise.all(answers)
  return { ...latencyOf(histogram), p95: rounded(histogram.percentile(95) / NS_PER_MS, 3) }
}

export function latencyMeasurement(store: StoreName, rounds: OpenLoop[]): LedgerMeasurement {
  const goal = { goal: P95_GOAL_MS[store], unit: 'ms' }
  return measurementOf(`p95 at ${PER_SECOND} a second`, store, goal, {
    runs: rounds.map(({ p95 }) => p95),
    details: { seconds: SECONDS, rounds },
  })
}
