import type { Bps } from '../base/amount.ts'

// The twin of contracts/libraries/OnlineRate.sol: both read test/vectors/online-rate.json.
const BPS = 10_000

/** Multiplied out, never divided: no rounding decides who is paid. False without snapshots (Z-06). */
export function meetsRate(appearances: number, snapshots: number, rateBps: Bps): boolean {
  return snapshots !== 0 && appearances * BPS >= rateBps * snapshots
}

/** The least number of appearances that meets the rate; rounded up. */
export function leastAppearances(snapshots: number, rateBps: Bps): number {
  return Math.ceil((rateBps * snapshots) / BPS)
}

/** Rounded down, for showing only: eligibility is decided by meetsRate. */
export function onlineRateBps(appearances: number, snapshots: number): Bps {
  return snapshots === 0 ? 0 : Math.floor((appearances * BPS) / snapshots)
}
