import { setTimeout as delay } from 'node:timers/promises'
import { KeeperError } from './errors.ts'

/** floor(unix seconds / 3600), named by its start: the same number in Solidity, SQL and JSON. */
export type Hour = number
/** One validators' day on the fixed grid; 0 means before the first cut. */
export type Cycle = number
export type UnixSeconds = number

export const SECONDS_PER_HOUR = 3_600
export const HOURS_PER_CYCLE = 24
export const SECONDS_PER_CYCLE = HOURS_PER_CYCLE * SECONDS_PER_HOUR

/** Time as an argument: whoever waits or dates something is given one. */
export interface Clock {
  now(): UnixSeconds
  nowMs(): number
  /** Runs on whatever is done to the clock; a machine's sleep may be left out of it. */
  monotonicMs?(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Math.floor(Date.now() / 1000),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted()
    await delay(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      // Node's own error hides the reason in its cause.
      throw signal?.aborted ? signal.reason : error
    })
  },
}

export interface ScaledClock extends Clock {
  /** How many of its seconds pass in one. */
  readonly factor: number
  /** It stands still until then, and after a hold until the next one. */
  start(): void
  hold(): void
}

export interface ScaledClockOptions {
  /** What it shows at first. */
  startMs: number
  factor: number
  /** When it was started, by the other clock: for a second process that shows the same time. */
  startedAtMs?: number | undefined
  base?: Clock
}

/** A day in minutes, for the demo and for tests; whoever sleeps by it sleeps that much shorter. */
export function scaledClock(options: ScaledClockOptions): ScaledClock {
  const { factor, base = systemClock } = options
  let { startMs: shownMs, startedAtMs: sinceMs } = options
  const nowMs = (): number => {
    const passed = sinceMs === undefined ? 0 : base.nowMs() - sinceMs
    return shownMs + Math.floor(passed * factor)
  }
  return {
    factor,
    start: () => {
      sinceMs ??= base.nowMs()
    },
    hold: () => {
      shownMs = nowMs()
      sinceMs = undefined
    },
    now: () => Math.floor(nowMs() / 1000),
    nowMs,
    monotonicMs: nowMs,
    sleep: (ms, signal) => base.sleep(Math.ceil(ms / factor), signal),
  }
}

export function isoTime(unix: UnixSeconds): string {
  return new Date(unix * 1000).toISOString().replace('.000Z', 'Z')
}

export function parseIso(text: string): UnixSeconds {
  const ms = /(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new KeeperError('TIME_INVALID', { text })
  return Math.floor(ms / 1000)
}

export function hourOf(unix: UnixSeconds): Hour {
  return Math.floor(unix / SECONDS_PER_HOUR)
}

export function startOfHour(hour: Hour): UnixSeconds {
  return hour * SECONDS_PER_HOUR
}

/** Cycle n owns [firstHour + (n-1)·24, firstHour + n·24); hours before the first are in cycle 0. */
export function cycleOfHour(firstHour: Hour, hour: Hour): Cycle {
  return hour < firstHour ? 0 : Math.floor((hour - firstHour) / HOURS_PER_CYCLE) + 1
}

export function openOf(firstCut: UnixSeconds, cycle: Cycle): UnixSeconds {
  return firstCut + (cycle - 1) * SECONDS_PER_CYCLE
}

export function cutOf(firstCut: UnixSeconds, cycle: Cycle): UnixSeconds {
  return openOf(firstCut, cycle + 1)
}

export function hoursOf(firstHour: Hour, cycle: Cycle): Hour[] {
  const first = firstHour + (cycle - 1) * HOURS_PER_CYCLE
  return Array.from({ length: HOURS_PER_CYCLE }, (_, index) => first + index)
}

/** The cycle whose cut is the latest at or before that instant; 0 when none is closed yet. */
export function latestClosedCycle(firstCut: UnixSeconds, unix: UnixSeconds): Cycle {
  return Math.max(0, Math.floor((unix - firstCut) / SECONDS_PER_CYCLE))
}
