import { expect } from 'chai'
import fc from 'fast-check'
import { countBits, toWords } from '../../../keeper/heartbeat/words.ts'
import { indicesIn, narrow, sliceKey, toSlices } from '../../../keeper/validators/slices.ts'

const payees = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sizes = (count: number, size: number): number[] =>
  toSlices(toWords(payees(count), Math.ceil(count / 256)), size).map((slice) => slice.payees)

describe('the batches of a cycle', () => {
  it('of ten are 0→0, 1→1, 10→1, 11→2, 25→10+10+5 (Z-45)', () => {
    expect(sizes(0, 10)).to.deep.equal([])
    expect(sizes(1, 10)).to.deep.equal([1])
    expect(sizes(10, 10)).to.deep.equal([10])
    expect(sizes(11, 10)).to.deep.equal([10, 1])
    expect(sizes(25, 10)).to.deep.equal([10, 10, 5])
  })

  it('name every unpaid validator once, in order, and no other', () => {
    const some = fc.uniqueArray(fc.integer({ min: 0, max: 2_000 }), { maxLength: 400 })
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 50 }), (indices, size) => {
        const slices = toSlices(toWords(indices, 8), size)
        expect(slices.flatMap(indicesIn)).to.deep.equal(indices.toSorted((a, b) => a - b))
        expect(slices).to.have.length(Math.ceil(indices.length / size))
        for (const slice of slices) expect(slice.payees).to.equal(countBits(slice.masks))
      }),
    )
  })

  it('have at most 64 roster words, which is what the contract takes', () => {
    const spread = Array.from({ length: 100 }, (_, w) => w * 256)
    const slices = toSlices(toWords(spread, 100), 1_000)
    expect(slices.map(({ words }) => words.length)).to.deep.equal([64, 36])
  })

  it('have a key of their content: the same list the same key, another list another', () => {
    const [a, b] = toSlices(toWords([1, 2, 300], 2), 2)
    if (!a || !b) throw new Error('two slices')
    expect(sliceKey(7, a)).to.equal(sliceKey(7, { ...a }))
    expect(new Set([sliceKey(7, a), sliceKey(8, a), sliceKey(7, b)]).size).to.equal(3)
  })

  it('leave out what was paid meanwhile (S-51)', () => {
    const [slice] = toSlices(toWords([1, 2, 300], 2), 10)
    if (!slice) throw new Error('one slice')
    expect(indicesIn(narrow(slice, toWords([2, 300], 2)))).to.deep.equal([2, 300])
    expect(narrow(slice, [0n, 0n]).payees).to.equal(0)
  })
})
