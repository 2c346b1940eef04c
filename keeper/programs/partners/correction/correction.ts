import { sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { KeeperError } from '../../../base/errors.ts'
import type { Db } from '../../../store/db.ts'
import type { DayRow, HourRow } from '../distribution/distribution-rows.ts'
import type { Late } from './correction-rows.ts'
import type { PartnersRoom } from '../room.ts'
import { otherPartners } from '../rules/differences.ts'
import type { Difference, Share } from '../rules/differences.ts'

export interface CorrectionRoom extends Omit<PartnersRoom, 'ruleset'> {
  /** Who asked for it. */
  by: string
}

/** A share that is another one now; of what it became less, how much was taken back and how much is due. */
export interface CorrectionLine extends Difference {
  taken: Wei
  due: Wei
}

/** What became of a period that was computed again. */
export interface Corrected {
  kind: 'hour' | 'day'
  /** The hour as a number, or the day. */
  period: string
  /** False: nothing came late, and nothing was posted. */
  isNew: boolean
  correction: number | undefined
  revision: number
  late: Late
  /** What the late votes brought to the pool of the period, and those of an hour to its day. */
  inflow: Wei
  daily: Wei
  before: HourRow | DayRow
  after: HourRow | DayRow
  /** Σ of what is more than before, of what was taken back, and of what is due. */
  given: Wei
  taken: Wei
  due: Wei
  /** Of what was given now, kept for dues. */
  withheld: Wei
  lines: CorrectionLine[]
}

/** The period as it is: nothing came late. */
export function unchanged(
  kind: Corrected['kind'],
  period: string,
  row: HourRow | DayRow,
): Corrected {
  const nothing = { inflow: 0n, daily: 0n, given: 0n, taken: 0n, due: 0n, withheld: 0n }
  return {
    kind,
    period,
    isNew: false,
    correction: undefined,
    revision: row.revision,
    late: { votes: 0, cc: 0n },
    ...nothing,
    before: row,
    after: row,
    lines: [],
  }
}

export function sumsOf(
  lines: readonly CorrectionLine[],
): Pick<Corrected, 'given' | 'taken' | 'due'> {
  return {
    given: sum(lines.map(({ amount }) => (amount > 0n ? amount : 0n))),
    taken: sum(lines.map(({ taken }) => taken)),
    due: sum(lines.map(({ due }) => due)),
  }
}

/** The row, or why there is none to correct. */
export async function requireRow<Row>(
  t: Db,
  period: string,
  read: (t: Db, shadow: boolean) => Promise<Row | undefined>,
): Promise<Row> {
  const row = await read(t, false)
  if (row) return row
  const isShadow = (await read(t, true)) !== undefined
  throw new KeeperError(isShadow ? 'PARTNERS_CORRECTION_SHADOW' : 'PARTNERS_NOT_DISTRIBUTED', {
    period,
  })
}

// The first ones show what happened.
const MAX_PARTNERS_TOLD = 20

/**
 * What the votes of then give now must be what was given then: otherwise a difference would not be the late votes' (a
 * vote was deleted, a row was edited, the rules are other ones), and nothing is posted.
 */
export function checkUnchanged(
  period: string,
  { stored, computed, sums }: { stored: readonly Share[]; computed: readonly Share[]; sums: Sums },
): void {
  const others = otherPartners(stored, computed)
  const faults = Object.entries(sums).flatMap(([name, [before, now]]) =>
    before === now ? [] : [`${name} ${before}, now ${now}`],
  )
  const told = others.slice(0, MAX_PARTNERS_TOLD)
  if (others.length > 0) faults.push(`${others.length} other shares, of ${told.join(' ')}`)
  if (faults.length === 0) return
  throw new KeeperError('PARTNERS_CORRECTION_UNSAFE', { period, faults })
}

/** By name: as it is on record, and as it is computed. */
export type Sums = Record<string, readonly [bigint | number, bigint | number]>
