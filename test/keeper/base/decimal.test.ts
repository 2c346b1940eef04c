import { expect } from 'chai'
import fc from 'fast-check'
import { parseDecimalDown } from '../../../keeper/base/decimal.ts'
import { codeOf } from '../../helpers/errors.ts'

describe('decimal', () => {
  it('reads numbers with exponents exactly and floors what is finer than the unit', () => {
    const read = (text: string): bigint => parseDecimalDown(text, 18)
    expect(read('2.11e-16')).to.equal(211n)
    expect(read('1.3e-17')).to.equal(13n)
    expect(read('9.999e-18')).to.equal(9n)
    expect(read('1e-19')).to.equal(0n)
    expect(read('1.5E+3')).to.equal(1_500n * 10n ** 18n)
    expect(read('20.299972142581957')).to.equal(20_299_972_142_581_957_000n)
    expect(read('.5')).to.equal(5n * 10n ** 17n)
    expect(read(' 7. ')).to.equal(7n * 10n ** 18n)
    expect(read('0e-400')).to.equal(0n)
  })

  it('is the same number however the point is moved by an exponent', () => {
    const digits = fc.bigInt(0n, 10n ** 40n)
    const places = fc.integer({ min: 0, max: 60 })
    fc.assert(
      fc.property(digits, places, places, (value, decimals, exponent) => {
        const shifted = `${value}e-${exponent}`
        const expected = (value * 10n ** BigInt(decimals)) / 10n ** BigInt(exponent)
        if (expected >= 10n ** 78n) return
        expect(parseDecimalDown(shifted, decimals)).to.equal(expected)
        const text = value.toString().padStart(exponent + 1, '0')
        const at = text.length - exponent
        const written = `${text.slice(0, at)}.${text.slice(at)}`
        expect(parseDecimalDown(written, decimals)).to.equal(expected)
      }),
    )
  })

  it('refuses what is no number, is below zero, or is larger than the store holds', () => {
    const bad = ['', '.', 'e5', '-1', '1e', '1e401', '0x10', 'NaN', 'Infinity', '1,5', '1 2']
    for (const text of [...bad, '1e60', '9'.repeat(121)]) {
      expect(
        codeOf(() => parseDecimalDown(text, 18)),
        text,
      ).to.equal('DECIMAL_INVALID')
    }
    expect(parseDecimalDown('9e59', 18)).to.equal(9n * 10n ** 77n)
  })
})
