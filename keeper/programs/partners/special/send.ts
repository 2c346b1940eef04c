import type { Alerts } from '../../../base/alerts.ts'
import { describe, isKeeperError } from '../../../base/errors.ts'
import type { Logger } from '../../../base/log.ts'
import { SECONDS_PER_HOUR, isoTime } from '../../../base/time.ts'
import type { Clock, Hour } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { markFailed, markSent, readOpen, readWaiting } from './outbox-rows.ts'
import type { OpenRow, Waiting } from './outbox-rows.ts'

/** As it is to be in the second database. */
export interface SpecialRow {
  hour: Hour
  partner: string
  ccReward: bigint
}

/** The second database. What throws with a code that may be tried again is away; another one refuses these rows. */
export interface SpecialTarget {
  /** PARTNERS_SPECIAL_BUSY while somebody else has one: of two senders one waits. */
  open(): Promise<SpecialSession>
}

export interface SpecialSession {
  /** All or none of them, whatever is there already; twice is as once. */
  put(rows: readonly SpecialRow[]): Promise<void>
  close(): Promise<void>
}

export interface SendingRoom {
  db: Db
  clock: Clock
  log: Logger
  alerts?: Alerts
}

export interface Sent {
  sent: number
  /** Refused, or not reached in this run: they stay open. */
  left: number
  /** Another process sends now. */
  isBusy: boolean
}

// One transaction there: some 10 kB of statements, and few rows of somebody else's table are locked, shortly.
const MAX_ROWS_A_PUT = 100
// One reading of ours: a day of forty special partners.
const MAX_ROWS_A_PAGE = 1_000
// The lane runs every five minutes; what is left then goes in the next run.
const MAX_RUN_MS = 60_000
// A sum is put in every hour: when one waits for two, more than one hour was missed there.
export const STUCK_AFTER_SECONDS = 2 * SECONDS_PER_HOUR
// A sentence of a server; more is in the log.
const MAX_ERROR_LENGTH = 500

/**
 * What is open, oldest first. Its faults stop nothing else: they are in the rows, in the log and, when they last, in an
 * alert. Without a target it only looks whether something waits too long.
 */
export async function sendSpecial(
  room: SendingRoom,
  target: SpecialTarget | undefined,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Sent> {
  const run: Run = { ...room, sent: 0, isBusy: false, signal }
  if (target) await sendOpen(run, target)
  const waiting = await readWaiting(room.db)
  tellStuck(room, waiting, target !== undefined)
  if (run.sent > 0) room.log.info({ sent: run.sent, left: waiting.open }, 'partners-special-sent')
  return { sent: run.sent, left: waiting.open, isBusy: run.isBusy }
}

interface Run extends SendingRoom {
  sent: number
  isBusy: boolean
  signal: AbortSignal | undefined
}

async function sendOpen(run: Run, target: SpecialTarget): Promise<void> {
  const { db, clock, signal } = run
  const [first] = await readOpen(db, 0n, 1)
  if (!first) return
  const session = await openFor(run, target, first)
  if (!session) return
  try {
    const end = clock.nowMs() + MAX_RUN_MS
    const isOver = (): boolean => clock.nowMs() >= end || signal?.aborted === true
    // Read only now: while the session lasts nobody else sends, so what is newer is sent after this.
    for (let after = 0n; !isOver();) {
      const page = await readOpen(db, after, MAX_ROWS_A_PAGE)
      const last = page.at(-1)
      if (!last) return
      for (let at = 0; at < page.length && !isOver(); at += MAX_ROWS_A_PUT) {
        if (!(await sendRows(run, session, page.slice(at, at + MAX_ROWS_A_PUT)))) return
      }
      after = last.id
    }
  } finally {
    await session.close()
  }
}

async function openFor(
  run: Run,
  target: SpecialTarget,
  first: OpenRow,
): Promise<SpecialSession | undefined> {
  try {
    return await target.open()
  } catch (error) {
    run.isBusy = isKeeperError(error, 'PARTNERS_SPECIAL_BUSY')
    if (run.isBusy) run.log.info({}, 'partners-special-busy')
    else await keepFault(run, [first], error)
    return undefined
  }
}

/** One that is refused holds up none of the others. False: the target is away, and the run is over. */
async function sendRows(
  run: Run,
  session: SpecialSession,
  rows: readonly OpenRow[],
): Promise<boolean> {
  try {
    await session.put(rows)
  } catch (error) {
    if (isAway(error) || rows.length === 1) {
      await keepFault(run, rows, error)
      return !isAway(error)
    }
    for (const row of rows) {
      if (!(await sendRows(run, session, [row]))) return false
    }
    return true
  }
  // Whoever dies before this finds equal rows there at the next run, and marks them then.
  await markSent(run.db, rows, run.clock.now())
  run.sent += rows.length
  return true
}

function isAway(error: unknown): boolean {
  return isKeeperError(error) && error.row.retry === true
}

async function keepFault(run: Run, rows: readonly OpenRow[], error: unknown): Promise<void> {
  const { code, message } = describe(error)
  const [{ hour, partner } = { hour: undefined, partner: undefined }] = rows
  run.log.warn(
    { code, reason: message, hour, partner, rows: rows.length },
    'partners-special-failed',
  )
  await markFailed(run.db, rows, `${code}: ${message}`.slice(0, MAX_ERROR_LENGTH))
}

/** Since when something waits that is too long ago. */
export function stuckSince(
  { openSince }: Pick<Waiting, 'openSince'>,
  now: number,
): number | undefined {
  const isStuck = openSince !== undefined && now - openSince >= STUCK_AFTER_SECONDS
  return isStuck ? openSince : undefined
}

function tellStuck({ alerts, clock }: SendingRoom, waiting: Waiting, hasTarget: boolean): void {
  const since = stuckSince(waiting, clock.now())
  if (since === undefined) return alerts?.clear('partners-special-stuck')
  const reason = hasTarget
    ? (waiting.lastError ?? 'not sent yet')
    : 'MUSTER_PARTNERS_SPECIAL_URL is not set'
  alerts?.raise('partners-special-stuck', { open: waiting.open, since: isoTime(since), reason })
}
