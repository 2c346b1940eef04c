import type { Clock, UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'

// A job makes them once a day: a quarter of a year may pass without it before posting makes its own.
export const MONTHS_AHEAD = 3

/** 202611: also the end of the partitions' names. */
export type Month = number

/** The partitions of this month and the next ones, where they are missing; how many were. */
export async function makeMonthsAhead(db: Db, clock: Clock): Promise<number> {
  return makeMonths(db, clock.now(), MONTHS_AHEAD)
}

export async function makeMonths(db: Db, at: UnixSeconds, ahead: number): Promise<number> {
  const { made } = await db.one<{ made: number }>('select ledger_make_months($1, $2) as made', [
    at,
    ahead,
  ])
  return made
}

export async function monthOf(db: Db, at: UnixSeconds): Promise<Month> {
  const { month } = await db.one<{ month: number }>(
    `select to_char(ledger_month($1), 'YYYYMM')::int as month`,
    [at],
  )
  return month
}

/** Those that are in the database, the oldest first. */
export async function listMonths(db: Db): Promise<Month[]> {
  const rows = await db.query<{ month: number }>(
    `select substring(relid::text from '[0-9]{6}$')::int as month
       from pg_partition_tree('ledger_transfer') where isleaf order by 1`,
  )
  return rows.map(({ month }) => month)
}
