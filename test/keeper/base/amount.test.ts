import { expect } from 'chai'
import fc from 'fast-check'
import {
  formatAmount,
  mulDivDown,
  mulDivUp,
  parseAmount,
  splitProRata,
  sum,
} from '../../../keeper/base/amount.ts'
import { codeOf } from '../../helpers/errors.ts'

const pools = fc.bigInt(0n, 2n ** 200n)
const weights = fc.array(fc.bigInt(0n, 2n ** 60n), { maxLength: 50 })

describe('amount', () => {
  it('division says its rounding: 7 × 3 / 2 is 10 down and 11 up', () => {
    expect(mulDivDown(7n, 3n, 2n)).to.equal(10n)
    expect(mulDivUp(7n, 3n, 2n)).to.equal(11n)
    expect(mulDivUp(6n, 1n, 2n)).to.equal(3n)
  })

  it('Z-15 shares of 100 by weights 1, 1, 1 are 33 each and 1 carries', () => {
    expect(splitProRata(100n, [1n, 1n, 1n])).to.deep.equal({ shares: [33n, 33n, 33n], carry: 1n })
  })

  it('S-47 shares and carry add up to the pool for any weights, and no share is above its part', () => {
    fc.assert(
      fc.property(pools, weights, (pool, parts) => {
        const { shares, carry } = splitProRata(pool, parts)
        const total = sum(parts)
        expect(sum(shares) + carry).to.equal(pool)
        shares.forEach((share, index) => {
          expect(share * total <= pool * (parts[index] ?? 0n)).to.equal(true)
        })
        if (total > 0n) expect(carry < BigInt(Math.max(parts.length, 1))).to.equal(true)
      }),
    )
  })

  it('nobody or only zero weights carries the whole pool', () => {
    expect(splitProRata(5n, [])).to.deep.equal({ shares: [], carry: 5n })
    expect(splitProRata(5n, [0n, 0n])).to.deep.equal({ shares: [0n, 0n], carry: 5n })
  })

  it('an amount survives showing and reading for any number of decimals', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 250n), fc.integer({ min: 0, max: 18 }), (wei, decimals) => {
        expect(parseAmount(formatAmount(wei, decimals), decimals)).to.equal(wei)
      }),
    )
    expect(formatAmount(1_500_000_000_000_000_000n)).to.equal('1.5')
  })

  it('refuses text that is no amount, has too many decimals or is above uint256', () => {
    for (const text of ['', '1e18', '-1', '0x10', '1.', '.5', '1,5', '1.1234567890123456789']) {
      expect(
        codeOf(() => parseAmount(text)),
        text,
      ).to.equal('AMOUNT_INVALID')
    }
    expect(codeOf(() => parseAmount('9'.repeat(78), 0))).to.equal('AMOUNT_INVALID')
  })
})
