import type { Wei } from '../../../base/amount.ts'
import { shareEqually } from './equal-part.ts'
import type { EqualPart } from './equal-part.ts'
import type { Ranked } from './position.ts'

/** Of the day's fixed part. Named as the origin's columns are. */
export const FIXED_TIERS = ['top10', 'top100', 'top1000', 'top10000', 'all'] as const
export type FixedTier = (typeof FIXED_TIERS)[number]

/** How many votes a partner needs for a share of the tier. */
export type MinimumVotes = Record<FixedTier, number>

const SIZES: Record<FixedTier, number> = {
  top10: 10,
  top100: 100,
  top1000: 1_000,
  top10000: 10_000,
  all: Number.MAX_SAFE_INTEGER,
}

export interface TierPart extends EqualPart<FixedTier> {
  minimumVotes: number
}

/** Five equal parts; who is in a tier's positions but below its minimum of votes leaves his share to the others. */
export function shareFixed(
  part: Wei,
  ranked: readonly Ranked[],
  minimumVotes: MinimumVotes,
): TierPart[] {
  const tierPart = part / BigInt(FIXED_TIERS.length)
  return FIXED_TIERS.map((category) => {
    const members = Math.min(SIZES[category], ranked.length)
    const minimum = minimumVotes[category]
    const sharers = countSharers(ranked, members, minimum)
    const shared = shareEqually({ category, part: tierPart, members, sharers })
    return { ...shared, minimumVotes: minimum }
  })
}

function countSharers(ranked: readonly Ranked[], members: number, minimum: number): number {
  let sharers = 0
  for (const { position, votes } of ranked) {
    if (position <= members && votes >= minimum) sharers += 1
  }
  return sharers
}

export function fixedShare(tier: TierPart, { position, votes }: Ranked): Wei {
  return position <= tier.members && votes >= tier.minimumVotes ? tier.share : 0n
}
