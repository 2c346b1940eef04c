import type { ErrorCode } from '../../base/error-catalogue.ts'

// Origin's pace. An intake that runs a day in minutes tells a shorter one, and all waits shrink with it.
export const ORIGIN_PING_MS = 15_000

// First wait after a lost session: 2 s at the origin's pace, drawn from 0 to that.
const FIRST_PART = 7.5
// Longest wait between two tries: 30 s, so that a restarted intake has all its nodes within a minute.
const MOST_PINGS = 2
// Who is refused for what he is (not registered, replaced) asks every 2 to 4 minutes.
const SLOW_PINGS = 16
// However short the pings are: a process needs this long to try at all on a busy machine.
const LEAST_FIRST_MS = 100
const LEAST_MOST_MS = 1_000
const LEAST_SLOW_MS = 2_000
// 2^10 times the first wait is above every longest one.
const MAX_DOUBLINGS = 10

export interface Pace {
  firstMs: number
  mostMs: number
  slowMs: number
}

export function paceOf(pingMs: number): Pace {
  return {
    firstMs: Math.max(LEAST_FIRST_MS, Math.floor(pingMs / FIRST_PART)),
    mostMs: Math.max(LEAST_MOST_MS, pingMs * MOST_PINGS),
    slowMs: Math.max(LEAST_SLOW_MS, pingMs * SLOW_PINGS),
  }
}

/** Full jitter: anything from nothing to the doubled wait, so that ten thousand do not come as one. */
export function jittered(attempt: number, { firstMs, mostMs }: Pace, random: number): number {
  const most = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, MAX_DOUBLINGS))
  return Math.floor(random * most)
}

/** Half of it is certain: a refusal that only a person can lift is not asked about often. */
export function slow({ slowMs }: Pace, random: number): number {
  return Math.floor(slowMs / 2 + (random * slowMs) / 2)
}

export type Answer = 'stop' | 'slow' | 'soon'

// Wrong from the first: another key, another chain, another address than the intake's own.
const WRONG: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LOGIN_INVALID',
  'LOGIN_AUDIENCE',
  'BEAT_INVALID',
  'INTAKE_OTHER_CHAIN',
  'INTAKE_NOT_MUSTER',
])
// Somebody has to do something first: register the node, add it again, stop a second agent.
const NEEDS_SOMEBODY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NODE_UNKNOWN',
  'NODE_REMOVED',
  'SESSION_REPLACED',
  // A single beat from before our clock was set back: time passes it.
  'BEAT_REPLAYED',
  'ADDRESS_FULL',
])

/**
 * What a refusal means for the next try. Whoever was welcome once never stops: an intake that is set up
 * wrongly for five minutes must not switch off every node for good.
 */
export function answerTo(code: ErrorCode, wasWelcome: boolean): Answer {
  if (WRONG.has(code)) return wasWelcome ? 'slow' : 'stop'
  return NEEDS_SOMEBODY.has(code) ? 'slow' : 'soon'
}
