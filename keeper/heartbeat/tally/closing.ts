import type { Alerts } from '../../base/alerts.ts'
import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import { isoTime, startOfHour, systemClock } from '../../base/time.ts'
import type { Clock, Hour } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { MS_PER_HOUR } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import { readClosedHour } from './closed-hours.ts'
import type { ClosedHour } from './closed-hours.ts'
import type { Counters } from './counters.ts'
import { within } from './flushing.ts'
import type { Listening } from './listening.ts'
import {
  closeInStore,
  markTold,
  newestClosedNodes,
  pruneBefore,
  untoldHours,
} from './tally-rows.ts'
import type { Closed } from './tally-rows.ts'

export interface ClosingRoom {
  db: Db
  clock: Clock
  log: Logger
  rule: BeatRule
  counters: Counters
  listening: Listening
  graceMs: number
  keepDays: number
  validators: () => Promise<readonly Address[]>
  onClosed?: ((hour: ClosedHour) => void | Promise<void>) | undefined
  alerts?: Pick<Alerts, 'raise' | 'clear'> | undefined
}

// An hour that ended so long ago can no longer be pushed: while the store is away, its counts are given up.
export const MAX_OPEN_HOURS = 24
// After a long absence the newest hours that were missed get a row each; of older ones the number is told.
export const MAX_MISSED_HOURS = 48
// The roster only adds those who were never heard: closing does not wait longer for a chain that is down.
const ROSTER_WAIT_MS = 5_000
// Hours whose receipts could not be signed are offered again, a day of them at a time.
const MAX_TOLD_AT_ONCE = 24
const HOURS_PER_DAY = 24
// A stop has 20 s altogether (MUSTER_STOP_LIMIT_MS).
const STOP_WAIT_MS = 5_000

/** Closes hours in their order, each once, and tells whoever waits for them. */
export class HourCloser {
  readonly #room: ClosingRoom
  readonly #closed = new Set<Hour>()
  readonly counts = { heard: 0, unheard: 0 }
  #next: Hour
  #roster: readonly Address[] | undefined
  #running: Promise<void> | undefined
  #telling: Promise<void> | undefined
  #lastMs: number | undefined

  /** `closed`: hours from `next` on that the store has closed already. */
  constructor(room: ClosingRoom, next: Hour, closed: readonly Hour[]) {
    this.#room = room
    this.#next = next
    this.#closed = new Set(closed)
  }

  get lastMs(): number | undefined {
    return this.#lastMs
  }

  isClosed(hour: Hour): boolean {
    return this.#closed.has(hour)
  }

