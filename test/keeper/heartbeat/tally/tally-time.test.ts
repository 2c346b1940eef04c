import { expect } from 'chai'
import { tallyTime } from '../../../../keeper/heartbeat/tally/tally-time.ts'
import { testClock } from '../../../helpers/clock.ts'

const START = 1_800_000_000
const MAX_JUMP_MS = 300_000

describe('the time of the tally', () => {
  it('follows a clock that runs, with the small steps of one that is kept', () => {
    const clock = testClock(START)
    const time = tallyTime(clock, MAX_JUMP_MS)
    clock.advance(100)
    clock.jump(200)
    expect(time.at(clock.nowMs())).to.equal((START + 300) * 1_000)
    expect(time.jumpMs()).to.equal(undefined)
  })

  it('stands still after a small step back, until the clock has caught up', () => {
    const clock = testClock(START)
    const time = tallyTime(clock, MAX_JUMP_MS)
    clock.jump(-60)
    expect(time.at(clock.nowMs())).to.equal(START * 1_000)
    clock.advance(61)
    expect(time.at(clock.nowMs())).to.equal((START + 1) * 1_000)
  })

  for (const jump of [-7_200, 7_200]) {
    it(`does not believe a jump of ${jump} s and runs on by itself (S-40)`, () => {
      const clock = testClock(START)
      const time = tallyTime(clock, MAX_JUMP_MS)
      clock.jump(jump)
      clock.advance(10)
      expect(time.at(clock.nowMs())).to.equal((START + 10) * 1_000)
      expect(time.jumpMs()).to.equal(jump * 1_000)
      clock.jump(-jump)
      clock.advance(10)
      expect(time.at(clock.nowMs())).to.equal((START + 20) * 1_000)
      expect(time.jumpMs()).to.equal(undefined)
    })

    it(`follows a jump of ${jump} s when somebody else says that it is right`, () => {
      const clock = testClock(START)
      const time = tallyTime(clock, MAX_JUMP_MS)
      clock.jump(jump)
      time.at(clock.nowMs())
      time.follow()
      expect(time.at(clock.nowMs())).to.equal((START + jump) * 1_000)
    })
  }
})
