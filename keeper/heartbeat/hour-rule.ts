import { SECONDS_PER_HOUR } from '../base/time.ts'

/** How beats become hours: a node pings, each so-manyth ping is a beat, and so many beats make an hour. */
export interface BeatRule {
  pingMs: number
  statusEvery: number
  /** The least beats of a whole hour with which a node was up. */
  least: number
}

// A ping in 15 s, each third is followed by a status and counts once, which is 80 an hour; a node with at
// least 47 of them was up (Z-40, Z-41, Z-42).
export const ORIGIN_RULE: BeatRule = { pingMs: 15_000, statusEvery: 3, least: 47 }

export const MS_PER_HOUR = SECONDS_PER_HOUR * 1_000

/** From one counted beat to the next. */
export function intervalMs({ pingMs, statusEvery }: BeatRule): number {
  return pingMs * statusEvery
}

export function mostPerHour(rule: BeatRule): number {
  return Math.floor(MS_PER_HOUR / intervalMs(rule))
}

/**
 * seen / expected >= 47 / 80, multiplied out, so that an hour in which fewer beats were due is judged by the
 * same ratio. An hour in which none was due does not count.
 */
export function isOnline(seen: number, expected: number, rule: BeatRule = ORIGIN_RULE): boolean {
  return expected > 0 && seen * mostPerHour(rule) >= expected * rule.least
}
