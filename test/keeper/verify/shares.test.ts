import { expect } from 'chai'
import fc from 'fast-check'
import { splitProRata } from '../../../keeper/base/amount.ts'
import { flagsOf, indicesOf, wordsOf } from '../../../keeper/verify/bitmap.ts'
import { share } from '../../../keeper/verify/decision.ts'
import { shareOf } from '../../../keeper/validators/twin.ts'

const MAX_POOL = 2n ** 104n - 1n
const MAX_WEIGHT = 2n ** 96n - 1n
const weight = fc.oneof(
  fc.constantFrom(0n, 1n, MAX_WEIGHT),
  fc.bigInt({ min: 0n, max: MAX_WEIGHT }),
)
const weights = fc.array(weight, { minLength: 1, maxLength: 300 })
const pool = fc.oneof(fc.constantFrom(0n, 1n, MAX_POOL), fc.bigInt({ min: 0n, max: MAX_POOL }))

describe('the shares of any pool by any weights', () => {
  it('S-47 add up to the pool with the carry, by weight and equally', () => {
    fc.assert(
      fc.property(weights, pool, fc.boolean(), (list, amount, weighted) => {
        const everybody = new Uint8Array(list.length).fill(1)
        const sharing = share(amount, everybody, weighted, (i) => list[i] ?? 0n)
        let sum = 0n
        for (const i of list.keys()) sum += sharing.shareOf(i)
        expect(sum).to.equal(sharing.allocated)
        const carry = amount - sum
        expect(carry >= 0n).to.equal(true)
        // What flooring leaves is less than one unit a payee; without weights all is carried.
        const isShared = sharing.weightSum !== 0n
        expect(isShared ? carry < BigInt(list.length) : carry === amount).to.equal(true)
      }),
      { numRuns: 500 },
    )
  })

  it('S-47 come out the same when they are computed again, here, by the twin and by the books', () => {
    fc.assert(
      fc.property(weights, pool, fc.boolean(), (list, amount, weighted) => {
        const weightOf = (i: number): bigint => list[i] ?? 0n
        const everybody = new Uint8Array(list.length).fill(1)
        const first = share(amount, everybody, weighted, weightOf)
        const again = share(amount, everybody, weighted, weightOf)
        const split = { pool: amount, weighted, weightSum: first.weightSum, weightOf }
        const rata = splitProRata(
          amount,
          list.map((each) => (weighted ? each : 1n)),
        )
        for (const i of list.keys()) {
          expect(again.shareOf(i)).to.equal(first.shareOf(i))
          expect(shareOf(split, i)).to.equal(first.shareOf(i))
          expect(rata.shares[i]).to.equal(first.shareOf(i))
        }
        expect(rata.carry).to.equal(amount - first.allocated)
      }),
      { numRuns: 200 },
    )
  })

  it('go to the eligible alone', () => {
    const sharing = share(10n, Uint8Array.from([1, 0, 1, 1]), false, () => 1n)
    expect([sharing.eligible, sharing.allocated, sharing.shareOf(0)]).to.deep.equal([3, 9n, 3n])
  })
})

describe('words and flags', () => {
  const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (list) => {
        expect(wordsOf(flagsOf(list), list.length)).to.deep.equal(list)
      }),
    )
  })

  it('name the validators whose bit is set', () => {
    expect(indicesOf(2n, (1n << 255n) | 5n)).to.deep.equal([512, 514, 767])
  })
})
