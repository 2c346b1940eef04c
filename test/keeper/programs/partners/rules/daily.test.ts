import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../../../keeper/base/amount.ts'
import {
  DAILY_CATEGORIES,
  distributeDay,
} from '../../../../../keeper/programs/partners/rules/daily.ts'
import type {
  DailyDistribution,
  DailyRules,
} from '../../../../../keeper/programs/partners/rules/daily.ts'
import { eccWeight } from '../../../../../keeper/programs/partners/rules/ecc.ts'
import type { EccVoter } from '../../../../../keeper/programs/partners/rules/ecc.ts'
import { DEFAULT_RULES, parseRuleset } from '../../../../../keeper/programs/partners/ruleset.ts'
import { codeOf } from '../../../../helpers/errors.ts'
import {
  randomPool,
  randomRules,
  randomVoters,
  votersInOrder,
} from '../../../../helpers/partners.ts'

const RANDOM_POOLS = 10_000
const ECC = 10n ** 18n

const { daily } = parseRuleset(JSON.stringify(DEFAULT_RULES), 'the defaults')
const rules: DailyRules = {
  splitBps: { fixed: 5_000, ecc: 3_000, top50: 2_000 },
  minimumVotes: { top10: 5, top100: 4, top1000: 3, top10000: 2, all: 1 },
  bonus: { bps: 1_000, referenceRate: 100n, capPerPartner: 1_000n },
}
const noBonus = { unitsPerCc: 100n, budget: 1_000_000n }

function day(pool: bigint, voters: readonly EccVoter[], market = noBonus): DailyDistribution {
  return distributeDay(pool, voters, rules, market)
}

