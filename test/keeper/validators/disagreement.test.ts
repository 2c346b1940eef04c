import { expect } from 'chai'
import fc from 'fast-check'
import type { Address } from '../../../keeper/base/schema.ts'
import { indicesOf, toWords } from '../../../keeper/heartbeat/words.ts'
import { compareReporters, majorityWords } from '../../../keeper/validators/disagreement.ts'
import type { Said } from '../../../keeper/validators/disagreement.ts'

const REPORTERS = ['0xa', '0xb', '0xc'] as Address[]

function said(...sets: (number[] | undefined)[]): Said[] {
  return sets.flatMap((up, i) => {
    const reporter = REPORTERS[i]
    return up && reporter ? [{ reporter, words: toWords(up, 2) }] : []
  })
}

describe('where reporters disagree', () => {
  it('a bit counts when two of three set it (R-11)', () => {
    const words = majorityWords(said([1, 2, 300], [2, 300], [1, 4]), 2)
    expect(indicesOf(words)).to.deep.equal([1, 2, 300])
  })

  it('the majority is that of counting votes one by one', () => {
    const indices = fc.uniqueArray(fc.integer({ min: 0, max: 511 }), { maxLength: 40 })
    const sets = fc.array(indices, { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 8 }), (all, majority) => {
        const words = majorityWords(
          all.map((up) => ({ reporter: '0xa', words: toWords(up, 2) })),
          majority,
        )
        const votes = Array.from({ length: 512 }, (_, i) => all.filter((up) => up.includes(i)))
        const expected = votes.flatMap((up, i) => (up.length >= majority ? [i] : []))
        expect(indicesOf(words)).to.deep.equal(expected)
      }),
    )
  })

  it('names who said otherwise about whom, in hours that count only', () => {
    const hours = new Map([
      [100, said([1, 2], [1, 2], [1, 7])],
      [101, said([1], [1], [1])],
      [102, said([5], undefined, undefined)],
    ])
    const found = compareReporters(hours, 2)
    const liar = found.get('0xc')
    expect([liar?.up, liar?.down]).to.deep.equal([1, 1])
    expect([...(liar?.validators.values() ?? [])]).to.have.deep.members([
      { index: 7, up: [100], down: [] },
      { index: 2, up: [], down: [100] },
    ])
    expect(found.get('0xa')?.validators.size).to.equal(0)
  })
})
