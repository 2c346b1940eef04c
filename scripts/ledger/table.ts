import { isMet } from '../heartbeat/goals.ts'
import type { LedgerMeasurement } from './goals.ts'

const HEAD = ['', 'number', 'store', 'goal', 'stretch', 'measured', 'rounds from', 'to']

/** Every number beside its goal. */
export function printTable(measured: readonly LedgerMeasurement[]): void {
  const rows = [HEAD, ...measured.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  }
}

function cellsOf(one: LedgerMeasurement): string[] {
  const { name, store, goal, stretch, found, unit, isLeast, runs } = one
  const sign = isLeast ? '≥' : '≤'
  const limit = (value: number | undefined): string =>
    value === undefined ? '' : `${sign} ${value} ${unit}`
  const ends = [Math.min(...runs), Math.max(...runs)].map(String)
  return [
    isMet(one) ? '✓' : '✗',
    name,
    store,
    limit(goal),
    limit(stretch),
    `${found} ${unit}`,
    ...ends,
  ]
}
