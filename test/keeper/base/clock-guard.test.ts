import { expect } from 'chai'
import {
  MAX_BLOCK_DISTANCE_SECONDS,
  MAX_CLOCK_JUMP_SECONDS,
  judgeClock,
  jumpOf,
} from '../../../keeper/base/clock-guard.ts'
import type { ClockVerdict } from '../../../keeper/base/clock-guard.ts'

const HOUR = 3_600
const believed = { wall: 1_000_000, monotonicMs: 5_000 }

/** An hour later by the monotonic clock; by the wall clock that much more. */
function judge(jump: number, blockTime?: number): ClockVerdict {
  const now = { wall: believed.wall + HOUR + jump, monotonicMs: 5_000 + HOUR * 1_000 }
  expect(jumpOf(believed, now)).to.equal(jump)
  return judgeClock({ believed, now, blockTime })
}

describe('the clock guard (S-40)', () => {
  it('believes a clock that runs as the monotonic one, and corrections up to the limit', () => {
    for (const jump of [0, 1, -1, MAX_CLOCK_JUMP_SECONDS, -MAX_CLOCK_JUMP_SECONDS]) {
      expect(judge(jump)).to.equal('steady')
    }
  })

  it('holds a jump of one second more, in both directions, while the chain says nothing', () => {
    expect(judge(MAX_CLOCK_JUMP_SECONDS + 1)).to.equal('held')
    expect(judge(-MAX_CLOCK_JUMP_SECONDS - 1)).to.equal('held')
  })

  it('holds two days forward and two hours back when the newest block is of an hour later', () => {
    const block = believed.wall + HOUR
    expect(judge(48 * HOUR, block)).to.equal('held')
    expect(judge(-2 * HOUR, block)).to.equal('held')
  })

  it('accepts a jump when the newest block is at most five minutes away from the clock', () => {
    const wall = believed.wall + HOUR + 48 * HOUR
    expect(judge(48 * HOUR, wall - MAX_BLOCK_DISTANCE_SECONDS)).to.equal('confirmed')
    expect(judge(48 * HOUR, wall + MAX_BLOCK_DISTANCE_SECONDS)).to.equal('confirmed')
    expect(judge(48 * HOUR, wall - MAX_BLOCK_DISTANCE_SECONDS - 1)).to.equal('held')
  })
})
