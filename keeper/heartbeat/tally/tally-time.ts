import type { Clock } from '../../base/time.ts'

/** The time by which beats are counted and hours closed, in unix milliseconds. */
export interface TallyTime {
  /** Never goes back. Follows the wall clock unless that jumped against the monotonic one. */
  at(wallMs: number): number
  /** Between two calls of at(): how long it really was. */
  monotonicMs(): number
  /** Undefined: the clocks run alike; else by how much the wall clock jumped. */
  jumpMs(): number | undefined
  /** Somebody else says that the wall clock is right: it is followed from now on, back too. */
  follow(): void
}

/**
 * S-40 for the intake: a clock that is set must not close an hour early, count one twice or skip one. A small
 * step back lets time stand still until the clock has caught up; a large one, either way, is not believed.
 */
export function tallyTime(clock: Clock, maxJumpMs: number): TallyTime {
  const monotonicMs = (): number => clock.monotonicMs?.() ?? clock.nowMs()
  let believed = { wallMs: clock.nowMs(), monotonicMs: monotonicMs() }
  let latest = believed.wallMs
  let jump: number | undefined
  return {
    at: (wallMs) => {
      const now = { wallMs, monotonicMs: monotonicMs() }
      const passed = now.monotonicMs - believed.monotonicMs
      const difference = wallMs - believed.wallMs - passed
      const isJump = Math.abs(difference) > maxJumpMs
      jump = isJump ? difference : undefined
      if (!isJump) believed = now
      latest = Math.max(latest, isJump ? believed.wallMs + Math.floor(passed) : wallMs)
      return latest
    },
    monotonicMs,
    jumpMs: () => jump,
    follow: () => {
      believed = { wallMs: clock.nowMs(), monotonicMs: monotonicMs() }
      latest = believed.wallMs
      jump = undefined
    },
  }
}
