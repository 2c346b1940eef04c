import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Receipt } from './client.ts'
import type { Fees } from './fees.ts'
import { appendEvent } from './journal-chain.ts'
import type { JournalEventKind } from './journal-chain.ts'
import { txOf } from './journal-rows.ts'
import type { AttemptPurpose, TxRecord, TxRow, TxState } from './journal-rows.ts'
import type { Journal } from './journal-writer.ts'
import type { SignedTx } from './unsigned.ts'

/** Which states a move may start from: anything else means that two writers work on one journal. */
const MAY_SIGN: TxState[] = ['planned', 'signed', 'broadcast']
const MAY_BROADCAST: TxState[] = ['signed', 'broadcast', 'unknown']
const MAY_INCLUDE: TxState[] = ['signed', 'broadcast', 'included', 'unknown']
const MAY_REWIND: TxState[] = ['included']
const MAY_FINISH: TxState[] = ['included']
const MAY_STOP: TxState[] = ['planned', 'signed', 'broadcast', 'included', 'unknown', 'foreign']
const MAY_ORPHAN: TxState[] = ['final', 'reverted', 'cancelled']
const MAY_RESOLVE: TxState[] = ['unknown', 'foreign']
const MAY_RELEASE: TxState[] = ['planned']

interface Move {
  from: TxState[]
  to: TxState
  event: JournalEventKind
  facts: object
  columns?: Record<string, unknown>
}

/** State and event change together, or not at all. */
async function move(t: Db, id: bigint, at: UnixSeconds, step: Move): Promise<TxRecord> {
  const columns = Object.entries({ state: step.to, updated_at: at, ...step.columns })
  const assignments = columns.map(([name], index) => `${name} = $${index + 3}`).join(', ')
  const row = await t.maybeOne<TxRow>(
    `update tx set ${assignments} where id = $1 and state = any($2) returning *`,
    [id, step.from, ...columns.map(([, value]) => value)],
  )
  if (!row)
    throw new KeeperError('JOURNAL_STATE', {
      id,
      from: `a state other than ${step.from.join(', ')}`,
      to: step.to,
    })
  await appendEvent(t, { txId: id, kind: step.event, facts: step.facts, at })
  return txOf(row)
}

export interface NewAttempt extends SignedTx {
  purpose: AttemptPurpose
  fees: Fees
}

/** The signed bytes are on disk before they may leave the process. */
export function recordSigned(
  journal: Journal,
  tx: TxRecord,
  attempt: NewAttempt,
  at: UnixSeconds,
): Promise<TxRecord> {
  const { hash, raw, purpose, fees } = attempt
  return journal.db.begin(async (t) => {
    await t.query(
      `insert into tx_attempt (tx_id, hash, raw, purpose, max_fee, tip, signed_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [tx.id, hash, raw, purpose, fees.maxFeePerGas, fees.maxPriorityFeePerGas, at],
    )
    const to = tx.state === 'broadcast' ? 'broadcast' : 'signed'
    const facts = { hash, purpose, ...fees }
    return move(t, tx.id, at, { from: MAY_SIGN, to, event: 'signed', facts, columns: { hash } })
  })
}

export function recordBroadcast(
  journal: Journal,
  tx: TxRecord,
  hash: Hex,
  at: UnixSeconds,
): Promise<TxRecord> {
  return journal.db.begin(async (t) => {
    await t.query('update tx_attempt set broadcast_at = $2 where hash = $1', [hash, at])
    const event = { event: 'broadcast', facts: { hash } } as const
    return move(t, tx.id, at, { from: MAY_BROADCAST, to: 'broadcast', ...event })
  })
}

export function recordIncluded(
  journal: Journal,
  tx: TxRecord,
  receipt: Receipt,
  at: UnixSeconds,
  reason?: string,
): Promise<TxRecord> {
  const { hash, blockNumber, blockHash, gasUsed, gasPrice, succeeded } = receipt
  const columns = {
    hash,
    succeeded,
    block_number: blockNumber,
    block_hash: blockHash,
    gas_used: gasUsed,
    gas_price: gasPrice,
    reason: reason ?? null,
  }
  const facts = { hash, blockNumber, blockHash, gasUsed, gasPrice, succeeded, reason }
  return journal.db.begin((t) =>
    move(t, tx.id, at, { from: MAY_INCLUDE, to: 'included', event: 'included', facts, columns }),
  )
}

/** A reorg took the block away: what was in it stays in the events. */
export function recordRewound(journal: Journal, tx: TxRecord, at: UnixSeconds): Promise<TxRecord> {
  const facts = { hash: tx.hash, blockNumber: tx.blockNumber, blockHash: tx.blockHash }
  const gone = { block_number: null, block_hash: null, gas_used: null, gas_price: null }
  const columns = { ...gone, succeeded: null, reason: null }
  return journal.db.begin((t) =>
    move(t, tx.id, at, { from: MAY_REWIND, to: 'broadcast', event: 'rewound', facts, columns }),
  )
}

/** Deep enough to stay. A failed one is 'reverted' from here on, and one that a cancel won 'cancelled'. */
export function recordFinal(journal: Journal, tx: TxRecord, at: UnixSeconds): Promise<TxRecord> {
  return journal.db.begin(async (t) => {
    const state = await outcomeOf(t, tx)
    const facts = { hash: tx.hash, blockHash: tx.blockHash, reason: tx.reason }
    return move(t, tx.id, at, { from: MAY_FINISH, to: state, event: state, facts })
  })
}

async function outcomeOf(t: Db, tx: TxRecord): Promise<'final' | 'reverted' | 'cancelled'> {
  const mined = await t.maybeOne<{ purpose: AttemptPurpose }>(
    'select purpose from tx_attempt where tx_id = $1 and hash = $2',
    [tx.id, tx.hash],
  )
  if (mined?.purpose === 'cancel') return 'cancelled'
  return tx.succeeded === false ? 'reverted' : 'final'
}

/** Needs a human: the queue of this sender stands still until then. */
export function recordStopped(
  journal: Journal,
  tx: TxRecord,
  state: 'unknown' | 'foreign',
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const step = { to: state, event: state, facts: { reason }, columns: { reason } } as const
  return journal.db.begin((t) => move(t, tx.id, at, { from: MAY_STOP, ...step }))
}

/** S-29: the block of a closed row is gone. Nothing is sent again before a human has looked. */
export function recordOrphaned(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const facts = { hash: tx.hash, blockNumber: tx.blockNumber, blockHash: tx.blockHash, reason }
  const step = { to: 'unknown', event: 'unknown', facts, columns: { reason } } as const
  return journal.db.begin((t) => move(t, tx.id, at, { from: MAY_ORPHAN, ...step }))
}

/** A human has found out what became of it: the row is closed, its nonce stays used. */
export function recordResolved(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const facts = { nonce: tx.nonce, reason, isResolved: true }
  const step = { to: 'cancelled', event: 'cancelled', facts, columns: { reason } } as const
  return journal.db.begin((t) => move(t, tx.id, at, { from: MAY_RESOLVE, ...step }))
}

/** Gives the nonce back, which is allowed only while nothing was ever signed with it. */
export function recordReleased(
  journal: Journal,
  tx: TxRecord,
  reason: string,
  at: UnixSeconds,
): Promise<TxRecord> {
  const columns = { nonce: null, reason }
  const facts = { nonce: tx.nonce, reason }
  return journal.db.begin((t) =>
    move(t, tx.id, at, {
      from: MAY_RELEASE,
      to: 'cancelled',
      event: 'cancelled',
      facts,
      columns,
    }),
  )
}
