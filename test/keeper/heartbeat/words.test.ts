import { expect } from 'chai'
import fc from 'fast-check'
import {
  countBits,
  covers,
  hexToWords,
  indicesOf,
  toWords,
  wordToHex,
} from '../../../keeper/heartbeat/words.ts'

const INDICES = fc.uniqueArray(fc.integer({ min: 0, max: 1_023 }), { maxLength: 300 })

describe('bitmap words', () => {
  it('give back the indices they were made of, in order', () => {
    fc.assert(
      fc.property(INDICES, (indices) => {
        const words = toWords(indices, 4)
        expect(indicesOf(words)).to.deep.equal(indices.toSorted((a, b) => a - b))
        expect(countBits(words)).to.equal(indices.length)
      }),
    )
  })

  it('put validator 256 * w + i on bit i of word w', () => {
    expect(toWords([0, 255, 256, 600], 3)).to.deep.equal([1n | (1n << 255n), 1n, 1n << 88n])
  })

  it('survive the way through hex, in one line or in many', () => {
    const words = toWords([1, 300], 2)
    const hex = words.map(wordToHex)
    expect(hexToWords(hex.join('\n'))).to.deep.equal(words)
    expect(hexToWords(hex.join(','))).to.deep.equal(words)
    expect(hexToWords(`0x${hex.map((word) => word.slice(2)).join('')}`)).to.deep.equal(words)
  })

  it('are not read from anything else: an address, half a word, nothing', () => {
    const address = '0x000a1a29626edb27d61cf98049c5cdd18175238b'
    for (const text of [address, '0x1234', '', 'node']) {
      expect(hexToWords(text), text).to.equal(undefined)
    }
  })

  it('cover what has no further bit', () => {
    expect(covers([7n, 1n], [5n, 1n])).to.equal(true)
    expect(covers([7n], [5n, 1n])).to.equal(false)
  })
})
