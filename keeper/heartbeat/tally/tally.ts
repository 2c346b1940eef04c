import type { Alerts } from '../../base/alerts.ts'
import { MAX_CLOCK_JUMP_SECONDS } from '../../base/clock-guard.ts'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import { isoTime } from '../../base/time.ts'
import type { Clock, Hour, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { Evidence } from '../evidence.ts'
import { MS_PER_HOUR, intervalMs } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import type { ClosedHour } from './closed-hours.ts'
import { HourCloser } from './closing.ts'
import { Counters } from './counters.ts'
import type { NotCounted } from './counting.ts'
import { Flusher } from './flushing.ts'
import { Listening } from './listening.ts'
import { MemoryTally } from './memory-tally.ts'
import { readStored } from './tally-rows.ts'
import type { Stored } from './tally-rows.ts'
import { tallyTime } from './tally-time.ts'

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

const GRACE_MS = 3_000
// Longer than the 30 days after which pay is swept.
const KEEP_DAYS = 40
// A pause of the event loop that is none: a collection of garbage, a write of the embedded store.
const MIN_GAP_MS = 250
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
  // Our clock is behind the store's: it was wrong then, or is now. Nothing counts until an hour is open again.
  const { closedAhead } = stored
  if (closedAhead.length > 0) log.error({ hours: closedAhead.length, present }, 'tally-hours-ahead')
  const parts = { time, counters, listening, closer, flusher: new Flusher(room) }
  const tally = new MemoryTally({ ...options, graceMs }, parts)
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
