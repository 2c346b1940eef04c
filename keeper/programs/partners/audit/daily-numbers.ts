// The rules of a day said once more, over what the store counted: nothing here is shared with what distributed.
import { categoryOf, shareOfVoters } from './hourly-numbers.ts'
import type { KeptRules } from './rules-rows.ts'

const BPS = 10_000n
const TENTH = 10
const HALF = 50
const CAP_FACTOR = 5n

/** How many positions each fixed tier has. */
export const TIER_SIZES = {
  top10: 10,
  top100: 100,
  top1000: 1_000,
  top10000: 10_000,
  all: Number.MAX_SAFE_INTEGER,
} as const
export type Tier = keyof typeof TIER_SIZES
export const TIERS = Object.keys(TIER_SIZES) as Tier[]

/** Counted over the voters by the store. */
export interface DayCounts {
  voters: number
  /** Of a tier's positions, how many have its minimum of votes. */
  sharers: Record<Tier, number>
  /** Of the top 10 %. */
  eccSum: bigint
  weightSum: bigint
  capped: number
}

/** Added up over the stored shares, which are each compared for themselves. */
export interface DaySums {
  fromPool: bigint
  byEcc: bigint
  bonus: bigint
  bonusAsked: bigint
  bonusCapped: number
}

export function eccMembers(voters: number): number {
  return shareOfVoters(voters, TENTH)
}

/** The parts of the pool and who shares them. */
export function dailyParts(pool: bigint, counts: DayCounts, { daily }: KeptRules) {
  const { fixed, ecc, top50 } = daily.splitBps
  const partOf = (bps: number): bigint => (pool * BigInt(bps)) / BPS
  const tierPart = partOf(fixed) / BigInt(TIERS.length)
  const { voters, sharers } = counts
  const tiers = TIERS.map((tier) => ({
    ...categoryOf(tier, tierPart, Math.min(TIER_SIZES[tier], voters), sharers[tier]),
    minimumVotes: daily.minimumVotes[tier],
  }))
  const half = categoryOf('top50p', partOf(top50), shareOfVoters(voters, HALF))
  return { tiers, eccPart: partOf(ecc), top50p: half }
}

export type DailyParts = ReturnType<typeof dailyParts>

export interface Market {
  rate: bigint
  budget: bigint
}

/** What the day keeps of its distribution. */
export function dailyNumbers(
  pool: bigint,
  { tiers, eccPart, top50p }: DailyParts,
  {
    counts,
    sums,
    rules,
    market,
  }: {
    counts: DayCounts
    sums: DaySums
    rules: KeptRules
    market: Market
  },
) {
  const { voters, eccSum, weightSum, capped } = counts
  const members = eccMembers(voters)
  const parts = tiers.reduce((total, { part }) => total + part, eccPart + top50p.part)
  const { bonus } = rules.daily
  const { rate, budget } = market
  return {
    pool,
    paid: sums.fromPool,
    carry: pool - sums.fromPool,
    undivided: pool - parts,
    tiers,
    ecc: {
      part: eccPart,
      members,
      eccSum,
      capDown: members === 0 ? 0n : (CAP_FACTOR * eccSum) / BigInt(members),
      capped,
      weightSum,
      remainder: eccPart - sums.byEcc,
    },
    top50p,
    bonus: {
      ...bonus,
      isOn: rate > bonus.referenceRate,
      unitsPerCc: rate,
      budget,
      asked: sums.bonusAsked,
      capped: sums.bonusCapped,
      isScaled: sums.bonusAsked > budget,
      paid: sums.bonus,
      remainder: budget - sums.bonus,
    },
  }
}
