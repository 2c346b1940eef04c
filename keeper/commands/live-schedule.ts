// Pure: who is killed when, and which hours that leaves him.
import { HOURS_PER_CYCLE, SECONDS_PER_HOUR } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { SettingKey } from '../config.ts'
import type { BeatRule } from '../heartbeat/hour-rule.ts'

/**
 * The origin's rule with longer intervals: 12 beats fit into an hour and 8 make it. At six real seconds an
 * hour a beat is half a second, which even a busy machine keeps, where the origin's 80 would be one every 75 ms.
 */
export const LIVE_RULE: BeatRule = { pingMs: 100_000, statusEvery: 3, least: 8 }
/** An hour in less than six seconds, a day in 140; a ping is a whole number of ms, 160. */
export const LIVE_FACTOR = 625
/** The same as settings of the intake. */
export const LIVE_SETTINGS: Partial<Record<SettingKey, string>> = {
  intakePort: '0',
  beatPingMs: String(LIVE_RULE.pingMs),
  beatStatusEvery: String(LIVE_RULE.statusEvery),
  beatLeast: String(LIVE_RULE.least),
  // A tenth of a second of ours, and the longest that the setting allows.
  intakeGraceMs: '60000',
  // A second of ours: who signs a single beat asks for the time over the network first.
  intakeSkewMs: '600000',
}

/** Hours of the cycle in which somebody is down, from 0 to 24, half open. */
export interface Outage {
  from: number
  until: number
}

export interface Move {
  atMs: number
  act: 'start' | 'kill'
}

// A kill comes just after the hour began: at most one beat of it is counted, where 8 are needed.
const KILLED_AFTER = 0.02
// A start comes at the end of the last hour of the outage: at most 3 of its beats are counted. The clock
// waits for the process, so that none is late for its next hour.
const BACK_BEFORE = 0.2

/** Whoever is up at the beginning is started by hand, before the clock runs. */
export function movesOf(outages: readonly Outage[], open: UnixSeconds): Move[] {
  const at = (hours: number): number => (open + hours * SECONDS_PER_HOUR) * 1_000
  return outages.flatMap(({ from, until }) => {
    const moves: Move[] = []
    if (from > 0) moves.push({ atMs: at(from + KILLED_AFTER), act: 'kill' })
    if (until < HOURS_PER_CYCLE) moves.push({ atMs: at(until - BACK_BEFORE), act: 'start' })
    return moves
  })
}

export function isUpAtFirst(outages: readonly Outage[]): boolean {
  return outages.every(({ from }) => from > 0)
}

/** For each hour of the cycle whether it is one of his. */
export function hoursUp(outages: readonly Outage[]): boolean[] {
  return Array.from({ length: HOURS_PER_CYCLE }, (_, hour) =>
    outages.every(({ from, until }) => hour < from || hour >= until),
  )
}
