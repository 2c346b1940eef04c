import { KeeperError } from '../../base/errors.ts'
import { look } from './confirm.ts'
import { attemptsOf } from '../journal/journal.ts'
import { recordResolved, recordStopped } from '../journal/journal-moves.ts'
import type { TxAttempt, TxRecord } from '../journal/journal-rows.ts'
import type { BusinessState, SendContext } from './send-context.ts'

/**
 * The nonce is used for good and no receipt of ours is found: the queue of this key stands still until a
 * human looks. 'foreign' when it is proven that another transaction has the nonce, by three witnesses: every
 * endpoint answers that it knows none of our attempts, enough of them count the nonce at final depth, and
 * the contract says that our purpose was not done. Else 'unknown'. Neither ever leads to a new nonce by itself.
 */
export async function stopQueue(
  context: SendContext,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
): Promise<KeeperError> {
  const { journal, clock, alerts } = context
  const { nonce, sender, kind, key } = tx
  const { state, why } = await judge(context, tx, attempts)
  const reason = `nonce ${nonce} is used on chain, but no receipt of ours is found: ${why}`
  await recordStopped(journal, tx, state, reason, clock.now())
  alerts.raise('queue-stopped', { key: sender, id: tx.id, kind, tx: key, nonce, state, reason })
  const code = state === 'foreign' ? 'NONCE_FOREIGN' : 'TX_UNKNOWN'
  return new KeeperError(code, { id: tx.id, nonce, sender, kind, key })
}

async function judge(
  context: SendContext,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
): Promise<{ state: 'unknown' | 'foreign'; why: string }> {
  for (const { hash } of attempts) {
    if (await context.client.isAbsentEverywhere(hash)) continue
    return { state: 'unknown', why: `not every endpoint says that ${hash} does not exist` }
  }
  if (attempts.length === 0) return { state: 'foreign', why: 'nothing was signed with it' }
  const business = await context.stateOf(tx)
  if (business === 'open') {
    return {
      state: 'foreign',
      why: 'no endpoint knows our attempts, and the contract was not called',
    }
  }
  return { state: 'unknown', why: BUSINESS[business] }
}

const BUSINESS: Record<Exclude<BusinessState, 'open'>, string> = {
  done: 'the contract says that its purpose is done',
  partly: 'the contract says that a part of its purpose is done',
  unknown: 'nothing tells whether its purpose is done',
}

/** A start or an operator looks once more: a receipt that is there now lets the queue go on. */
export async function isFoundAgain(context: SendContext, tx: TxRecord): Promise<boolean> {
  const attempts = await attemptsOf(context.journal.db, tx.id)
  if (attempts.length === 0) return false
  const { receipt } = await look(context.client, tx, attempts, context.finalBlocks)
  return receipt !== undefined
}

export function isStopped({ state }: TxRecord): boolean {
  return state === 'unknown' || state === 'foreign'
}

export function queueStopped({ id, sender, kind, key, state, reason }: TxRecord): KeeperError {
  return new KeeperError('QUEUE_STOPPED', { id, sender, kind, key, state, reason })
}

/**
 * A human's decision: this row will not happen under its nonce; its purpose may be planned again under a new
 * key. 'unknown' is closed only when the human insists (`abandon`): the contract is the last guard then.
 */
export async function resolveStopped(
  context: SendContext,
  tx: TxRecord,
  { abandon = false }: { abandon?: boolean },
): Promise<TxRecord> {
  const { journal, clock, alerts } = context
  const { id, state, kind, key, sender } = tx
  if (!isStopped(tx)) throw new KeeperError('TX_NOT_STOPPED', { id, kind, key, state })
  if (state === 'unknown' && !abandon) throw new KeeperError('TX_UNKNOWN_STILL', { id, kind, key })
  const reason = `given up by an operator: ${tx.reason ?? state}`
  const closed = await recordResolved(journal, tx, reason, clock.now())
  alerts.clear('queue-stopped', sender)
  return closed
}
