import { expect } from 'chai'
import { CAST } from '../../../keeper/commands/live-cast.ts'
import {
  LIVE_FACTOR,
  LIVE_RULE,
  hoursUp,
  isUpAtFirst,
  movesOf,
} from '../../../keeper/commands/live-schedule.ts'
import { intervalMs, mostPerHour } from '../../../keeper/heartbeat/hour-rule.ts'

const HOUR_MS = 3_600_000

describe('the schedule of a live day', () => {
  it('Z-40 Z-42 keeps the origin’s share of beats: 8 of 12 for 47 of 80', () => {
    expect(mostPerHour(LIVE_RULE)).to.equal(12)
    expect(LIVE_RULE.least).to.equal(Math.ceil((47 / 80) * 12))
    // What a node is told to wait is whole milliseconds.
    expect(LIVE_RULE.pingMs % LIVE_FACTOR).to.equal(0)
  })

  it('kills just after the hour began, and starts again in the last hour of the outage', () => {
    const moves = movesOf([{ from: 6, until: 10 }], 0)

    expect(moves.map(({ act }) => act)).to.deep.equal(['kill', 'start'])
    const [kill = 0, start = 0] = moves.map(({ atMs }) => atMs)
    expect(Math.floor(kill / HOUR_MS)).to.equal(6)
    expect(Math.floor(start / HOUR_MS)).to.equal(9)
  })

  it('leaves fewer beats than an hour needs before a kill and after a start', () => {
    const [kill = 0, start = 0] = movesOf([{ from: 6, until: 10 }], 0).map(({ atMs }) => atMs)
    const interval = intervalMs(LIVE_RULE)

    // One more than fits, for the one that is counted at once.
    const before = Math.floor((kill - 6 * HOUR_MS) / interval) + 1
    const after = Math.floor((10 * HOUR_MS - start) / interval) + 1
    expect(before).to.be.at.most(1)
    expect(after).to.be.at.most(3)
  })

  it('neither kills who comes late nor starts who is gone for good', () => {
    expect(movesOf([{ from: 0, until: 3 }], 0).map(({ act }) => act)).to.deep.equal(['start'])
    expect(movesOf([{ from: 20, until: 24 }], 0).map(({ act }) => act)).to.deep.equal(['kill'])
    expect(movesOf([{ from: 0, until: 24 }], 0)).to.deep.equal([])
    expect(isUpAtFirst([{ from: 0, until: 3 }])).to.equal(false)
    expect(isUpAtFirst([{ from: 1, until: 3 }])).to.equal(true)
  })

  it('has in its cast one with 20 hours, who is in, and one with 19, who is out', () => {
    const hours = CAST.map(({ outages }) => hoursUp(outages).filter(Boolean).length)

    expect(hours).to.include(20)
    expect(hours).to.include(19)
    expect(hours).to.include(0)
    expect(hours.filter((count) => count >= 20)).to.have.length(7)
  })
})
