import { KeeperError, isKeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { Receipt } from '../rpc/client.ts'
import type { Fees } from '../sending/fees.ts'
import { readTx } from './journal.ts'
import type { JournalEventKind } from './journal-chain.ts'
import type { AttemptPurpose, TxRecord, TxState } from './journal-rows.ts'
import { append, takeTurn } from './journal-writer.ts'
import type { Journal, Move, Turn } from './journal-writer.ts'
import type { SignedEntry } from './side-log.ts'
import type { SignedTx } from '../keys/unsigned.ts'

/** Which states a move may start from: anything else means that two writers work on one journal. */
const MAY_SIGN: TxState[] = ['planned', 'signed', 'broadcast']
const MAY_BROADCAST: TxState[] = ['signed', 'broadcast', 'unknown', 'foreign']
const MAY_INCLUDE: TxState[] = ['signed', 'broadcast', 'included', 'unknown', 'foreign']
const MAY_REWIND: TxState[] = ['included']
const MAY_FINISH: TxState[] = ['included']
const MAY_STOP: TxState[] = ['planned', 'signed', 'broadcast', 'included', 'unknown', 'foreign']
const MAY_ORPHAN: TxState[] = ['final', 'reverted', 'cancelled']
const MAY_RESOLVE: TxState[] = ['unknown', 'foreign']
const MAY_RELEASE: TxState[] = ['planned']

/** State and event change together, or not at all; what it changes is said twice, for row and record. */
interface Step {
  fn: Move['fn']
  from: readonly TxState[]
  to: TxState
  event: JournalEventKind
  facts: object
  /** After the row's state and mark, and the new state. */
  params: readonly unknown[]
  changes: Partial<TxRecord>
}

type StepOf = (tx: TxRecord) => Step | Promise<Step>

function move(journal: Journal, tx: TxRecord, at: UnixSeconds, stepOf: StepOf): Promise<TxRecord> {
  return takeTurn(journal, (turn) => moveIn(turn, tx, at, stepOf))
}

async function moveIn(
  turn: Turn,
  tx: TxRecord,
  at: UnixSeconds,
  stepOf: StepOf,
): Promise<TxRecord> {
  const moved = await tryMove(turn, tx, at, await stepOf(tx))
  if (moved) return moved
  // The caller's record is old, or it makes a write again whose answer was lost on the way.
  const now = await readTx(turn.t, tx.id)
  const step = await stepOf(now)
  if (isDone(now, step)) return now
  const second = await tryMove(turn, now, at, step)
  if (second) return second
  throw new KeeperError('JOURNAL_STATE', { id: tx.id, from: now.state, to: step.to })
}

async function tryMove(
  turn: Turn,
  tx: TxRecord,
  at: UnixSeconds,
  { fn, from, to, event, facts, params, changes }: Step,
): Promise<TxRecord | undefined> {
  if (!from.includes(tx.state)) return undefined
  const { id: txId, sender, state } = tx
  const mark = tx.blockHash ?? tx.hash ?? ''
  const all = [state, mark, to, ...params]
  const isMoved = await append(turn, { fn, txId, sender, event, facts, at, params: all })
  return isMoved ? { ...tx, ...changes, state: to, updatedAt: at } : undefined
}

function isDone(now: TxRecord, { to, changes }: Step): boolean {
  const names = Object.keys(changes) as (keyof TxRecord)[]
  return now.state === to && names.every((name) => now[name] === changes[name])
}

export interface NewAttempt extends SignedTx {
  purpose: AttemptPurpose
  fees: Fees
}

/** The signed bytes are on the disk, in the side log first, before they may leave the process. */
export function recordSigned(
  journal: Journal,
  tx: TxRecord,
  attempt: NewAttempt,
  at: UnixSeconds,
): Promise<TxRecord> {
  let isLogged = false
  return takeTurn(journal, async (turn) => {
    if (!isLogged) await journal.sideLog.signed(entryOf(tx, attempt, at), turn.head)
    isLogged = true
    try {
      return await signIn(turn, tx, attempt, at)
    } catch (error) {
      // Refused, and so never broadcast: nobody shall look for it in the journal. Any other error may have
      // come after the commit.
      if (isKeeperError(error, 'JOURNAL_STATE', 'LEASE_LOST')) journal.sideLog.voided(attempt.hash)
      throw error
    }
  })
}

export function signIn(
  turn: Turn,
  tx: TxRecord,
  { hash, raw, purpose, fees }: NewAttempt,
  at: UnixSeconds,
  more: object = {},
): Promise<TxRecord> {
  const { maxFeePerGas, maxPriorityFeePerGas } = fees
  return moveIn(turn, tx, at, ({ state }) => ({
    fn: 'journal_sign',
    from: MAY_SIGN,
    to: state === 'broadcast' ? 'broadcast' : 'signed',
    event: 'signed',
    facts: { hash, purpose, ...fees, ...more },
    params: [hash, raw, purpose, maxFeePerGas, maxPriorityFeePerGas],
    changes: { hash },
  }))
}

function entryOf(tx: TxRecord, { hash, raw, purpose }: NewAttempt, at: UnixSeconds): SignedEntry {
  const { id, chainId, sender, nonce, kind, key, contract, payloadHash, anchor } = tx
  if (nonce === undefined) {
    throw new KeeperError('JOURNAL_STATE', { id, from: tx.state, to: 'signed' })
  }
  const of = { chainId, sender, nonce, kind, key, contract, payloadHash, anchor }
  return { ...of, hash, raw, purpose, at }
}

export function recordBroadcast(
  journal: Journal,
  tx: TxRecord,
  hash: Hex,
  at: UnixSeconds,
): Promise<TxRecord> {
  return move(journal, tx, at, () => ({
    fn: 'journal_broadcast',
    from: MAY_BROADCAST,
    to: 'broadcast',
    event: 'broadcast',
    facts: { hash },
    params: [hash],
    changes: { reason: undefined },
  }))
}

export function recordIncluded(
  journal: Journal,
  tx: TxRecord,
  receipt: Receipt,
  at: UnixSeconds,
  reason?: string,
): Promise<TxRecord> {
  const { hash, blockNumber, blockHash, gasUsed, gasPrice, succeeded } = receipt
  const changes = { hash, succeeded, blockNumber, blockHash, gasUsed, gasPrice, reason }
  return move(journal, tx, at, () => ({
    fn: 'journal_receipt',
    from: MAY_INCLUDE,
    to: 'included',
    event: 'included',
    facts: changes,
    params: [hash, succeeded, blockNumber, blockHash, gasUsed, gasPrice, reason ?? null],
    changes,
  }))
}

const NO_RECEIPT = {
  succeeded: undefined,
  blockNumber: undefined,
  blockHash: undefined,
  gasUsed: undefined,
  gasPrice: undefined,
  reason: undefined,
}

/** A reorg took the block away: what was in it stays in the events. */
export function recordRewound(journal: Journal, tx: TxRecord, at: UnixSeconds): Promise<TxRecord> {
  return move(journal, tx, at, ({ hash, blockNumber, blockHash }) => ({
    fn: 'journal_receipt',
    from: MAY_REWIND,
    to: 'broadcast',
    event: 'rewound',
    facts: { hash, blockNumber, blockHash },
    params: [hash, null, null, null, null, null, null],
    changes: NO_RECEIPT,
  }))
}

/** Deep enough to stay. A failed one is 'reverted' from here on, and one that a cancel won 'cancelled'. */
export function recordFinal(journal: Journal, tx: TxRecord, at: UnixSeconds): Promise<TxRecord> {
  return takeTurn(journal, (turn) =>
    moveIn(turn, tx, at, async (now) => {
      const to = await outcomeOf(turn.t, now)
      const { hash, blockHash, reason, nonce } = now
      return {
        fn: 'journal_close',
        from: MAY_FINISH,
        to,
        event: to,
        facts: { hash, blockHash, reason },
        params: [reason ?? null, nonce ?? null],
        changes: {},
      }
    }),
  )
}

async function outcomeOf(t: Db, tx: TxRecord): Promise<'final' | 'reverted' | 'cancelled'> {
  const mined = await t.maybeOne<{ purpose: AttemptPurpose }>(
    'select purpose from tx_attempt where hash = $1',
    [tx.hash],
  )
  if (mined?.purpose === 'cancel') return 'cancelled'
  return tx.succeeded === false ? 'reverted' : 'final'
}

interface Closing {
  from: readonly TxState[]
  to: 'unknown' | 'foreign' | 'cancelled'
  factsOf: (tx: TxRecord) => object
  reason: string
  isReleased?: boolean
}

function close(
  journal: Journal,
  tx: TxRecord,
  at: UnixSeconds,
  { from, to, factsOf, reason, isReleased = false }: Closing,
): Promise<TxRecord> {
  return move(journal, tx, at, (now) => {
    const nonce = isReleased ? undefined : now.nonce
    return {
      fn: 'journal_close',
      from,
      to,
      event: to,
      facts: { ...factsOf(now), reason },
      params: [reason, nonce ?? null],
      changes: { reason, nonce },
    }
  })
}

/** Needs a human: the queue of this sender stands still until then. */
export function recordStopped(
  journal: Journal,
  tx: TxRecord,
  state: 'unknown' | 'foreign',
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  return close(journal, tx, at, { from: MAY_STOP, to: state, factsOf: () => ({}), reason })
}

/** S-29: the block of a closed row is gone. Nothing is sent again before a human has looked. */
export function recordOrphaned(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const factsOf = ({ hash, blockNumber, blockHash }: TxRecord): object => {
    return { hash, blockNumber, blockHash }
  }
  return close(journal, tx, at, { from: MAY_ORPHAN, to: 'unknown', factsOf, reason })
}

/** A human has found out what became of it: the row is closed, its nonce stays used. */
export function recordResolved(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const factsOf = ({ nonce }: TxRecord): object => ({ nonce, isResolved: true })
  return close(journal, tx, at, { from: MAY_RESOLVE, to: 'cancelled', factsOf, reason })
}

/** Gives the nonce back, which is allowed only while nothing was ever signed with it. */
export function recordReleased(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const factsOf = ({ nonce }: TxRecord): object => ({ nonce, isReleased: true })
  const closing = { from: MAY_RELEASE, to: 'cancelled', factsOf, reason } as const
  return close(journal, tx, at, { ...closing, isReleased: true })
}
