import { expect } from 'chai'
import { ORIGIN_RULE, isOnline, mostPerHour } from '../../../keeper/heartbeat/hour-rule.ts'

describe('the hourly rule', () => {
  it('counts 47 of 80 beats as up and 46 as down (Z-41, Z-42)', () => {
    expect([46, 47, 80].map((seen) => isOnline(seen, 80))).to.deep.equal([false, true, true])
  })

  it('wants 6 of 9 and 6 of 10 beats: the same ratio where fewer are due (Z-42)', () => {
    expect([5, 6].map((seen) => isOnline(seen, 9))).to.deep.equal([false, true])
    expect([5, 6].map((seen) => isOnline(seen, 10))).to.deep.equal([false, true])
  })

  it('counts an hour in which no beat was due as down', () => {
    expect(isOnline(0, 0)).to.equal(false)
  })

  it('fits 80 beats into an hour: a ping in 15 s, of which each third counts (Z-40)', () => {
    expect(mostPerHour(ORIGIN_RULE)).to.equal(80)
  })

  it('takes another pace and another least number from the settings', () => {
    const rule = { pingMs: 10_000, statusEvery: 6, least: 50 }
    expect(mostPerHour(rule)).to.equal(60)
    expect([49, 50].map((seen) => isOnline(seen, 60, rule))).to.deep.equal([false, true])
  })
})
