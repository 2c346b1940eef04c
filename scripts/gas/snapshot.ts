// snapshots/gas.json: the figures as they were committed, so that a change of gas is seen in review.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Figures } from './goals.ts'
import { METRICS } from './goals.ts'

const FILE = join(import.meta.dirname, '..', '..', 'snapshots', 'gas.json')

export function readSnapshot(): Record<string, number> {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, number>
}

export function writeSnapshot(figures: Figures): void {
  mkdirSync(dirname(FILE), { recursive: true })
  writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`)
}

/** One line a figure that is not the committed one. */
export function changesSince(snapshot: Record<string, number>, figures: Figures): string[] {
  return METRICS.filter((metric) => snapshot[metric] !== figures[metric]).map(
    (metric) =>
      `${metric}: ${String(snapshot[metric])} in snapshots/gas.json, ${figures[metric]} now`,
  )
}
