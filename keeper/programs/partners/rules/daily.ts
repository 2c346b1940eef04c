import { BPS, mulDivDown, sum } from '../../../base/amount.ts'
import type { Bps, Wei } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import { shareBonus } from './bonus.ts'
import type { BonusPart, BonusRules, Market } from './bonus.ts'
import { eccShare, shareByEcc } from './ecc.ts'
import type { EccPart, EccVoter } from './ecc.ts'
import { checkSum, equalShare, shareEqually } from './equal-part.ts'
import type { EqualPart } from './equal-part.ts'
import { FIXED_TIERS, fixedShare, shareFixed } from './fixed-tiers.ts'
import type { MinimumVotes, TierPart } from './fixed-tiers.ts'
import { rankVoters, topPercentUp } from './position.ts'
import type { Ranked } from './position.ts'

/** Named as the origin's columns are: five fixed tiers, two more parts of the pool, and the bonus. */
export const DAILY_CATEGORIES = [...FIXED_TIERS, 'top10p_ecc', 'top50p', 'cc_market'] as const
export type DailyCategory = (typeof DAILY_CATEGORIES)[number]

const HALF_PERCENT = 50

export type DailyAmounts = Record<DailyCategory, Wei>

/** Of the day's pool; the three are 10,000 together. */
export interface DailySplit {
  fixed: Bps
  ecc: Bps
  top50: Bps
}

export interface DailyRules {
  splitBps: DailySplit
  minimumVotes: MinimumVotes
  bonus: BonusRules
}

export interface DailyShare extends Ranked<EccVoter> {
  amounts: DailyAmounts
  /** The seven from the day's pool. */
  fromPool: Wei
  /** The same and the bonus. */
  total: Wei
}

export interface DailyDistribution {
  pool: Wei
  /** From the pool, without the bonus. */
  paid: Wei
  /** Stays in the pool for the next day. */
  carry: Wei
  /** What splitting the pool by bps, and its fixed part by five, leaves. */
  undivided: Wei
  tiers: TierPart[]
  ecc: EccPart
  top50p: EqualPart<'top50p'>
  bonus: BonusPart
  /** By position. */
  shares: DailyShare[]
}

/** The pool in three parts, each shared by its own rule; the bonus comes after, from a budget of its own. */
export function distributeDay(
  pool: Wei,
  voters: readonly EccVoter[],
  rules: DailyRules,
  market: Market,
): DailyDistribution {
  const ranked = rankVoters(voters)
  const { tiers, ecc, top50p } = shareDay(pool, ranked, rules)
  const fromPool = ranked.map((voter) => amountsOf(voter, tiers, ecc, top50p))
  const totals = fromPool.map((amounts) => sum(Object.values(amounts)))
  const { bonuses, bonus } = shareBonus(totals, market, rules.bonus)
  const parts = [...tiers, ecc, top50p]
  const undivided = pool - sum(parts.map(({ part }) => part))
  const carry = undivided + sum(parts.map(({ remainder }) => remainder))
  const paid = sum(totals)
  checkSum('distributeDay', pool, paid, carry)
  const shares = ranked.map((voter, index) =>
    shareOf(voter, fromPool[index] as DailyAmounts, {
      fromPool: totals[index] ?? 0n,
      bonus: bonuses[index] ?? 0n,
    }),
  )
  return { pool, paid, carry, undivided, tiers, ecc, top50p, bonus, shares }
}

function shareDay(
  pool: Wei,
  ranked: readonly Ranked<EccVoter>[],
  { splitBps, minimumVotes }: DailyRules,
): Pick<DailyDistribution, 'tiers' | 'ecc' | 'top50p'> {
  const part = splitDay(pool, splitBps)
  const members = topPercentUp(ranked.length, HALF_PERCENT)
  return {
    tiers: shareFixed(part.fixed, ranked, minimumVotes),
    ecc: shareByEcc(part.ecc, ranked),
    top50p: shareEqually({ category: 'top50p', part: part.top50, members }),
  }
}

function splitDay(pool: Wei, splitBps: DailySplit): Record<keyof DailySplit, Wei> {
  const { fixed, ecc, top50 } = splitBps
  ensure(fixed + ecc + top50 === Number(BPS), 'INTERNAL', { what: 'splitDay', ...splitBps })
  const partOf = (bps: Bps): Wei => mulDivDown(pool, BigInt(bps), BPS)
  return { fixed: partOf(fixed), ecc: partOf(ecc), top50: partOf(top50) }
}

function amountsOf(
  voter: Ranked<EccVoter>,
  tiers: readonly TierPart[],
  ecc: EccPart,
  top50p: EqualPart,
): DailyAmounts {
  const amounts = {
    top10: 0n,
    top100: 0n,
    top1000: 0n,
    top10000: 0n,
    all: 0n,
    top10p_ecc: eccShare(ecc, voter),
    top50p: equalShare(top50p, voter.position),
    cc_market: 0n,
  }
  for (const tier of tiers) amounts[tier.category] = fixedShare(tier, voter)
  return amounts
}

/** The bonus takes its place in the amounts themselves: of a hundred thousand there need not be a copy. */
function shareOf(
  { partner, cc, votes, ecc, position }: Ranked<EccVoter>,
  amounts: DailyAmounts,
  { fromPool, bonus }: { fromPool: Wei; bonus: Wei },
): DailyShare {
  amounts.cc_market = bonus
  return { partner, cc, votes, ecc, position, amounts, fromPool, total: fromPool + bonus }
}