  /** By the tally's time: its grace is over as well. */
  isDue(nowMs: number): boolean {
    return nowMs >= (this.#next + 1) * MS_PER_HOUR + this.#room.graceMs
  }

  /** The clock was set back, and that was right: hours count from there again. */
  returnTo(hour: Hour, closed: readonly Hour[]): void {
    this.#next = Math.min(this.#next, hour)
    for (const each of closed) this.#closed.add(each)
  }

  /** Rejects when the store does; it is called again then. One at a time. */
  closeDue(nowMs: number): Promise<void> {
    this.#running ??= this.#closeAll(nowMs).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #closeAll(nowMs: number): Promise<void> {
    const unheard: Hour[] = []
    try {
      this.#passOverMissed(nowMs)
      for (const hour of this.#dueHours(nowMs)) {
        if ((await this.#close(hour, nowMs)) === 'unheard') unheard.push(hour)
        this.#next = Math.max(this.#next, hour + 1)
      }
    } catch (error) {
      this.#giveUpOld(nowMs)
      throw error
    } finally {
      this.#sayUnheard(unheard)
    }
  }

  /** Those that are open here or in the store, and those in which nothing happened at all; in order. */
  #dueHours(nowMs: number): Hour[] {
    const last = Math.floor((nowMs - this.#room.graceMs) / MS_PER_HOUR) - 1
    const open = this.#room.listening.rows(this.#room.counters.hours()).map(({ hour }) => hour)
    const passed = Array.from({ length: Math.max(0, last - this.#next + 1) }, (_, i) => {
      return this.#next + i
    })
    const all = new Set([...open, ...passed])
    return [...all].filter((hour) => hour <= last).sort((a, b) => a - b)
  }

  async #close(hour: Hour, nowMs: number): Promise<Closed> {
    const closed = this.#closed.has(hour) ? 'already' : await this.#store(hour, nowMs)
    const { counters, listening } = this.#room
    this.#closed.add(hour)
    this.#closed.delete(hour - MAX_MISSED_HOURS)
    counters.forget(hour)
    listening.forget(hour)
    if (closed === 'heard') {
      this.counts.heard += 1
      this.#room.alerts?.clear('hour-unheard')
    }
    return closed
  }

  async #store(hour: Hour, nowMs: number): Promise<Closed> {
    const { db, rule, listening, log } = this.#room
    const startedMs = systemClock.nowMs()
    const outcome = await closeInStore(db, {
      rule,
      hour,
      at: Math.floor(nowMs / 1_000),
      expected: listening.expected(hour),
      listenedMs: listening.listenedMs(hour),
      counts: await this.#finalCounts(hour),
    })
    await this.#prune(hour)
    this.#lastMs = systemClock.nowMs() - startedMs
    log.info({ hour, ...outcome, ms: this.#lastMs }, 'hour-closed')
    return outcome.closed
  }

  #sayUnheard(hours: readonly Hour[]): void {
    if (hours.length === 0) return
    this.counts.unheard += hours.length
    const times = hours.map((hour) => isoTime(startOfHour(hour)))
    this.#room.log.warn({ hours, times }, 'hours-unheard')
    this.#room.alerts?.raise('hour-unheard', { hours, times })
  }

  /** Who was counted, and everybody else on the roster with nothing. */
  async #finalCounts(hour: Hour): Promise<{ node: Address; seen: number }[]> {
    const counted = this.#room.counters.countsOf(hour)
    // Nobody will be judged: nobody needs a row for not having been heard.
    if (this.#room.listening.expected(hour) === 0 && counted.length === 0) return []
    const seen = new Map<Address, number>()
    // A node that was removed and registered again is on the roster twice.
    for (const node of await this.#readRoster(hour)) seen.set(node, 0)
    for (const { node, seen: count } of counted) seen.set(node, count)
    return [...seen].map(([node, count]) => ({ node, seen: count }))
  }

  async #readRoster(hour: Hour): Promise<readonly Address[]> {
    const { validators, log, db } = this.#room
    try {
      this.#roster = await within(ROSTER_WAIT_MS, 'the roster', validators())
    } catch (error) {
      const { code, message } = describe(error)
      this.#roster ??= await newestClosedNodes(db)
      log.warn({ hour, code, message, known: this.#roster.length }, 'hour-closed-by-old-roster')
    }
    return this.#roster
  }

  /**
   * The store is away: what could not be pushed any more is dropped, so that memory stays bounded. What was written
   * of it, beats and intervals as of one moment, is judged when the store is back.
   */
  #giveUpOld(nowMs: number): void {
    const { counters, listening, log } = this.#room
    const oldest = Math.floor(nowMs / MS_PER_HOUR) - MAX_OPEN_HOURS
    for (const hour of counters.hours().filter((each) => each < oldest)) {
      log.error({ hour, nodes: counters.countsOf(hour).length }, 'hour-given-up')
      counters.forget(hour)
      listening.forget(hour)
    }
  }

  #passOverMissed(nowMs: number): void {
    const oldest = Math.floor(nowMs / MS_PER_HOUR) - MAX_MISSED_HOURS
    if (this.#next >= oldest) return
    const facts = { firstHour: this.#next, lastHour: oldest - 1, hours: oldest - this.#next }
    this.#room.log.warn(facts, 'hours-passed-over')
    this.#next = oldest
  }

  async #prune(hour: Hour): Promise<void> {
    const { db, keepDays, log } = this.#room
    const oldest = hour - keepDays * HOURS_PER_DAY
    const hours = await pruneBefore(db, oldest)
    if (hours > 0) log.info({ hours, oldest }, 'tally-pruned')
  }

  /** At least once an hour and process; never rejects. */
  tell(): Promise<void> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined
    })
    return this.#telling
  }

  async #tellAll(): Promise<void> {
    const { db, clock, onClosed, log } = this.#room
    if (!onClosed) return
    try {
      for (const hour of await untoldHours(db, MAX_TOLD_AT_ONCE)) {
        const closed = await readClosedHour(db, hour)
        if (closed) await onClosed(closed)
        await markTold(db, hour, clock.now())
      }
    } catch (error) {
      const { code, message } = describe(error)
      log.warn({ code, message }, 'closed-hour-not-told')
    }
  }

  /** What runs ends, or is left to the next start. */
  async finish(): Promise<void> {
    const running = Promise.allSettled([this.#running, this.#telling])
    try {
      await within(STOP_WAIT_MS, 'the closing of an hour', running)
    } catch (error) {
      this.#room.log.warn({ message: describe(error).message }, 'closing-left-to-next-start')
    }
  }
}
