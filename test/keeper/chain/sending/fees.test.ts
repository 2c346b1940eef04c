import { expect } from 'chai'
import fc from 'fast-check'
import { bumpFees, initialFees } from '../../../../keeper/chain/sending/fees.ts'

const GWEI = 10n ** 9n
const policy = { maxFeePerGas: 200n * GWEI, minTipPerGas: GWEI / 10n }

describe('fees', () => {
  it('offers twice the base fee and the tip', () => {
    const fees = initialFees({ baseFee: 10n * GWEI, tip: 2n * GWEI }, policy)
    expect(fees).to.deep.equal({ maxFeePerGas: 22n * GWEI, maxPriorityFeePerGas: 2n * GWEI })
  })

  it('S-17 above the ceiling there is no fee: hold', () => {
    expect(initialFees({ baseFee: 200n * GWEI, tip: 1n }, policy)).to.equal(undefined)
    const near = initialFees({ baseFee: 150n * GWEI, tip: GWEI }, policy)
    expect(near?.maxFeePerGas).to.equal(200n * GWEI)
  })

  it('a node that suggests no tip gets the smallest of ours', () => {
    expect(initialFees({ baseFee: 1n, tip: 0n }, policy)?.maxPriorityFeePerGas).to.equal(GWEI / 10n)
  })

  it('S-16 a bump raises tip and cap by at least 12.5 % and 1 wei from the highest attempt', () => {
    const fee = fc.bigInt(1n, 150n * GWEI)
    fc.assert(
      fc.property(fee, fee, fee, (cap, tip, baseFee) => {
        const old = { maxFeePerGas: cap > tip ? cap : tip, maxPriorityFeePerGas: tip }
        const lower = { maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }
        const bumped = bumpFees([old, lower], { baseFee, tip: 0n }, policy)
        if (!bumped) return
        expect(bumped.maxFeePerGas * 1000n > old.maxFeePerGas * 1125n).to.equal(true)
        expect(bumped.maxPriorityFeePerGas * 1000n > tip * 1125n).to.equal(true)
        expect(bumped.maxFeePerGas <= policy.maxFeePerGas).to.equal(true)
        expect(bumped.maxPriorityFeePerGas <= bumped.maxFeePerGas).to.equal(true)
      }),
    )
  })

  it('S-17 a bump that would pass the ceiling is not made', () => {
    const old = { maxFeePerGas: 190n * GWEI, maxPriorityFeePerGas: GWEI }
    expect(bumpFees([old], { baseFee: GWEI, tip: GWEI }, policy)).to.equal(undefined)
  })
})
