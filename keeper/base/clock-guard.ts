import type { UnixSeconds } from './time.ts'

/** The wall clock may be set by anybody; the monotonic one only runs. */
export interface ClockReading {
  wall: UnixSeconds
  monotonicMs: number
}

export interface ClockFacts {
  /** The last reading that was believed. */
  believed: ClockReading
  now: ClockReading
  /** Of the newest block; undefined when the chain was not asked or does not answer. */
  blockTime: UnixSeconds | undefined
}

/**
 * steady: both clocks ran alike. confirmed: the wall clock jumped, and the chain says that it is right now (a
 * machine that slept, a clock that was wrong before). held: it jumped, and nothing says that it is right.
 */
export type ClockVerdict = 'steady' | 'confirmed' | 'held'

// NTP steps a clock that is off by more than 128 ms and gives up beyond 1,000 s; five minutes are far more than
// any correction of a clock that was kept, and too little to move a slot out of its hour.
export const MAX_CLOCK_JUMP_SECONDS = 300
// Blocks are seconds apart and at most 15 s ahead; a chain that stands still for longer confirms nothing.
export const MAX_BLOCK_DISTANCE_SECONDS = 300

const MS_PER_SECOND = 1_000

/** By how much the wall clock moved more than time passed; below zero it went back. */
export function jumpOf(believed: ClockReading, now: ClockReading): number {
  const passed = Math.round((now.monotonicMs - believed.monotonicMs) / MS_PER_SECOND)
  return now.wall - believed.wall - passed
}

export function isJump(jumpSeconds: number): boolean {
  return Math.abs(jumpSeconds) > MAX_CLOCK_JUMP_SECONDS
}

/** S-40: after a jump nothing is started on the wall clock's word alone. */
export function judgeClock({ believed, now, blockTime }: ClockFacts): ClockVerdict {
  if (!isJump(jumpOf(believed, now))) return 'steady'
  if (blockTime === undefined) return 'held'
  return Math.abs(now.wall - blockTime) <= MAX_BLOCK_DISTANCE_SECONDS ? 'confirmed' : 'held'
}
