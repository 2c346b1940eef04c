import type { StoreName } from '../ledger/goals.ts'

export type Limit = Record<StoreName, number>

/** Issue 6's, in seconds and MB. */
export const DAY_GOAL: Limit = { PostgreSQL: 10, PGlite: 20 }
export const MEMORY_GOAL_MB = 500

/**
 * Our own. The first hour of so many also makes their accounts; landing and settling must leave the hour its half an
 * hour; books, records and checks may take so many times what the bare statements take.
 */
export const HOUR_GOAL: Limit = { PostgreSQL: 15, PGlite: 30 }
export const LANDED_PER_SECOND_GOAL: Limit = { PostgreSQL: 10_000, PGlite: 5_000 }
export const SETTLE_GOAL: Limit = { PostgreSQL: 30, PGlite: 60 }
export const OF_UPSERTS_GOAL = 2
export const OF_STATEMENT_GOAL = 15
