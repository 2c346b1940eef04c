import type { Clock, UnixSeconds } from '../../keeper/base/time.ts'

export interface TestClock extends Clock {
  set(unix: UnixSeconds): void
  advance(seconds: number): void
  /** Moves the wall clock alone: somebody set it. */
  jump(seconds: number): void
}

/** A clock the test moves; sleeping moves it too, so that no test waits. */
export function testClock(start: UnixSeconds): TestClock {
  let ms = start * 1000
  let jumped = 0
  return {
    now: () => Math.floor(ms / 1000),
    nowMs: () => ms,
    monotonicMs: () => ms - jumped,
    sleep: async (duration, signal) => {
      signal?.throwIfAborted()
      ms += duration
      await Promise.resolve()
    },
    set: (unix) => {
      ms = unix * 1000
    },
    advance: (seconds) => {
      ms += seconds * 1000
    },
    jump: (seconds) => {
      ms += seconds * 1000
      jumped += seconds * 1000
    },
  }
}
