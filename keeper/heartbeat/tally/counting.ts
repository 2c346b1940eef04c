import type { BeatRule } from '../hour-rule.ts'
import { intervalMs, mostPerHour } from '../hour-rule.ts'

/** What is known of a node when its beat comes: how many of the hour are counted, and when one is due. */
export interface Pace {
  seen: number
  dueMs: number
}

export type NotCounted = 'too-soon' | 'hour-full'

/** A beat is counted, or it changes nothing. */
export interface Paced extends Pace {
  why?: NotCounted
}

/**
 * The generic cell rate algorithm: each counted beat moves the due time on by one interval, and a beat counts
 * from a third of an interval (a ping of the origin) before it is due. So jitter of a ping loses no beat, and in
 * the long run there is one an interval, whatever the pattern.
 */
export function countBeat(rule: BeatRule, { seen, dueMs }: Pace, nowMs: number): Paced {
  const interval = intervalMs(rule)
  const due = isOfThisClock(dueMs, nowMs, interval) ? dueMs : nowMs
  if (nowMs < due - toleranceMs(rule)) return { seen, dueMs, why: 'too-soon' }
  if (seen >= mostPerHour(rule)) return { seen, dueMs, why: 'hour-full' }
  return { seen: seen + 1, dueMs: Math.max(due, nowMs) + interval }
}

export function toleranceMs(rule: BeatRule): number {
  return Math.floor(intervalMs(rule) / 3)
}

/** Nothing counted by this clock can be due more than two intervals ahead: the clock was set back since. */
function isOfThisClock(dueMs: number, nowMs: number, interval: number): boolean {
  return dueMs - nowMs <= 2 * interval
}
