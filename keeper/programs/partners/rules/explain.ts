import { sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { bonusOf } from './bonus.ts'
import type { DailyCategory } from './daily.ts'
import { eccShare, eccWeight } from './ecc.ts'
import type { EccPart, EccVoter } from './ecc.ts'
import { equalShare } from './equal-part.ts'
import type { EqualPart } from './equal-part.ts'
import { fixedShare } from './fixed-tiers.ts'
import type { TierPart } from './fixed-tiers.ts'
import type { HourlyCategory } from './hourly.ts'
import type { Ranked } from './position.ts'
import type { DailyTrace, HourlyTrace } from './trace.ts'

/** Where one of a voter's amounts comes from, computed again from the trace. */
export interface Explanation<Category extends string = string> {
  category: Category
  amount: Wei
  /** One sentence with every number that it takes to check the amount by hand. */
  because: string
}

export function explainHour(trace: HourlyTrace, voter: Ranked): Explanation<HourlyCategory>[] {
  return trace.parts.map((part) => explainEqual(part, voter))
}

export function explainDay(
  { tiers, ecc, top50p, bonus }: DailyTrace,
  voter: Ranked<EccVoter>,
): Explanation<DailyCategory>[] {
  const fromPool = [
    ...tiers.map((tier) => explainTier(tier, voter)),
    explainEcc(ecc, voter),
    explainEqual(top50p, voter),
  ]
  return [...fromPool, explainBonus(bonus, sum(fromPool.map(({ amount }) => amount)))]
}

function explainEqual<Category extends string>(
  part: EqualPart<Category>,
  { position }: Ranked,
): Explanation<Category> {
  const amount = equalShare(part, position)
  const because = position <= part.members ? equalWords(part, position) : outside(part, position)
  return { category: part.category, amount, because }
}

function equalWords({ part, members, sharers, remainder }: EqualPart, position: number): string {
  return `position ${position} is among the first ${members}: ${part} / ${sharers}, rest ${remainder}`
}

function outside({ members }: { members: number }, position: number): string {
  return `position ${position} is not among the first ${members}`
}

function explainTier(tier: TierPart, voter: Ranked): Explanation<TierPart['category']> {
  const { category, members, minimumVotes } = tier
  const { position, votes } = voter
  const isBelow = position <= members && votes < minimumVotes
  const because = isBelow
    ? `position ${position} is among the first ${members}, but ${votes} votes are less than ${minimumVotes}`
    : explainEqual(tier, voter).because
  return { category, amount: fixedShare(tier, voter), because }
}

function explainEcc(ecc: EccPart, voter: Ranked<EccVoter>): Explanation<'top10p_ecc'> {
  const { part, members, eccSum, weightSum, capDown, remainder } = ecc
  const weight = eccWeight(ecc, voter.ecc)
  const isCapped = weight < voter.ecc * BigInt(members)
  const weighed = isCapped
    ? `ECC ${voter.ecc} is above the cap ${capDown} (5 × ${eccSum} / ${members}) and weighs as it`
    : `ECC ${voter.ecc} is within the cap ${capDown} (5 × ${eccSum} / ${members})`
  const because =
    voter.position > members
      ? outside(ecc, voter.position)
      : `${weighed}: ${part} × ${weight} / ${weightSum}, rest ${remainder}`
  return { category: 'top10p_ecc', amount: eccShare(ecc, voter), because }
}

function explainBonus(bonus: DailyTrace['bonus'], fromPool: Wei): Explanation<'cc_market'> {
  const { isOn, unitsPerCc, referenceRate, bps, capPerPartner, isScaled, budget, asked } = bonus
  const scaled = isScaled ? `, × ${budget} / ${asked} because the budget is short` : ''
  const because = isOn
    ? `${fromPool} × ${bps} / 10000, at most ${capPerPartner}${scaled}`
    : `no bonus: the rate ${unitsPerCc} is not above ${referenceRate}`
  return { category: 'cc_market', amount: bonusOf(bonus, fromPool), because }
}