describe('partners: the daily pool', () => {
  it('D-12 is split into fixed, ECC and top 50 %, and the bonus comes from its own budget after', () => {
    const { tiers, ecc, top50p, bonus, paid, carry, shares } = day(100_000n, votersInOrder(20), {
      unitsPerCc: 101n,
      budget: 1_000_000n,
    })
    expect(tiers.map(({ part }) => part)).to.deep.equal(Array.from({ length: 5 }, () => 10_000n))
    expect([ecc.part, top50p.part]).to.deep.equal([30_000n, 20_000n])
    expect(paid + carry).to.equal(100_000n)
    expect(sum(shares.map(({ fromPool }) => fromPool))).to.equal(paid)
    expect(sum(shares.map(({ amounts }) => amounts.cc_market))).to.equal(bonus.paid)
    expect(bonus.paid + bonus.remainder).to.equal(1_000_000n)
  })

  it('D-10 D-12 each voter of the day has a position, a vote count and eight amounts', () => {
    const { shares } = day(100_000n, votersInOrder(20, { votes: 7 }))
    expect(shares.map(({ position }) => position)).to.deep.equal(
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    for (const { votes, amounts } of shares) {
      expect(votes).to.equal(7)
      expect(Object.keys(amounts)).to.deep.equal(DAILY_CATEGORIES)
    }
  })

  it('D-13 the fixed part is five tiers: 10, 100, 1000, 10000, all', () => {
    const { tiers, shares } = day(20_000_000n, votersInOrder(10_001))
    expect(tiers.map(({ members }) => members)).to.deep.equal([10, 100, 1_000, 10_000, 10_001])
    expect(tiers.map(({ share }) => share)).to.deep.equal([200_000n, 20_000n, 2_000n, 200n, 199n])
    const last = shares.at(-1)?.amounts
    expect(last).to.include({ top10: 0n, top100: 0n, top1000: 0n, top10000: 0n, all: 199n })
  })

  it('D-13 a partner below a tier’s minimum of votes gets nothing from it; the others share it', () => {
    const voters = votersInOrder(20).map((voter, index) => ({ ...voter, votes: index < 2 ? 4 : 5 }))
    const { tiers, shares } = day(100_000n, voters)
    expect(tiers[0]).to.include({ members: 10, sharers: 8, share: 1_250n, minimumVotes: 5 })
    expect(shares.slice(0, 3).map(({ amounts }) => amounts.top10)).to.deep.equal([0n, 0n, 1_250n])
    expect(shares.slice(0, 3).map(({ amounts }) => amounts.top100)).to.deep.equal([
      500n,
      500n,
      500n,
    ])
  })

  it('D-13 D-25 a tier in which nobody has enough votes is carried', () => {
    const { tiers, carry } = day(100_000n, votersInOrder(20, { votes: 4 }))
    expect(tiers[0]).to.include({ sharers: 0, share: 0n, remainder: 10_000n })
    expect(carry).to.equal(10_000n)
  })

  it('D-11 the cap is 5 × the mean ECC of the top 10 %, and only they are weighed', () => {
    // 100 voters: ten are weighed. Σ ECC 1,000, mean 100, cap 500.
    const eccs = [910n, 10n, 10n, 10n, 10n, 10n, 10n, 10n, 10n, 10n, 10n ** 9n]
    const voters = votersInOrder(100).map((voter, at) => ({
      ...voter,
      ecc: (eccs[at] ?? 1n) * ECC,
    }))
    const { ecc, shares } = day(1_000_000n, voters)
    expect(ecc).to.include({ members: 10, capped: 1, capDown: 500n * ECC, eccSum: 1_000n * ECC })
    const weights = shares.slice(0, 10).map((share) => eccWeight(ecc, share.ecc) / ECC / 10n)
    expect(weights).to.deep.equal([500n, ...Array.from({ length: 9 }, () => 10n)])
    expect(shares[0]?.amounts.top10p_ecc).to.equal((300_000n * 500n) / 590n)
    expect(shares[10]?.amounts.top10p_ecc).to.equal(0n)
  })

  it('D-14 a partner at 100 × the mean weighs exactly as the cap, and one at the cap as much', () => {
    // 2,000 voters: 200 are weighed. Σ ECC 200, mean 1: the first has 100, the second 5.
    const eccs = [100n, 5n, ...Array.from({ length: 95 }, () => 1n)]
    const voters = votersInOrder(2_000).map((voter, at) => ({ ...voter, ecc: eccs[at] ?? 0n }))
    const { ecc, shares } = day(10n ** 18n, voters)
    expect(ecc).to.include({ members: 200, eccSum: 200n, capped: 1, weightSum: 105n * 200n })
    const weights = shares.slice(0, 3).map((share) => eccWeight(ecc, share.ecc))
    expect(weights).to.deep.equal([1_000n, 1_000n, 200n])
    const [first, second, third] = shares.map(({ amounts }) => amounts.top10p_ecc)
    expect(first).to.equal(second)
    expect(first).to.equal((ecc.part * 5n) / 105n)
    expect(third).to.equal(ecc.part / 105n)
  })

  it('D-14 the part is in proportion to the ECC below the cap, and carried when all have none', () => {
    const voters = votersInOrder(40).map((voter, at) => ({ ...voter, ecc: BigInt(at + 1) }))
    const { shares } = day(100_000n, voters)
    expect(shares.slice(0, 4).map(({ amounts }) => amounts.top10p_ecc)).to.deep.equal([
      3_000n,
      6_000n,
      9_000n,
      12_000n,
    ])
    const none = day(100_000n, votersInOrder(40, { ecc: 0n }))
    expect(none.ecc).to.include({ weightSum: 0n, remainder: 30_000n })
  })

  it('D-15 the better half by position shares the top 50 % part: two of three, none below', () => {
    const { top50p, shares } = day(100_000n, votersInOrder(3))
    expect(top50p).to.include({ members: 2, share: 10_000n })
    expect(shares.map(({ amounts }) => amounts.top50p)).to.deep.equal([10_000n, 10_000n, 0n])
  })

  it('D-12 the bonus is 10 % of what a partner gets, at most the cap, while the rate is above its reference', () => {
    const on = day(10_000n, votersInOrder(3), { unitsPerCc: 101n, budget: 1_000_000n })
    const totals = on.shares.map(({ fromPool }) => fromPool)
    expect(totals).to.deep.equal([5_665n, 2_665n, 1_665n])
    expect(on.shares.map(({ amounts }) => amounts.cc_market)).to.deep.equal([566n, 266n, 166n])
    expect(on.shares[0]?.total).to.equal(6_231n)
    const capped = day(100_000n, votersInOrder(3), { unitsPerCc: 101n, budget: 1_000_000n })
    expect(capped.shares[0]?.amounts.cc_market).to.equal(1_000n)
    expect(capped.bonus).to.include({ isOn: true, isScaled: false, capped: 3 })
    const off = day(10_000n, votersInOrder(3), noBonus)
    expect(off.bonus).to.include({ isOn: false, paid: 0n, remainder: 1_000_000n })
  })

  it('D-25 a budget that is short is shared in proportion, and never exceeded', () => {
    const { bonus, shares } = day(10_000n, votersInOrder(3), { unitsPerCc: 101n, budget: 100n })
    expect(shares.map(({ amounts }) => amounts.cc_market)).to.deep.equal([56n, 26n, 16n])
    expect(bonus).to.include({ isScaled: true, asked: 998n, paid: 98n, remainder: 2n })
  })

  it('D-08 without voters nothing is paid and the pool is kept', () => {
    const empty = day(99_999n, [])
    expect(empty).to.include({ paid: 0n, carry: 99_999n })
    expect(empty.shares).to.deep.equal([])
  })

  it('refuses a split that is not 10,000 bps, for the pool would not be shared whole', () => {
    const splitBps = { fixed: 5_000, ecc: 3_000, top50: 1_999 }
    const call = (): unknown => distributeDay(1n, [], { ...rules, splitBps }, noBonus)
    expect(codeOf(call)).to.equal('INTERNAL')
  })

  it(`D-25 shares and carry are the pool exactly for ${RANDOM_POOLS} random pools and rules`, () => {
    const markets = fc.record({ unitsPerCc: fc.bigInt(0n, 2n * ECC), budget: randomPool })
    fc.assert(
      fc.property(randomPool, randomVoters, randomRules, markets, (pool, voters, asked, market) => {
        const { shares, carry, bonus } = distributeDay(pool, voters, asked, market)
        const bonuses = sum(shares.map(({ amounts }) => amounts.cc_market))
        const all = sum(shares.flatMap(({ amounts }) => Object.values(amounts)))
        return (
          all - bonuses + carry === pool &&
          bonuses + bonus.remainder === market.budget &&
          all === sum(shares.map(({ total }) => total)) &&
          shares.every(({ amounts }) => Object.values(amounts).every((amount) => amount >= 0n))
        )
      }),
      { numRuns: RANDOM_POOLS },
    )
  }).timeout(30_000)

  it('with equal votes and ECC, nobody gets more than one with a better position', () => {
    fc.assert(
      fc.property(randomPool, fc.integer({ min: 0, max: 300 }), (pool, count) => {
        const { shares } = distributeDay(pool, votersInOrder(count), daily, noBonus)
        return shares.every(({ total }, at) => (shares[at - 1]?.total ?? total) >= total)
      }),
    )
  })
})
