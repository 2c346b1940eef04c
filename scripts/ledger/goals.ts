import { quantile, rounded } from '../keeper/measure.ts'
import type { HeartbeatMeasurement } from '../heartbeat/goals.ts'

export interface LedgerMeasurement extends HeartbeatMeasurement {
  store: StoreName
  /** What would be better still. */
  stretch?: number
  /** One a round; what was found is the median. */
  runs: number[]
}

export type StoreName = 'PostgreSQL' | 'PGlite'

/** Issue 5's. Ratios of the same round, so that a slower machine or a busy one changes both sides of them. */
export const GOALS = {
  /** Posting against COPY of the same rows. */
  ofCopy: { goal: 0.42, stretch: 0.5, isLeast: true, unit: '×' },
  ofPgbench: { goal: 5, isLeast: true, unit: '×' },
  /** One account in every transfer against none. */
  hotOfUniform: { goal: 0.9, isLeast: true, unit: '×' },
  bytes: { goal: 560, stretch: 480, unit: 'bytes' },
} as const

export const P95_GOAL_MS: Record<StoreName, number> = { PostgreSQL: 5, PGlite: 10 }

export const medianOf = (values: readonly number[]): number => quantile(values, 0.5)

/** Of what was found in each round. */
export function measurementOf(
  name: string,
  store: StoreName,
  goal: Pick<LedgerMeasurement, 'goal' | 'stretch' | 'isLeast' | 'unit'>,
  found: { runs: readonly number[]; details: Record<string, unknown> },
): LedgerMeasurement {
  const runs = found.runs.map((value) => rounded(value, 3))
  return { name, store, ...goal, found: medianOf(runs), runs, details: found.details }
}
