import type { Address, Hex } from '../../base/schema.ts'
import type { JournalEvent } from './journal-chain.ts'
import type { AttemptPurpose, TxAttempt, TxRecord, TxState } from './journal-rows.ts'

/** A row as its events tell it; the calldata is in the payload's hash only, the bytes in theirs. */
export interface FoldedTx extends Omit<TxRecord, 'data'> {
  attempts: Omit<TxAttempt, 'raw'>[]
}

export type Fold = Map<bigint, FoldedTx>

/** The state of every row is what its events say: nothing else makes it. */
export function foldJournal(events: Iterable<JournalEvent>, fold: Fold = new Map()): Fold {
  for (const event of events) {
    const next = foldEvent(fold.get(event.txId), event)
    if (next) fold.set(event.txId, { ...next, updatedAt: event.at })
  }
  return fold
}

type Facts = Record<string, unknown>

function foldEvent(tx: FoldedTx | undefined, event: JournalEvent): FoldedTx | undefined {
  const facts = JSON.parse(event.facts) as Facts
  if (event.kind === 'planned') return planned(tx, event, facts)
  if (!tx) return undefined
  switch (event.kind) {
    case 'signed':
      return signed(tx, event, facts)
    case 'broadcast':
      return broadcast(tx, event, facts)
    case 'included':
      return { ...tx, ...receiptOf(facts), state: 'included' }
    case 'rewound':
      return { ...tx, ...NO_RECEIPT, state: 'broadcast' }
    case 'final':
    case 'reverted':
    case 'cancelled':
    case 'unknown':
    case 'foreign':
      return closed(tx, event.kind, facts)
    default:
      return undefined
  }
}

const NO_RECEIPT = {
  succeeded: undefined,
  blockNumber: undefined,
  blockHash: undefined,
  gasUsed: undefined,
  gasPrice: undefined,
  reason: undefined,
}

function planned(tx: FoldedTx | undefined, { txId, at }: JournalEvent, facts: Facts): FoldedTx {
  return {
    ...NO_RECEIPT,
    hash: undefined,
    attempts: [],
    createdAt: at,
    ...tx,
    id: txId,
    chainId: facts['chainId'] as number,
    // Journals of the first release called it `to`.
    contract: (facts['contract'] ?? facts['to']) as Address,
    kind: facts['kind'] as string,
    key: facts['key'] as string,
    payloadHash: facts['payloadHash'] as Hex,
    sender: facts['sender'] as Address,
    nonce: facts['nonce'] as number,
    value: BigInt(facts['value'] as string),
    gasLimit: BigInt((facts['gasLimit'] as string | undefined) ?? UNTOLD),
    anchor: facts['anchor'] as Hex | undefined,
    state: 'planned',
    reason: undefined,
    updatedAt: at,
  }
}

/** The first release did not write the gas limit into the event. */
export const UNTOLD = -1n

function signed(tx: FoldedTx, { at }: JournalEvent, facts: Facts): FoldedTx {
  const hash = facts['hash'] as Hex
  const attempt = {
    hash,
    purpose: facts['purpose'] as AttemptPurpose,
    maxFeePerGas: BigInt(facts['maxFeePerGas'] as string),
    maxPriorityFeePerGas: BigInt(facts['maxPriorityFeePerGas'] as string),
    signedAt: at,
    broadcastAt: undefined,
  }
  const state = tx.state === 'broadcast' ? 'broadcast' : 'signed'
  return { ...tx, hash, state, attempts: [...tx.attempts, attempt] }
}

function broadcast(tx: FoldedTx, { at }: JournalEvent, facts: Facts): FoldedTx {
  const attempts = tx.attempts.map((attempt) =>
    attempt.hash === facts['hash'] ? { ...attempt, broadcastAt: at } : attempt,
  )
  return { ...tx, attempts, state: 'broadcast', reason: undefined }
}

function receiptOf(facts: Facts): Partial<FoldedTx> {
  return {
    hash: facts['hash'] as Hex,
    succeeded: facts['succeeded'] as boolean,
    blockNumber: facts['blockNumber'] as number,
    blockHash: facts['blockHash'] as Hex,
    gasUsed: BigInt(facts['gasUsed'] as string),
    gasPrice: BigInt(facts['gasPrice'] as string),
    reason: facts['reason'] as string | undefined,
  }
}

function closed(tx: FoldedTx, state: TxState, facts: Facts): FoldedTx {
  const reason = facts['reason'] as string | undefined
  return { ...tx, state, reason, nonce: isReleased(tx, state, facts) ? undefined : tx.nonce }
}

/** The first release did not say so: then only what was never signed could be cancelled. */
function isReleased(tx: FoldedTx, state: TxState, facts: Facts): boolean {
  if (state !== 'cancelled') return false
  if ('isReleased' in facts || 'isResolved' in facts) return facts['isReleased'] === true
  return tx.attempts.length === 0
}
