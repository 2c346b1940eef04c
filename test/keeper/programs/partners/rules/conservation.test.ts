import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../../../keeper/base/amount.ts'
import { distributeDay } from '../../../../../keeper/programs/partners/rules/daily.ts'
import { distributeHour } from '../../../../../keeper/programs/partners/rules/hourly.ts'
import { splitInflow } from '../../../../../keeper/programs/partners/rules/pools.ts'
import { randomPool, randomRules, randomVoters } from '../../../../helpers/partners.ts'
import { oracleDay, oracleHour } from '../../../../helpers/partners-oracle.ts'
import type { OracleVote } from '../../../../helpers/partners-oracle.ts'

// The oracle asks for each voter who is better, in fractions: a tenth of what the sums are checked with.
const COMPARED_POOLS = 1_000
const RANDOM_DAYS = 2_000

interface People {
  voters: { partner: string; cc: bigint; votes: number; ecc: bigint }[]
  /** The same, vote by vote. */
  votes: OracleVote[]
}

// Each vote is one CC; the ECC is whole, or thousandths.
const people: fc.Arbitrary<People> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat({ max: 5_000 })), { maxLength: 24 })
  .map((all) => {
    const ids = all.map((_, index) => `0x${(index * 13) % 29}`)
    const voters = all.map(([votes, milli], index) => {
      const ecc = BigInt(milli) * 10n ** 15n
      return { partner: ids[index] ?? '', cc: BigInt(votes), votes, ecc }
    })
    const votes = all.flatMap(([count, milli], index) =>
      Array.from({ length: count }, () => ({ voter: ids[index] ?? '', power: `${milli}e-3` })),
    )
    return { voters, votes }
  })

describe('partners: what comes in and what goes out', () => {
  it('D-02 D-25 over a day, all that came in is paid or still in one of the two pools', () => {
    const hour = fc.record({ rate: randomPool, voters: randomVoters })
    const hours = fc.array(hour, { maxLength: 6 })
    const market = { unitsPerCc: 1n, budget: 0n }
    fc.assert(
      fc.property(hours, randomVoters, randomRules, (all, voters, rules) => {
        let [inflow, hourly, daily, paid] = [0n, 0n, 0n, 0n]
        for (const { rate, voters: ofHour } of all) {
          const cc = sum(ofHour.map((voter) => voter.cc))
          const came = splitInflow(cc, rate)
          const given = distributeHour(hourly + came.hourly, ofHour)
          inflow += cc * rate
          paid += sum(given.shares.map(({ total }) => total))
          hourly = given.carry
          daily += came.daily
        }
        const given = distributeDay(daily, voters, rules, market)
        paid += sum(given.shares.map(({ fromPool }) => fromPool))
        return paid + hourly + given.carry === inflow
      }),
      { numRuns: RANDOM_DAYS },
    )
  }).timeout(30_000)

  it(`D-25 each amount of ${COMPARED_POOLS} random hours is the slow oracle’s, and so is the carry`, () => {
    fc.assert(
      fc.property(randomPool, people, (pool, { voters, votes }) => {
        const found = distributeHour(pool, voters)
        const { amounts, carry } = oracleHour(pool, votes)
        const told = new Map(found.shares.map((share) => [share.partner, share.amounts]))
        expect(told).to.deep.equal(amounts)
        expect(found.carry).to.equal(carry)
      }),
      { numRuns: COMPARED_POOLS },
    )
  }).timeout(30_000)

  it(`D-25 each amount of ${COMPARED_POOLS} random days and rules is the slow oracle’s, and so is the carry`, () => {
    const markets = fc.record({ unitsPerCc: fc.bigInt(0n, 2n * 10n ** 18n), budget: randomPool })
    fc.assert(
      fc.property(randomPool, people, randomRules, markets, (pool, asked, rules, market) => {
        const found = distributeDay(pool, asked.voters, rules, market)
        const { amounts, carry } = oracleDay(pool, asked.votes, {
          bps: rules.splitBps,
          minimumVotes: rules.minimumVotes,
          bonus: rules.bonus,
          rate: market.unitsPerCc,
          budget: market.budget,
        })
        const told = new Map(found.shares.map((share) => [share.partner, share.amounts]))
        expect(told).to.deep.equal(amounts)
        expect(found.carry).to.equal(carry)
      }),
      { numRuns: COMPARED_POOLS },
    )
  }).timeout(30_000)
})
