import { measurementOf } from '../ledger/goals.ts'
import type { LedgerMeasurement, StoreName } from '../ledger/goals.ts'
import {
  DAY_GOAL,
  HOUR_GOAL,
  LANDED_PER_SECOND_GOAL,
  MEMORY_GOAL_MB,
  OF_STATEMENT_GOAL,
  OF_UPSERTS_GOAL,
  SETTLE_GOAL,
} from './goals.ts'
import type { PartFound } from './part.ts'

/** In the order in which they are run, each on what the one before left. */
export const PARTS = ['land', 'hour', 'day', 'settle', 'statement', 'upserts'] as const
export type Part = (typeof PARTS)[number]
export type PartnersRound = Record<Part, PartFound>

/** Medians of the rounds; ratios are of the same round. */
export function measurementsOf(
  store: StoreName,
  rounds: readonly PartnersRound[],
  votes: number,
): LedgerMeasurement[] {
  const runsOf = (pick: (round: PartnersRound) => number): number[] => rounds.map(pick)
  const peaks = Object.fromEntries(
    PARTS.map((part) => [part, Math.round(Math.max(...runsOf((round) => round[part].peakMB)))]),
  )
  const timed = (name: string, part: Part, goal: number): LedgerMeasurement =>
    measurementOf(
      name,
      store,
      { goal, unit: 's' },
      {
        runs: runsOf((round) => round[part].seconds),
        details: { peakMB: peaks[part] },
      },
    )
  const ofPeer = (name: string, part: Part, goal: number): LedgerMeasurement =>
    measurementOf(
      name,
      store,
      { goal, unit: '×' },
      {
        runs: runsOf((round) => round.day.seconds / round[part].seconds),
        details: { seconds: runsOf((round) => Number(round[part].seconds.toFixed(2))) },
      },
    )
  return [
    timed('the day, to accruals posted', 'day', DAY_GOAL[store]),
    ...memoryOf(store, rounds),
    ofPeer('the day / one upsert a partner', 'upserts', OF_UPSERTS_GOAL),
    ofPeer('the day / one statement', 'statement', OF_STATEMENT_GOAL),
    timed('the hour before it, all partners new', 'hour', HOUR_GOAL[store]),
    measurementOf(
      'votes taken in',
      store,
      {
        goal: LANDED_PER_SECOND_GOAL[store],
        isLeast: true,
        unit: '/s',
      },
      {
        runs: runsOf((round) => Math.round(votes / round.land.seconds)),
        details: { peakMB: peaks['land'] },
      },
    ),
    timed('settlement', 'settle', SETTLE_GOAL[store]),
  ]
}

/** The embedded store is in the process: what it holds is its pages, and no goal. */
function memoryOf(store: StoreName, rounds: readonly PartnersRound[]): LedgerMeasurement[] {
  if (store === 'PGlite') return []
  const runs = rounds.map(({ hour, day }) => Math.round(Math.max(hour.peakMB, day.peakMB)))
  const found = { runs, details: { of: 'the larger of hour and day, each a process' } }
  return [measurementOf('memory of the run', store, { goal: MEMORY_GOAL_MB, unit: 'MB' }, found)]
}
