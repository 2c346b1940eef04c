import { KeeperError } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import type { Clock, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { chainEvent } from './journal-chain.ts'
import type { JournalEventKind } from './journal-chain.ts'
import type { Lease } from './lease.ts'
import type { JournalHead, SideLog } from './side-log.ts'

/** What writes the journal: the store, the second book beside it, and the right to write. */
export interface Journal {
  readonly db: Db
  readonly sideLog: SideLog
  readonly lease: Lease | undefined
  readonly clock: Clock
  /** Told how long each durable write took. */
  readonly onWrite: ((seconds: number) => void) | undefined
  /** Shared by all writers of the process: they take turns. */
  readonly end: JournalEnd
}

interface JournalEnd {
  /** Where the chain of events ended when we last wrote; undefined: ask the store. */
  head: JournalHead | undefined
  tail: Promise<unknown>
}

export interface JournalOptions {
  db: Db
  sideLog: SideLog
  clock: Clock
  lease?: Lease | undefined
  onWrite?: ((seconds: number) => void) | undefined
}

export function openJournal(options: JournalOptions): Journal {
  const { db, sideLog, clock, lease, onWrite } = options
  return { db, sideLog, clock, lease, onWrite, end: { head: undefined, tail: Promise.resolve() } }
}

/** The same journal for one sender: its lease is checked at each write. */
export function withLease(journal: Journal, lease: Lease | undefined): Journal {
  return { ...journal, lease }
}

/** One writer's turn: everything it reads through `t` belongs to `head`, or its append is refused. */
export interface Turn {
  readonly journal: Journal
  readonly t: Db
  head: JournalHead
}

export interface Move {
  fn: 'journal_open' | 'journal_sign' | 'journal_broadcast' | 'journal_receipt' | 'journal_close'
  txId: bigint
  sender: Address
  event: JournalEventKind
  facts: object
  at: UnixSeconds
  /** After the eight that every move has. */
  params: readonly unknown[]
}

/**
 * Writers of one process queue up; the head is known from the last write and not asked for. When another
 * process wrote in between, the second try locks the head first: it cannot be overtaken.
 */
export function takeTurn<T>(journal: Journal, task: (turn: Turn) => Promise<T>): Promise<T> {
  const { end, db } = journal
  const result = end.tail.then(async () => {
    try {
      const head = end.head ?? (await readHead(db))
      return await settle(journal, task, { journal, t: db, head })
    } catch (error) {
      end.head = undefined
      if (!isHeadMoved(error)) throw error
    }
    return lockedTurn(journal, task)
  })
  end.tail = result.catch(() => {})
  return result
}

async function lockedTurn<T>(journal: Journal, task: (turn: Turn) => Promise<T>): Promise<T> {
  let turn: Turn | undefined
  const result = await journal.db.begin(async (t) => {
    turn = { journal, t, head: await lockHead(t) }
    return task(turn)
  })
  if (turn) note(journal, turn.head)
  return result
}

async function settle<T>(
  journal: Journal,
  task: (turn: Turn) => Promise<T>,
  turn: Turn,
): Promise<T> {
  const before = turn.head
  const result = await task(turn)
  if (turn.head === before) journal.end.head = before
  else note(journal, turn.head)
  return result
}

function note({ end, sideLog }: Journal, head: JournalHead): void {
  end.head = head
  sideLog.head(head)
}

/**
 * Within a caller's transaction, which holds the head until its end. It does not queue up: on the embedded
 * store, whoever has the turn may be waiting for this very transaction.
 */
export async function joinTurn<T>(
  journal: Journal,
  t: Db,
  task: (turn: Turn) => Promise<T>,
): Promise<T> {
  journal.end.head = undefined
  return task({ journal, t, head: await lockHead(t) })
}

/** The move and its event, in one statement. False: the row is not as the writer last saw it. */
export async function append(turn: Turn, move: Move): Promise<boolean> {
  const { journal, t } = turn
  const { fn, txId, sender, event, facts, at, params } = move
  const next = chainEvent(turn.head, { txId, kind: event, facts, at })
  const epoch = journal.lease?.epoch ?? null
  const all = [next.seq, next.prevHash, txId, event, next.facts, at, next.hash, epoch, ...params]
  const places = all.map((_, index) => `$${index + 1}`).join(', ')
  const startMs = monotonicMs(journal.clock)
  try {
    const { done } = await t.one<{ done: boolean }>(`select ${fn}(${places}) as done`, all)
    if (done) turn.head = { seq: next.seq, hash: next.hash }
    journal.onWrite?.((monotonicMs(journal.clock) - startMs) / MS_PER_SECOND)
    return done
  } catch (error) {
    if (!isLeaseLost(error)) throw error
    throw new KeeperError('LEASE_LOST', { sender, epoch: epoch ?? 'none' }, error)
  }
}

const MS_PER_SECOND = 1_000

function monotonicMs(clock: Clock): number {
  return clock.monotonicMs?.() ?? clock.nowMs()
}

export async function readHead(db: Db): Promise<JournalHead> {
  return db.one<JournalHead>('select seq, hash from journal_head')
}

async function lockHead(t: Db): Promise<JournalHead> {
  return t.one<JournalHead>('select seq, hash from journal_head for update')
}

// As migration 0010 raises them.
const HEAD_MOVED = 'MJ001'
const LEASE_LOST = 'MJ002'

function isHeadMoved(error: unknown): boolean {
  return codeOf(error) === HEAD_MOVED
}

function isLeaseLost(error: unknown): boolean {
  return codeOf(error) === LEASE_LOST
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
