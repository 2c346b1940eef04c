import { MAX_BLOCK_DISTANCE_SECONDS } from '../../base/clock-guard.ts'
import { KeeperError, describe } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import { isoTime, systemClock } from '../../base/time.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import { tallyEvidence } from '../evidence.ts'
import type { Evidence } from '../evidence.ts'
import { MS_PER_HOUR } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import type { HourCloser } from './closing.ts'
import type { Counters } from './counters.ts'
import type { Flusher } from './flushing.ts'
import type { Listening } from './listening.ts'
import type { Counted, NodeStatus, RunningTally, TallyFigures, TallyOptions } from './tally.ts'
import { closedFrom } from './tally-rows.ts'
import type { TallyTime } from './tally-time.ts'

// A kill loses at most so much; a node beats once in 45 s, so hardly ever more than one of its beats.
const FLUSH_MS = 2_000
// How often we look whether something is due, and note that we are listening.
const TICK_MS = 1_000
// With a faster clock that often in its time, but never more often than timers allow.
const FAST_TICK_MS = 20_000
const MIN_TICK_MS = 10
// A clock that jumped is compared with the chain's; blocks are seconds apart.
const ASK_CHAIN_MS = 10_000
// Receipts that could not be signed: a signer that was restarted is back by then.
const TELL_AGAIN_MS = 30_000
const CLOSE = 'close'
const KEY = 'tally'

export interface TallyParts {
  time: TallyTime
  counters: Counters
  listening: Listening
  closer: HourCloser
  flusher: Flusher
}

type Options = TallyOptions & { graceMs: number }
type Task = 'flush' | 'close' | 'tell' | 'askChain'

/** Counts in memory; a loop in real time writes, closes and tells. */
export class MemoryTally implements RunningTally {
  readonly rule: BeatRule
  readonly evidence: Evidence
  readonly #options: Options
  readonly #parts: TallyParts
  readonly #stopping = new AbortController()
  readonly #dueAtMs: Record<Task, number> = { flush: 0, close: 0, tell: 0, askChain: 0 }
  #tickedMs: number
  #loop: Promise<void> | undefined
  #stopped: Promise<void> | undefined
  #isClosingFailing = false
  #isJumped = false

