import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../../../keeper/base/amount.ts'
import {
  HOURLY_CATEGORIES,
  distributeHour,
} from '../../../../../keeper/programs/partners/rules/hourly.ts'
import type { HourlyDistribution } from '../../../../../keeper/programs/partners/rules/hourly.ts'
import { randomPool, randomVoters, votersInOrder } from '../../../../helpers/partners.ts'

const RANDOM_POOLS = 10_000

function membersOf({ parts }: HourlyDistribution): number[] {
  return parts.map(({ members }) => members)
}

describe('partners: the hourly pool', () => {
  it('D-05 is split into five equal categories: top 10 %, 10, 100, 1000, all', () => {
    const hour = distributeHour(5_000_004n, votersInOrder(2_000))
    expect(hour.parts.map(({ category }) => category)).to.deep.equal(HOURLY_CATEGORIES)
    expect(membersOf(hour)).to.deep.equal([200, 10, 100, 1_000, 2_000])
    expect(hour.parts.map(({ part }) => part)).to.deep.equal(
      Array.from({ length: 5 }, () => 1_000_000n),
    )
    expect(hour.undivided).to.equal(4n)
  })

  it('D-06 members of a category get equal shares, and position 1 gets from all five', () => {
    const { shares } = distributeHour(5_000_000n, votersInOrder(2_000))
    const at = (position: number): bigint[] => Object.values(shares[position - 1]?.amounts ?? {})
    expect(at(1)).to.deep.equal([5_000n, 100_000n, 10_000n, 1_000n, 500n])
    expect(at(10)).to.deep.equal(at(1))
    expect(at(11)).to.deep.equal([5_000n, 0n, 10_000n, 1_000n, 500n])
    expect(at(200)).to.deep.equal([5_000n, 0n, 0n, 1_000n, 500n])
    expect(at(1_000)).to.deep.equal([0n, 0n, 0n, 1_000n, 500n])
    expect(at(1_001)).to.deep.equal([0n, 0n, 0n, 0n, 500n])
    expect(shares[0]?.total).to.equal(116_500n)
  })

  it('D-07 with three voters the categories overlap wholly and still pay out whole', () => {
    const hour = distributeHour(15_000n, votersInOrder(3))
    expect(membersOf(hour)).to.deep.equal([1, 3, 3, 3, 3])
    expect(hour.shares.map(({ total }) => total)).to.deep.equal([7_000n, 4_000n, 4_000n])
    expect(hour.carry).to.equal(0n)
  })

  it('D-04 who has no votes in the hour is not among those who get something', () => {
    const voters = votersInOrder(3)
    const { shares } = distributeHour(1_000n, voters.slice(0, 2))
    expect(shares.map(({ partner }) => partner)).to.deep.equal(['p00001', 'p00002'])
  })

  it('D-08 without voters nothing is paid and the pool is kept', () => {
    const hour = distributeHour(1_003n, [])
    expect(hour).to.include({ paid: 0n, carry: 1_003n, undivided: 3n })
    expect(hour.shares).to.deep.equal([])
    expect(membersOf(hour)).to.deep.equal([0, 0, 0, 0, 0])
  })

  it('D-25 what flooring leaves is carried and shown: a pool of 11 for two pays 10, for three 9', () => {
    expect(distributeHour(11n, votersInOrder(2))).to.include({ paid: 10n, carry: 1n })
    const three = distributeHour(11n, votersInOrder(3))
    expect(three).to.include({ paid: 2n, carry: 9n, undivided: 1n })
    expect(three.parts.map(({ remainder }) => remainder)).to.deep.equal([0n, 2n, 2n, 2n, 2n])
  })

  it(`D-25 D-06 shares and carry are the pool exactly for ${RANDOM_POOLS} random pools`, () => {
    fc.assert(
      fc.property(randomPool, randomVoters, (pool, voters) => {
        const { shares, parts, carry } = distributeHour(pool, voters)
        const amounts = shares.map(({ amounts }) => Object.values(amounts))
        if (sum(amounts.flat()) + carry !== pool) return false
        // The first gets the share of every category; nobody gets more than a better one.
        const isFirstInAll = parts.every(({ category, share }) => {
          return shares.length === 0 || shares[0]?.amounts[category] === share
        })
        return (
          isFirstInAll && shares.every(({ total }, at) => (shares[at - 1]?.total ?? total) >= total)
        )
      }),
      { numRuns: RANDOM_POOLS },
    )
  }).timeout(30_000)

  it('a larger pool gives nobody less', () => {
    fc.assert(
      fc.property(randomPool, fc.bigInt(0n, 1_000n), randomVoters, (pool, more, voters) => {
        const before = distributeHour(pool, voters).shares
        const after = distributeHour(pool + more, voters).shares
        return before.every(({ total }, at) => (after[at]?.total ?? -1n) >= total)
      }),
    )
  })
})
