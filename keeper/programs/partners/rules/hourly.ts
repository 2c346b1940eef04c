import { sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import { checkSum, equalShare, shareEqually } from './equal-part.ts'
import type { EqualPart } from './equal-part.ts'
import { rankVoters, topPercentUp } from './position.ts'
import type { Ranked, Voter } from './position.ts'

/** Named as the origin's columns are. */
export const HOURLY_CATEGORIES = ['top10p', 'top10', 'top100', 'top1000', 'all'] as const
export type HourlyCategory = (typeof HOURLY_CATEGORIES)[number]

const TOP_PERCENT = 10

/** How many of so many voters are meant, from position 1 on. */
const MEMBERS: Record<HourlyCategory, (voters: number) => number> = {
  top10p: (voters) => topPercentUp(voters, TOP_PERCENT),
  top10: (voters) => Math.min(voters, 10),
  top100: (voters) => Math.min(voters, 100),
  top1000: (voters) => Math.min(voters, 1_000),
  all: (voters) => voters,
}

export interface HourlyShare extends Ranked {
  amounts: Record<HourlyCategory, Wei>
  total: Wei
}

export interface HourlyDistribution {
  pool: Wei
  paid: Wei
  /** Stays in the pool for the next hour. */
  carry: Wei
  /** What dividing the pool by five leaves. */
  undivided: Wei
  parts: EqualPart<HourlyCategory>[]
  /** By position. */
  shares: HourlyShare[]
}

/** The pool in five equal parts, each shared equally by the first so many; who voted not at all gets nothing. */
export function distributeHour(pool: Wei, voters: readonly Voter[]): HourlyDistribution {
  const ranked = rankVoters(voters)
  const part = pool / BigInt(HOURLY_CATEGORIES.length)
  const parts = HOURLY_CATEGORIES.map((category) =>
    shareEqually({ category, part, members: MEMBERS[category](ranked.length) }),
  )
  const shares = ranked.map((voter) => shareOf(voter, parts))
  const undivided = pool - part * BigInt(parts.length)
  const carry = undivided + sum(parts.map(({ remainder }) => remainder))
  const paid = sum(shares.map(({ total }) => total))
  checkSum('distributeHour', pool, paid, carry)
  return { pool, paid, carry, undivided, parts, shares }
}

function shareOf(voter: Ranked, parts: readonly EqualPart<HourlyCategory>[]): HourlyShare {
  const amounts = { top10p: 0n, top10: 0n, top100: 0n, top1000: 0n, all: 0n }
  for (const part of parts) amounts[part.category] = equalShare(part, voter.position)
  return { ...voter, amounts, total: sum(Object.values(amounts)) }
}
