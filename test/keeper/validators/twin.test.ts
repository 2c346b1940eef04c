import { expect } from 'chai'
import fc from 'fast-check'
import { sum } from '../../../keeper/base/amount.ts'
import { indicesOf, toWords } from '../../../keeper/heartbeat/words.ts'
import { decideCycle, reasonOf, shareOf } from '../../../keeper/validators/twin.ts'
import type { CycleEvidence } from '../../../keeper/validators/twin.ts'

/** One reporter: `hoursOnline[i]` is in how many of its first hours validator i is up. */
function evidenceOf(hoursOnline: number[], changes: Partial<CycleEvidence> = {}): CycleEvidence {
  const count = Math.ceil(hoursOnline.length / 256)
  const hours = Array.from({ length: 24 }, (_, h) => [
    toWords(
      hoursOnline.flatMap((up, i) => (h < up ? [i] : [])),
      count,
    ),
  ])
  return {
    hours,
    reporters: 1,
    masks: toWords(hoursOnline.keys(), count),
    rateBps: 8e3,
    minSnapshots: 20,
    weighted: false,
    payAll: false,
    weightOf: () => 1n,
    ...changes,
  }
}

describe('the twin of extract', () => {
  it('takes 20 of 24 hours, refuses 19, and says why (Z-05)', () => {
    const evidence = evidenceOf([24, 20, 19, 0])
    const decision = decideCycle(evidence)
    expect(indicesOf(decision.eligibleWords)).to.deep.equal([0, 1])
    expect(reasonOf(decision, evidence.masks, 1, 8_000)).to.equal(undefined)
    expect(reasonOf(decision, evidence.masks, 2, 8_000)).to.equal(
      'online 19 of 24 hours, 20 are needed',
    )
    expect(reasonOf(decision, [0n], 3, 8_000)).to.equal('not active in the cycle')
  })

  it('pays nobody outside the roster of the cycle, whatever the beats say (Z-14)', () => {
    const decision = decideCycle(evidenceOf([24, 24], { masks: [1n] }))
    expect(indicesOf(decision.eligibleWords)).to.deep.equal([0])
  })

  it('rolls over below the least number of snapshots (R-12)', () => {
    const hours = evidenceOf([24]).hours.map((pushes, h) => (h < 19 ? pushes : []))
    const decision = decideCycle(evidenceOf([24], { hours }))
    expect([decision.isRolledOver, decision.snapshots, decision.eligible]).to.deep.equal([
      true,
      19,
      0,
    ])
    const twenty = evidenceOf([24]).hours.map((pushes, h) => (h < 20 ? pushes : []))
    expect(decideCycle(evidenceOf([24], { hours: twenty })).eligible).to.equal(1)
  })

  it('with nobody eligible carries all, or pays everybody as the origin does (Z-16)', () => {
    expect(decideCycle(evidenceOf([0, 0])).eligible).to.equal(0)
    expect(decideCycle(evidenceOf([0, 0], { payAll: true })).eligible).to.equal(2)
  })

  it('counts an hour and a bit when two of three reporters have it (R-11)', () => {
    const hours = Array.from({ length: 24 }, (_, h) => (h === 0 ? [[3n]] : [[1n], [3n], [0n]]))
    const decision = decideCycle(evidenceOf([0, 0], { hours, reporters: 3 }))
    expect([decision.snapshots, decision.appearances[0], decision.appearances[1]]).to.deep.equal([
      23, 23, 0,
    ])
  })

  it('splits any pool by any weights without losing a unit (Z-15, R-21, S-47)', () => {
    const weights = fc.array(fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }), {
      minLength: 1,
      maxLength: 50,
    })
    fc.assert(
      fc.property(weights, fc.bigInt({ min: 0n, max: 2n ** 104n - 1n }), (list, pool) => {
        const split = {
          pool,
          weighted: true,
          weightSum: sum(list),
          weightOf: (i: number) => list[i] ?? 0n,
        }
        const shares = list.map((_weight, i) => shareOf(split, i))
        const carry = pool - sum(shares)
        expect(carry >= 0n && (sum(list) === 0n || carry < BigInt(list.length))).to.equal(true)
      }),
    )
  })
})
