import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import {
  leastAppearances,
  meetsRate,
  onlineRateBps,
} from '../../../keeper/heartbeat/online-rate.ts'

interface Vector {
  appearances: number
  snapshots: number
  rateBps: number
  meets: boolean
  threshold: number
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../../vectors/online-rate.json', import.meta.url), 'utf8'),
) as Vector[]

describe('the online rate', () => {
  it('decides every vector as OnlineRate.sol does (Z-05)', () => {
    expect(VECTORS.length).to.be.greaterThan(40)
    for (const { appearances, snapshots, rateBps, meets, threshold } of VECTORS) {
      const at = `${appearances} of ${snapshots} at ${rateBps}`
      expect(meetsRate(appearances, snapshots, rateBps), at).to.equal(meets)
      expect(leastAppearances(snapshots, rateBps), at).to.equal(threshold)
    }
  })

  it('takes 20 of 24 hours at 80 % and refuses 19; takes 4 of 5 and refuses 3 (Z-05)', () => {
    expect([20, 19].map((hours) => meetsRate(hours, 24, 8_000))).to.deep.equal([true, false])
    expect([4, 3].map((hours) => meetsRate(hours, 5, 8_000))).to.deep.equal([true, false])
  })

  it('is never met without snapshots, and shows as 0 (Z-06)', () => {
    expect(meetsRate(0, 0, 1)).to.equal(false)
    expect(onlineRateBps(0, 0)).to.equal(0)
  })

  it('is met exactly from the least number of appearances on, for every rate', () => {
    const rate = fc.integer({ min: 1, max: 10_000 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), rate, (snapshots, rateBps) => {
        const least = leastAppearances(snapshots, rateBps)
        expect(meetsRate(least, snapshots, rateBps)).to.equal(true)
        expect(meetsRate(least - 1, snapshots, rateBps)).to.equal(false)
      }),
    )
  })
})
