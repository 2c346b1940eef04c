import type { Alerts } from '../../base/alerts.ts'
import { MAX_BLOCK_DISTANCE_SECONDS, MAX_CLOCK_JUMP_SECONDS } from '../../base/clock-guard.ts'
import { KeeperError, describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import { isoTime, systemClock } from '../../base/time.ts'
import type { Clock, Hour, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { tallyEvidence } from '../evidence.ts'
import type { Evidence } from '../evidence.ts'
import { MS_PER_HOUR, intervalMs } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import type { ClosedHour } from './closed-hours.ts'
import { HourCloser } from './closing.ts'
import { Counters } from './counters.ts'
import type { NotCounted } from './counting.ts'
import { Flusher } from './flushing.ts'
import { Listening } from './listening.ts'
import { readStored } from './tally-rows.ts'
import type { Stored } from './tally-rows.ts'
import { tallyTime } from './tally-time.ts'
import type { TallyTime } from './tally-time.ts'

/** What a node says of itself with a beat. Shares are bps, height the newest block it knows. */
export interface NodeStatus {
  cpuBps: number
  memoryBps: number
  diskBps: number
  height: bigint
  version: string
}

export interface Counted {
  counted: boolean
  hour: Hour
  /** Of the node in that hour, this one included when it was counted. */
  count: number
  /** 'hour-closed': our own clock went back, so that the hour it shows was closed before. */
  why?: NotCounted | 'hour-closed'
}

/** Beats per node and hour: counted in memory at once, stored every two seconds. */
export interface Tally {
  readonly rule: BeatRule
  count(node: Address, nowMs: number, status?: NodeStatus): Counted
  /** Of a single signed beat; BEAT_REPLAYED unless it is newer than the last one of that node. */
  countSigned(node: Address, atMs: number, nowMs: number, status: NodeStatus): Counted
  countOf(node: Address, hour: Hour): number
  /** After the last write; what could not be stored is told. */
  stop(): Promise<void>
}

export interface TallyFigures {
  /** The hour by the tally's own time, and the intervals of it in which we were listening. */
  hour: Hour
  expected: number
  /** Nodes whose last counts are in memory only. */
  unsaved: number
  /** The store takes no counters since then. */
  storeDownSince: UnixSeconds | undefined
  closed: { heard: number; unheard: number }
  lastCloseMs: number | undefined
  lastFlushMs: number | undefined
}

export interface RunningTally extends Tally {
  evidence: Evidence
  figures(): TallyFigures
  /** Stores, closes and tells what is due now; called by the clock, and by tests. */
  wake(): Promise<void>
}

export interface TallyOptions {
  db: Db
  /** May run faster than real time; then paceFactor says by how much. */
  clock: Clock
  rule: BeatRule
  log: Logger
  /** Everybody whose hour is judged; asked once an hour, and not needed to close it. */
  validators: () => Promise<readonly Address[]>
  /** Told of each closed hour at least once, also after a crash; what it throws is tried again. */
  onClosed?: (hour: ClosedHour) => void | Promise<void>
  /** The chain's own time, to judge a clock that jumped; without it a jump is never believed. */
  chainTime?: () => Promise<UnixSeconds>
  alerts?: Pick<Alerts, 'raise' | 'clear'>
  /** Real time between two writes: the most that a kill loses. */
  flushMs?: number
  /** After the end of an hour, by the clock: beats on their way have arrived. */
  graceMs?: number
  keepDays?: number
  paceFactor?: number
}

// A kill loses at most so much (Z-40 counts one beat in 45 s: hardly ever more than one of a node).
const FLUSH_MS = 2_000
const GRACE_MS = 3_000
// Longer than the 30 days after which pay is swept.
const KEEP_DAYS = 40
// How often we look whether something is due, and note that we are listening.
const TICK_MS = 1_000
// With a faster clock that often in its time, but never more often than timers allow.
const FAST_TICK_MS = 20_000
const MIN_TICK_MS = 10
// A pause of the event loop that is none: a collection of garbage, a write of the embedded store.
const MIN_GAP_MS = 250
const ASK_CHAIN_MS = 10_000
const MAX_JUMP_MS = MAX_CLOCK_JUMP_SECONDS * 1_000

/** With what an earlier process left of the hours that are still open. */
export async function openTally(options: TallyOptions): Promise<RunningTally> {
  const { db, clock, rule, log, paceFactor = 1 } = options
  const time = tallyTime(clock, MAX_JUMP_MS)
  const nowMs = time.at(clock.nowMs())
  const present = Math.floor(nowMs / MS_PER_HOUR)
  const stored = await readStored(db, present)
  const counters = new Counters(rule)
  counters.restore(stored.counts, stored.signed)
  const gapMs = Math.max(intervalMs(rule) + rule.pingMs, MIN_GAP_MS * paceFactor)
  const listening = new Listening(rule, nowMs, gapMs)
  for (const { hour, expected, listenedMs } of stored.hours) {
    listening.restore(hour, expected, listenedMs)
  }
  const { graceMs = GRACE_MS, keepDays = KEEP_DAYS } = options
  const room = { ...options, counters, listening, graceMs, keepDays }
  const closer = new HourCloser(room, nextToClose(stored, present), stored.closedAhead)
  sayRestored(log, stored, nowMs)
  const parts = { time, counters, listening, closer, flusher: new Flusher(room) }
  const tally = new MemoryTally(options, parts)
  tally.start()
  return tally
}

/** The oldest hour that is open, or the first one after the last that the store knows. */
function nextToClose({ hours, lastHour }: Stored, present: Hour): Hour {
  const open = hours.map(({ hour }) => hour).filter((hour) => hour <= present)
  const first = lastHour === undefined ? present : lastHour + 1
  return Math.min(first, ...open)
}

function sayRestored(log: Logger, { lastFlushMs, counts, hours }: Stored, nowMs: number): void {
  if (lastFlushMs === undefined) return
  const lastStored = isoTime(Math.floor(lastFlushMs / 1_000))
  const gapSeconds = Math.round((nowMs - lastFlushMs) / 1_000)
  const open = hours.map(({ hour, expected }) => ({ hour, expected }))
  log.info({ lastStored, gapSeconds, rows: counts.length, open }, 'tally-restored')
}

interface Parts {
  time: TallyTime
  counters: Counters
  listening: Listening
  closer: HourCloser
  flusher: Flusher
}

class MemoryTally implements RunningTally {
  readonly rule: BeatRule
  readonly evidence: Evidence
  readonly #options: TallyOptions
  readonly #parts: Parts
  readonly #stopping = new AbortController()
  #tickedMs: number
  #flushAtMs = 0
  #askAtMs = 0
  #work: Promise<void> | undefined
  #loop: Promise<void> | undefined

  constructor(options: TallyOptions, parts: Parts) {
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
    return why === undefined
      ? { counted: true, hour, count: seen }
      : { counted: false, hour, count: seen, why }
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
    const hour = Math.floor(this.#listen(this.#options.clock.nowMs()) / MS_PER_HOUR)
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
    this.#work ??= this.#doWork().finally(() => {
      this.#work = undefined
    })
    await this.#work
    await this.#parts.closer.tell()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await this.#work
    await this.#parts.closer.finish()
    await this.#parts.flusher.finish(this.#listen(this.#options.clock.nowMs()))
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

  #tick(): void {
    const { clock, flushMs = FLUSH_MS } = this.#options
    const now = this.#listen(clock.nowMs())
    this.#watchClock()
    const isFlushDue = systemClock.nowMs() >= this.#flushAtMs
    const { closer, flusher } = this.#parts
    // While the store is away, an hour that is due waits for the next try as well.
    const isCloseDue = closer.isDue(now) && flusher.downSince === undefined
    if (!isFlushDue && !isCloseDue) return
    this.#flushAtMs = systemClock.nowMs() + flushMs
    void this.wake()
  }

  async #doWork(): Promise<void> {
    const { closer, flusher } = this.#parts
    const { clock, log } = this.#options
    const now = this.#listen(clock.nowMs())
    await flusher.flush(now)
    if (!closer.isDue(now)) return
    try {
      await closer.closeDue(now)
    } catch (error) {
      const { code, message } = describe(error)
      log.warn({ code, message }, 'hour-not-closed')
    }
  }

  async #closeIfOver(hour: Hour): Promise<void> {
    const { clock, graceMs = GRACE_MS } = this.#options
    const now = this.#listen(clock.nowMs())
    if (now >= (hour + 1) * MS_PER_HOUR + graceMs) await this.#parts.closer.closeDue(now)
  }

  #watchClock(): void {
    const { chainTime, alerts, log, clock } = this.#options
    const jumpMs = this.#parts.time.jumpMs()
    if (jumpMs === undefined || systemClock.nowMs() < this.#askAtMs) return
    this.#askAtMs = systemClock.nowMs() + ASK_CHAIN_MS
    const jumpSeconds = Math.round(jumpMs / 1_000)
    log.warn({ jumpSeconds, clock: isoTime(clock.now()) }, 'tally-clock-jumped')
    alerts?.raise('clock-jump', { key: 'tally', jumpSeconds })
    if (chainTime) void this.#askChain(chainTime)
  }

  async #askChain(chainTime: () => Promise<UnixSeconds>): Promise<void> {
    const { log, clock, alerts } = this.#options
    const { time, closer } = this.#parts
    try {
      const blockTime = await chainTime()
      if (Math.abs(clock.now() - blockTime) > MAX_BLOCK_DISTANCE_SECONDS) return
    } catch (error) {
      return log.debug({ ...describe(error) }, 'tally-clock-unconfirmed')
    }
    time.follow()
    closer.returnTo(Math.floor(clock.nowMs() / MS_PER_HOUR))
    log.info({ clock: isoTime(clock.now()) }, 'tally-clock-confirmed')
    alerts?.clear('clock-jump', 'tally')
  }
}
