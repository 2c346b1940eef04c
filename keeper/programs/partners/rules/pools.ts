import { mulDivDown } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'

/** From then on a CC is worth that many of the token's smallest units. */
export interface CcRate {
  from: UnixSeconds
  unitsPerCc: Wei
}

/** What the votes of an hour bring, and into which pools it goes. */
export interface Inflow {
  cc: bigint
  unitsPerCc: Wei
  inflow: Wei
  hourly: Wei
  /** The rest: rounding goes to the day's side. */
  daily: Wei
}

/**
 * A CC in the smallest unit: with it the CC of a billion of the largest votes, and days of them, are amounts that the
 * books have room for (numeric(78, 0)). One that does not fit would stop every hour after it.
 */
export const MAX_UNITS_PER_CC = 10n ** 50n

// Of every hour's inflow; the origin's split.
const HOURLY_PERCENT = 25n
const PERCENT = 100n

export function splitInflow(cc: bigint, unitsPerCc: Wei): Inflow {
  ensure(cc >= 0n && unitsPerCc >= 0n, 'INTERNAL', { what: 'splitInflow', cc, unitsPerCc })
  const inflow = cc * unitsPerCc
  const hourly = mulDivDown(inflow, HOURLY_PERCENT, PERCENT)
  return { cc, unitsPerCc, inflow, hourly, daily: inflow - hourly }
}

/** The rate that was in force at an instant: of all that began by then, the last; before the first, the fallback. */
export function rateAt(rates: readonly CcRate[], at: UnixSeconds, fallback: Wei): Wei {
  let inForce: CcRate | undefined
  for (const rate of rates) {
    if (rate.from <= at && (inForce === undefined || rate.from > inForce.from)) inForce = rate
  }
  return inForce?.unitsPerCc ?? fallback
}
