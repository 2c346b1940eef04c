import { splitProRata, sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import { topPercentUp } from './position.ts'
import type { Ranked, Voter } from './position.ts'

/** ECC × 10^18, floored: fine enough for what sources write, and an integer. */
export const ECC_DECIMALS = 18

export interface EccVoter extends Voter {
  /** × 10^ECC_DECIMALS. */
  ecc: bigint
}

export interface EccPart {
  part: Wei
  /** The first so many positions. */
  members: number
  /** Σ ECC of the members. */
  eccSum: bigint
  /** 5 × mean ECC of the members, floored: for showing; what decides is multiplied out. */
  capDown: bigint
  /** How many of them weigh as the cap. */
  capped: number
  weightSum: bigint
  /** By position: weight and share of each member. */
  weights: bigint[]
  shares: Wei[]
  remainder: Wei
}

const TOP_PERCENT = 10
// The origin's: a partner weighs at most five times the mean of the top 10 %.
const CAP_FACTOR = 5n

/**
 * In proportion to min(ECC, 5 × mean) among the top 10 %. Both sides are multiplied by the number of members, so that
 * the mean needs no division: min(ecc × n, 5 × Σ ecc).
 */
export function shareByEcc(part: Wei, ranked: readonly Ranked<EccVoter>[]): EccPart {
  const members = topPercentUp(ranked.length, TOP_PERCENT)
  const eccs = ranked.slice(0, members).map(({ ecc }) => ecc)
  ensure(
    eccs.every((ecc) => ecc >= 0n),
    'INTERNAL',
    { what: 'shareByEcc: an ECC below zero' },
  )
  const eccSum = sum(eccs)
  const count = BigInt(members)
  const cap = CAP_FACTOR * eccSum
  const weights = eccs.map((ecc) => (ecc * count < cap ? ecc * count : cap))
  const { shares, carry } = splitProRata(part, weights)
  return {
    part,
    members,
    eccSum,
    capDown: count === 0n ? 0n : cap / count,
    capped: eccs.filter((ecc) => ecc * count > cap).length,
    weightSum: sum(weights),
    weights,
    shares,
    remainder: carry,
  }
}
