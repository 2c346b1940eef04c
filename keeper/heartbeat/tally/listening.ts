import { hourOf } from '../../base/time.ts'
import type { Hour } from '../../base/time.ts'
import { MS_PER_HOUR, intervalMs, mostPerHour } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import { toleranceMs } from './counting.ts'

/** For how much of an hour this intake was there to be beaten to. */
export interface Listened {
  /** Whole intervals of the stretches that ended. */
  intervals: number
  /** Of the stretch that goes on. */
  stretchMs: number
  /** Altogether; for people. */
  listenedMs: number
}

// After a start the nodes come back within a minute (the goal for 10,000 of them): until then nobody can be
// blamed for silence.
export const RETURN_MS = 60_000

/**
 * Listening is a row of stretches. One ends when the process ends, or stands still so long that a beat may
 * have been lost: no interval is expected of a node across such a gap.
 */
export class Listening {
  readonly #rule: BeatRule
  readonly #gapMs: number
  readonly #hours = new Map<Hour, Listened>()
  #atMs: number
  #owedMs = RETURN_MS

  constructor(rule: BeatRule, startMs: number, gapMs = intervalMs(rule) + rule.pingMs) {
    this.#rule = rule
    this.#gapMs = gapMs
    this.#atMs = startMs
  }

  /** What an earlier process heard of an hour that is still open. */
  restore(hour: Hour, intervals: number, listenedMs: number): void {
    this.#hours.set(hour, { intervals, stretchMs: 0, listenedMs })
  }

  /** We are here: the time since the last call was listened, unless it was a gap or the clock only jumped. */
  tick(nowMs: number, passedMs: number): void {
    const from = Math.max(this.#atMs, nowMs - passedMs)
    const isGap = passedMs > this.#gapMs
    if (isGap) this.#endStretches(passedMs)
    else this.#listen(from, nowMs)
    this.#atMs = nowMs
  }

  expected(hour: Hour): number {
    const listened = this.#hours.get(hour)
    if (!listened) return 0
    const { intervals, stretchMs } = listened
    return Math.min(mostPerHour(this.#rule), intervals + this.#wholeIntervals(stretchMs))
  }

  listenedMs(hour: Hour): number {
    return this.#hours.get(hour)?.listenedMs ?? 0
  }

  /** Of every hour that is open, and of the given ones, as it is stored. */
  rows(others: readonly Hour[]): { hour: Hour; expected: number; listenedMs: number }[] {
    const hours = new Set([...this.#hours.keys(), ...others])
    return [...hours].map((hour) => {
      return { hour, expected: this.expected(hour), listenedMs: this.listenedMs(hour) }
    })
  }

  forget(hour: Hour): void {
    this.#hours.delete(hour)
  }

  #listen(from: number, to: number): void {
    const owed = Math.max(0, Math.min(this.#owedMs, to - from))
    this.#owedMs -= owed
    let at = from + owed
    while (at < to) {
      const hour = hourOf(at / 1_000)
      const end = Math.min(to, (hour + 1) * MS_PER_HOUR)
      const listened = this.#hours.get(hour) ?? { intervals: 0, stretchMs: 0, listenedMs: 0 }
      listened.stretchMs += end - at
      listened.listenedMs += end - at
      this.#hours.set(hour, listened)
      at = end
    }
  }

  #endStretches(passedMs: number): void {
    for (const listened of this.#hours.values()) {
      listened.intervals += this.#wholeIntervals(listened.stretchMs)
      listened.stretchMs = 0
    }
    // Peers give up a connection that is silent for so long, and have to come back as after a start.
    if (passedMs > RETURN_MS) this.#owedMs = RETURN_MS
  }

  /** With the tolerance of a beat: a clock that NTP slows must not cost an interval. */
  #wholeIntervals(ms: number): number {
    if (ms === 0) return 0
    return Math.floor((ms + toleranceMs(this.#rule)) / intervalMs(this.#rule))
  }
}
