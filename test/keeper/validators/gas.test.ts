import { expect } from 'chai'
import {
  MAX_TX_GAS,
  MIN_PAGE_WORDS,
  extractGas,
  maxPayees,
  pageWords,
  transferGas,
} from '../../../keeper/validators/gas.ts'

const EQUAL = { weighted: false, payAll: false, reporters: 1 }
const NATIVE = { stipend: 30_000, maxRefused: 16, isNative: true }

describe('the gas limits', () => {
  it('of extract cover 10,000 validators in one transaction and grow with the words', () => {
    expect(pageWords({ ...EQUAL, words: 40 })).to.equal(undefined)
    expect(extractGas({ ...EQUAL, words: 4 })).to.be.greaterThan(480_000n)
    expect(extractGas({ ...EQUAL, words: 40 })).to.be.lessThan(MAX_TX_GAS)
  })

  it('of 100,000 validators make pages, each within 15 M gas and not below the smallest page', () => {
    for (const weighted of [false, true]) {
      const shape = { ...EQUAL, weighted, words: 391 }
      const words = pageWords(shape) ?? 0
      expect(words).to.be.at.least(MIN_PAGE_WORDS)
      expect(extractGas({ ...shape, words })).to.be.at.most(MAX_TX_GAS)
      expect(extractGas({ ...shape, words: words + 1 })).to.be.greaterThan(MAX_TX_GAS)
    }
  })

  it('of every number of reporters make pages that are not below the smallest page (R-22)', () => {
    for (const reporters of [1, 2, 3, 5, 8]) {
      const shape = { reporters, weighted: true, payAll: true, words: 512 }
      expect(pageWords(shape)).to.be.at.least(MIN_PAGE_WORDS)
    }
  })

  it('of a batch are fixed + payees + refusals, and the largest batch still fits (R-30)', () => {
    const ten = transferGas(10, 1, NATIVE)
    expect(transferGas(11, 1, NATIVE)).to.be.greaterThan(ten)
    const most = maxPayees(NATIVE)
    expect(most).to.be.greaterThan(200)
    expect(transferGas(most, Math.min(most, 64), NATIVE)).to.be.at.most(MAX_TX_GAS)
  })

  it('leave every payee its stipend and the reserve of the contract', () => {
    const one = transferGas(1, 1, NATIVE)
    expect(one).to.be.greaterThan(21_000n + (64n * 30_000n) / 63n + 60_000n)
    expect(transferGas(1, 1, { ...NATIVE, stipend: 500_000 }) - one).to.be.greaterThan(1_400_000n)
  })
})
