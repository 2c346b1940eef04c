import type { Alerts } from '../../base/alerts.ts'
import { KeeperError, describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { retry } from '../../base/retry.ts'
import { systemClock } from '../../base/time.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { Counters } from './counters.ts'
import type { Listening } from './listening.ts'
import { writeChanges } from './tally-rows.ts'

export interface FlushRoom {
  db: Db
  log: Logger
  counters: Counters
  listening: Listening
  alerts?: Pick<Alerts, 'raise' | 'clear'> | undefined
}

// A write that fails at the end is tried twice more: a connection that broke is new by then.
const LAST_ATTEMPTS = 3
const LAST_DELAY_MS = 200
const LAST_DEADLINE_MS = 5_000
const KEY = 'counters'
// A write takes milliseconds; in five seconds two more should have begun.
const SLOW_WRITE_MS = 5_000

/** Writes what changed; while the store is away, counting goes on in memory and this says so. */
export class Flusher {
  readonly #room: FlushRoom
  #running: Promise<void> | undefined
  #startedMs = 0
  #downSince: UnixSeconds | undefined
  #lastMs: number | undefined

  constructor(room: FlushRoom) {
    this.#room = room
  }

  get downSince(): UnixSeconds | undefined {
    return this.#downSince
  }

  get lastMs(): number | undefined {
    return this.#lastMs
  }

  /** Never rejects. One at a time: whoever comes meanwhile waits for the one that runs. */
  flush(nowMs: number): Promise<void> {
    if (this.#running) this.#noteSlow()
    else this.#startedMs = systemClock.nowMs()
    this.#running ??= this.#tryWrite(nowMs).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** A server that answers nothing is away as well, long before the statement's own deadline. */
  #noteSlow(): void {
    const ms = systemClock.nowMs() - this.#startedMs
    if (ms < SLOW_WRITE_MS) return
    this.#noteDown(
      new KeeperError('DEADLINE_PASSED', { what: 'a write of the tally', timeoutMs: ms }),
    )
  }

  #noteDown(error: unknown): void {
    const { alerts, log, counters } = this.#room
    const { code, message } = describe(error)
    if (this.#downSince === undefined) {
      log.error({ code, message, unsaved: counters.unsaved() }, 'tally-in-memory-only')
    }
    this.#downSince ??= systemClock.now()
    alerts?.raise('tally-write-failing', { key: KEY, code, reason: message })
  }

  /** The last write of this process; never rejects. */
  async finish(nowMs: number): Promise<void> {
    const { log, counters } = this.#room
    try {
      await within(LAST_DEADLINE_MS, 'the last write of the tally', this.#writeLast(nowMs))
    } catch (error) {
      const { code, message } = describe(error)
      log.error({ code, message, lost: counters.unsaved() }, 'tally-lost-at-stop')
    }
  }

  async #writeLast(nowMs: number): Promise<void> {
    await this.#running
    await retry(() => this.#write(nowMs), {
      what: 'the last write of the tally',
      attempts: LAST_ATTEMPTS,
      firstDelayMs: LAST_DELAY_MS,
      maxDelayMs: LAST_DELAY_MS,
      deadlineMs: LAST_DEADLINE_MS,
      clock: systemClock,
    })
  }

  async #tryWrite(nowMs: number): Promise<void> {
    const { alerts, log } = this.#room
    try {
      await this.#write(nowMs)
    } catch (error) {
      return this.#noteDown(error)
    }
    if (this.#downSince === undefined) return
    const seconds = systemClock.now() - this.#downSince
    log.info({ seconds }, 'tally-stored-again')
    this.#downSince = undefined
    alerts?.clear('tally-write-failing', KEY)
  }

  async #write(nowMs: number): Promise<void> {
    const { db, counters, listening } = this.#room
    const startedMs = systemClock.nowMs()
    // A beat may come before a minute is listened: its hour is written as well.
    const hours = listening.rows(counters.hours())
    const unsaved = counters.takeUnsaved()
    try {
      await writeChanges(db, { ...unsaved, nowMs, hours })
    } catch (error) {
      counters.giveBack(unsaved)
      throw error
    }
    this.#lastMs = systemClock.nowMs() - startedMs
  }
}

/** A store that does not answer within the time must not hold up what waits for it. */
export async function within<T>(ms: number, what: string, asked: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = systemClock.sleep(ms, over.signal).then((): never => {
    throw new KeeperError('DEADLINE_PASSED', { what, timeoutMs: ms })
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    over.abort()
    late.catch(() => {})
  }
}
