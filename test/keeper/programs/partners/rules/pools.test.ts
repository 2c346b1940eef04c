import { expect } from 'chai'
import fc from 'fast-check'
import { rateAt, splitInflow } from '../../../../../keeper/programs/partners/rules/pools.ts'

describe('partners: pools', () => {
  it('D-01 the inflow is CC × rate; a quarter goes to the hour, the rest to the day', () => {
    expect(splitInflow(1_000n, 8n)).to.deep.equal({
      cc: 1_000n,
      unitsPerCc: 8n,
      inflow: 8_000n,
      hourly: 2_000n,
      daily: 6_000n,
    })
    expect(splitInflow(0n, 8n)).to.include({ inflow: 0n, hourly: 0n, daily: 0n })
  })

  it('D-02 both parts are the inflow exactly, and rounding goes to the day: 7 is 1 and 6', () => {
    expect(splitInflow(7n, 1n)).to.include({ hourly: 1n, daily: 6n })
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n), fc.bigInt(0n, 2n ** 96n), (cc, rate) => {
        const { inflow, hourly, daily } = splitInflow(cc, rate)
        expect(hourly + daily).to.equal(inflow)
        expect(hourly * 4n <= inflow && daily * 4n < inflow * 3n + 4n).to.equal(true)
      }),
    )
  })

  it('the rate in force is the last that began by then; before the first, the fallback', () => {
    const rates = [
      { from: 200, unitsPerCc: 2n },
      { from: 100, unitsPerCc: 1n },
    ]
    const found = [99, 100, 199, 200, 5_000].map((at) => rateAt(rates, at, 7n))
    expect(found).to.deep.equal([7n, 1n, 1n, 2n, 2n])
    expect(rateAt([], 100, 7n)).to.equal(7n)
  })
})
