import { mulDivDown, sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import { topPercentUp } from './position.ts'
import type { Ranked, Voter } from './position.ts'

/** ECC × 10^18, floored: fine enough for what sources write, and an integer. */
export const ECC_DECIMALS = 18
/** × 10^ECC_DECIMALS: with it five times the mean is a number that the store has room for (numeric(78, 0)). */
export const MAX_ECC = 10n ** 70n

export interface EccVoter extends Voter {
  /** × 10^ECC_DECIMALS. */
  ecc: bigint
}

/** How the part was weighed: what is needed to explain each member's amount. */
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
  /** What flooring leaves, or all of the part when nobody has any ECC: stays in the pool. */
  remainder: Wei
}

const TOP_PERCENT = 10
// The origin's: a partner weighs at most five times the mean of the top 10 %.
const CAP_FACTOR = 5n

/** In proportion to min(ECC, 5 × mean) among the top 10 %. */
export function shareByEcc(part: Wei, ranked: readonly Ranked<EccVoter>[]): EccPart {
  const members = topPercentUp(ranked.length, TOP_PERCENT)
  const top = ranked.slice(0, members)
  const isPossible = part >= 0n && top.every(({ ecc }) => ecc >= 0n)
  ensure(isPossible, 'INTERNAL', { what: 'shareByEcc', part, members })
  const eccSum = sum(top.map(({ ecc }) => ecc))
  const cap = CAP_FACTOR * eccSum
  const count = BigInt(members)
  const weightSum = sum(top.map(({ ecc }) => eccWeight({ members, eccSum }, ecc)))
  const weighed = { part, members, eccSum, weightSum }
  return {
    ...weighed,
    capDown: count === 0n ? 0n : cap / count,
    capped: top.filter(({ ecc }) => ecc * count > cap).length,
    remainder: part - sum(top.map((voter) => eccShare(weighed, voter))),
  }
}

/** Both sides are multiplied by the number of members, so that the mean needs no division: min(ecc × n, 5 × Σ ecc). */
export function eccWeight(
  { members, eccSum }: Pick<EccPart, 'members' | 'eccSum'>,
  ecc: bigint,
): bigint {
  const [weight, cap] = [ecc * BigInt(members), CAP_FACTOR * eccSum]
  return weight < cap ? weight : cap
}

/** floor(part × weight / Σ weights). */
export function eccShare(
  weighed: Pick<EccPart, 'part' | 'members' | 'eccSum' | 'weightSum'>,
  { position, ecc }: Ranked<EccVoter>,
): Wei {
  const { part, members, weightSum } = weighed
  if (position > members || weightSum === 0n) return 0n
  return mulDivDown(part, eccWeight(weighed, ecc), weightSum)
}
