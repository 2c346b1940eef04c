import { expect } from 'chai'
import { MS_PER_HOUR, ORIGIN_RULE } from '../../../../keeper/heartbeat/hour-rule.ts'
import { Listening, RETURN_MS } from '../../../../keeper/heartbeat/tally/listening.ts'

const HOUR = 500_000
const START = HOUR * MS_PER_HOUR
const SECOND = 1_000
const MINUTE = 60 * SECOND

/** Ticks each second from one time to another; both are minutes of the hour. */
function listen(listening: Listening, fromMinute: number, toMinute: number): void {
  for (let at = START + fromMinute * MINUTE; at < START + toMinute * MINUTE; at += SECOND) {
    listening.tick(at + SECOND, SECOND)
  }
}

describe('what an intake listened to', () => {
  it('is 80 intervals of a whole hour, for each of several hours', () => {
    const listening = new Listening(ORIGIN_RULE, START - 2 * MINUTE)
    listen(listening, -2, 180)
    expect([0, 1, 2].map((h) => listening.expected(HOUR + h))).to.deep.equal([80, 80, 80])
    expect(listening.listenedMs(HOUR + 1)).to.equal(MS_PER_HOUR)
  })

  it('begins a minute after the start: until then the nodes come back', () => {
    const listening = new Listening(ORIGIN_RULE, START)
    listen(listening, 0, 31)
    expect(listening.listenedMs(HOUR)).to.equal(31 * MINUTE - RETURN_MS)
    expect(listening.expected(HOUR)).to.equal(40)
  })

  it('is nothing for a process that starts again each half minute', () => {
    let intervals = 0
    for (let minute = 0; minute < 60; minute += 0.5) {
      const listening = new Listening(ORIGIN_RULE, START + minute * MINUTE)
      listening.restore(HOUR, intervals, 0)
      listen(listening, minute, minute + 0.5)
      intervals = listening.expected(HOUR)
    }
    expect(intervals).to.equal(0)
  })

  it('goes on with what the process before had listened to', () => {
    const listening = new Listening(ORIGIN_RULE, START + 30 * MINUTE)
    listening.restore(HOUR, 39, 30 * MINUTE)
    listen(listening, 30, 46)
    expect(listening.expected(HOUR)).to.equal(39 + 20)
  })

  it('leaves out the time for which the process stood still, and a minute for the way back', () => {
    const listening = new Listening(ORIGIN_RULE, START - 2 * MINUTE)
    listen(listening, -2, 15)
    listening.tick(START + 45 * MINUTE, 30 * MINUTE)
    listen(listening, 45, 60)
    expect(listening.expected(HOUR)).to.equal(20 + 19)
  })

  it('counts a pause of less than an interval: a beat waits in the socket for so long', () => {
    const listening = new Listening(ORIGIN_RULE, START - 2 * MINUTE)
    listen(listening, -2, 15)
    listening.tick(START + 15 * MINUTE + 40 * SECOND, 40 * SECOND)
    listen(listening, 15 + 40 / 60, 60)
    expect(listening.expected(HOUR)).to.equal(80)
  })

  it('is not made longer by a clock that was set forward, nor by one that stands still', () => {
    const listening = new Listening(ORIGIN_RULE, START - 2 * MINUTE)
    listen(listening, -2, 10)
    listening.tick(START + 14 * MINUTE, SECOND)
    for (let i = 0; i < 240; i += 1) listening.tick(START + 14 * MINUTE, SECOND)
    expect(listening.listenedMs(HOUR)).to.equal(10 * MINUTE + SECOND)
  })

  it('gives a whole hour its 80 intervals although NTP slows the clock by 500 ppm', () => {
    const listening = new Listening(ORIGIN_RULE, START)
    listening.restore(HOUR, 0, 0)
    for (let i = 0; i < 3_660; i += 1) listening.tick(START + i * 999.5, SECOND)
    expect(listening.expected(HOUR)).to.be.at.least(79)
  })
})