  constructor(options: Options, parts: TallyParts) {
    this.rule = options.rule
    this.#options = options
    this.#parts = parts
    this.#tickedMs = parts.time.monotonicMs()
    this.evidence = tallyEvidence(options.db, (hour) => this.#closeIfOver(hour))
  }

  start(): void {
    this.#loop = this.#run()
  }

  count(node: Address, nowMs: number, status?: NodeStatus): Counted {
    const now = this.#listen(nowMs)
    const hour = Math.floor(now / MS_PER_HOUR)
    const { closer, counters } = this.#parts
    if (closer.isClosed(hour)) return { counted: false, hour, count: 0, why: 'hour-closed' }
    const { seen, why } = counters.count(node, hour, now, status)
    if (why !== undefined) return { counted: false, hour, count: seen, why }
    return { counted: true, hour, count: seen }
  }

  countSigned(node: Address, atMs: number, nowMs: number, status: NodeStatus): Counted {
    if (this.#parts.counters.acceptSigned(node, atMs, nowMs)) return this.count(node, nowMs, status)
    throw new KeeperError('BEAT_REPLAYED', { node, at: isoTime(Math.floor(atMs / 1_000)) })
  }

  countOf(node: Address, hour: Hour): number {
    return this.#parts.counters.countOf(node, hour)
  }

  figures(): TallyFigures {
    const { closer, counters, flusher, listening } = this.#parts
    const hour = Math.floor(this.#now() / MS_PER_HOUR)
    return {
      hour,
      expected: listening.expected(hour),
      unsaved: counters.unsaved(),
      storeDownSince: flusher.downSince,
      closed: { ...closer.counts },
      lastCloseMs: closer.lastMs,
      lastFlushMs: flusher.lastMs,
    }
  }

  async wake(): Promise<void> {
    await this.#parts.flusher.flush(this.#now())
    await this.#close()
    await this.#parts.closer.tell()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#finish()
    return this.#stopped
  }

  async #finish(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await this.#parts.closer.finish()
    await this.#parts.flusher.finish(this.#now())
  }

  #now(): number {
    return this.#listen(this.#options.clock.nowMs())
  }

  /** Every beat and every tick shows that we are there. */
  #listen(wallMs: number): number {
    const { time, listening } = this.#parts
    const now = time.at(wallMs)
    const monotonicMs = time.monotonicMs()
    listening.tick(now, monotonicMs - this.#tickedMs)
    this.#tickedMs = monotonicMs
    return now
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { paceFactor = 1 } = this.#options
    const tickMs = Math.max(MIN_TICK_MS, Math.min(TICK_MS, FAST_TICK_MS / paceFactor))
    while (!signal.aborted) {
      await systemClock.sleep(tickMs, signal).catch(() => {})
      if (!signal.aborted) this.#tick()
    }
  }

  /** Writing, closing and telling go on side by side: a slow signer or roster holds up no write. */
  #tick(): void {
    const { flushMs = FLUSH_MS } = this.#options
    const { closer, flusher } = this.#parts
    const now = this.#now()
    this.#watchClock()
    if (this.#isDue('flush', flushMs)) void flusher.flush(now)
    if (closer.isDue(now) && (!this.#isClosingFailing || this.#isDue('close', flushMs))) {
      void this.#close().then(() => closer.tell())
    }
    if (this.#isDue('tell', TELL_AGAIN_MS)) void closer.tell()
  }

  #isDue(what: Task, everyMs: number): boolean {
    const now = systemClock.nowMs()
    if (now < this.#dueAtMs[what]) return false
    this.#dueAtMs[what] = now + everyMs
    return true
  }

  /** Never rejects; what failed is tried again with the next write. */
  async #close(): Promise<void> {
    const { alerts, log } = this.#options
    try {
      await this.#parts.closer.closeDue(this.#now())
      if (this.#isClosingFailing) alerts?.clear('tally-write-failing', CLOSE)
      this.#isClosingFailing = false
    } catch (error) {
      const { code, message } = describe(error)
      if (!this.#isClosingFailing) log.error({ code, message }, 'hour-not-closed')
      this.#isClosingFailing = true
      alerts?.raise('tally-write-failing', { key: CLOSE, code, reason: message })
    }
  }

  async #closeIfOver(hour: Hour): Promise<void> {
    const now = this.#now()
    const endMs = (hour + 1) * MS_PER_HOUR
    if (now >= endMs + this.#options.graceMs) await this.#parts.closer.closeDue(now)
  }

  #watchClock(): void {
    const { chainTime, alerts, log, clock } = this.#options
    const jumpMs = this.#parts.time.jumpMs()
    if (jumpMs === undefined && this.#isJumped) alerts?.clear('clock-jump', KEY)
    this.#isJumped = jumpMs !== undefined
    if (jumpMs === undefined || !this.#isDue('askChain', ASK_CHAIN_MS)) return
    const jumpSeconds = Math.round(jumpMs / 1_000)
    log.warn({ jumpSeconds, clock: isoTime(clock.now()) }, 'tally-clock-jumped')
    alerts?.raise('clock-jump', { key: KEY, jumpSeconds })
    if (chainTime) void this.#askChain(chainTime)
  }

  async #askChain(chainTime: () => Promise<UnixSeconds>): Promise<void> {
    const { log, clock, db } = this.#options
    const { time, closer } = this.#parts
    try {
      const blockTime = await chainTime()
      if (Math.abs(clock.now() - blockTime) > MAX_BLOCK_DISTANCE_SECONDS) return
      const hour = Math.floor(clock.nowMs() / MS_PER_HOUR)
      closer.returnTo(hour, await closedFrom(db, hour))
    } catch (error) {
      return log.debug({ ...describe(error) }, 'tally-clock-unconfirmed')
    }
    time.follow()
    log.info({ clock: isoTime(clock.now()) }, 'tally-clock-confirmed')
  }
}
