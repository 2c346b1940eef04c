// What the measurements of the keeper share.
import { cpus, loadavg, totalmem } from 'node:os'

export interface Measurement {
  name: string
  unit: string
  /** At most this. */
  goal: number
  found: number
  details: Record<string, unknown>
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** Numbers mean little without the machine they were taken on. */
export function machine(): Record<string, unknown> {
  const [first] = cpus()
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    // Of the last minute, our own work included: far above the cores means that others worked too.
    load: rounded(loadavg()[0] ?? 0, 1),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  }
}
