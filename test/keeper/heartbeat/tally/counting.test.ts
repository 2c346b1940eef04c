import { expect } from 'chai'
import fc from 'fast-check'
import { MS_PER_HOUR, ORIGIN_RULE, intervalMs } from '../../../../keeper/heartbeat/hour-rule.ts'
import { countBeat, toleranceMs } from '../../../../keeper/heartbeat/tally/counting.ts'

const INTERVAL = intervalMs(ORIGIN_RULE)
const TOLERANCE = toleranceMs(ORIGIN_RULE)
const START = 500_000 * MS_PER_HOUR

/** The times at which beats were counted, without the hour's own limit. */
function counted(times: readonly number[]): number[] {
  let dueMs = 0
  return times.filter((at) => {
    const paced = countBeat(ORIGIN_RULE, { seen: 0, dueMs }, at)
    dueMs = paced.dueMs
    return paced.why === undefined
  })
}

/** The largest number in any window of that length, and not only in those of a grid. */
function mostWithin(times: readonly number[], windowMs: number): number {
  const counts = times.map((from) => {
    return times.filter((at) => at >= from && at < from + windowMs).length
  })
  return Math.max(0, ...counts)
}

const gaps = fc.array(fc.integer({ min: 0, max: 2 * INTERVAL }), { maxLength: 300 })

function timesOf(steps: readonly number[]): number[] {
  let at = START
  return steps.map((step) => (at += step))
}

describe('the count of beats', () => {
  it('takes one beat an interval, and none before a ping is left of it (Z-40)', () => {
    const after = [0, 1, 29_999, 30_000, 59_999, 75_000, 120_000].map((ms) => START + ms)
    expect(counted(after).map((at) => at - START)).to.deep.equal([0, 30_000, 75_000, 120_000])
  })

  it('takes 80 an hour and says that the hour is full (Z-40)', () => {
    const full = countBeat(ORIGIN_RULE, { seen: 80, dueMs: 0 }, START)
    expect([full.why, full.seen]).to.deep.equal(['hour-full', 80])
    expect(countBeat(ORIGIN_RULE, { seen: 79, dueMs: 0 }, START).seen).to.equal(80)
  })

  it('takes at most T / 45 s + 1 in any window, a ping of tolerance apart, whatever comes', () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: MS_PER_HOUR }), (steps, windowMs) => {
        const most = Math.floor((windowMs + TOLERANCE) / INTERVAL) + 1
        expect(mostWithin(counted(timesOf(steps)), windowMs)).to.be.at.most(most)
      }),
    )
  })

  it('loses no beat of a node whose pings come late by less than one of them', () => {
    const jitters = fc.array(fc.integer({ min: 0, max: TOLERANCE - 1 }), { maxLength: 300 })
    fc.assert(
      fc.property(jitters, (jitter) => {
        const times = jitter.map((ms, i) => START + i * INTERVAL + ms)
        expect(counted(times)).to.have.length(times.length)
      }),
    )
  })

  it('gains nothing by beating more often: in the long run one an interval', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: INTERVAL }), (everyMs) => {
        const times = Array.from({ length: Math.ceil(MS_PER_HOUR / everyMs) }, (_, i) => {
          return START + i * everyMs
        })
        expect(counted(times).length).to.be.at.most(81)
      }),
      { numRuns: 30 },
    )
  })

  it('does not wait for a due time that a clock ahead of ours has set', () => {
    const ahead = START + MS_PER_HOUR
    expect(countBeat(ORIGIN_RULE, { seen: 3, dueMs: ahead }, START)).to.deep.equal({
      seen: 4,
      dueMs: START + INTERVAL,
    })
  })
})
