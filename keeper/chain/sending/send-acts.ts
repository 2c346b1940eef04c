import { KeeperError, isKeeperError } from '../../base/errors.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Receipt } from '../rpc/client.ts'
import { faultOf } from '../rpc/client.ts'
import type { Fees } from './fees.ts'
import { bumpFees, highestCap } from './fees.ts'
import { lastNonce } from '../journal/journal.ts'
import type { TxIntent } from '../journal/journal.ts'
import {
  recordBroadcast,
  recordIncluded,
  recordReleased,
  recordSigned,
} from '../journal/journal-moves.ts'
import type { NewAttempt } from '../journal/journal-moves.ts'
import type { AttemptPurpose, TxAttempt, TxRecord } from '../journal/journal-rows.ts'
import { persist } from './persist.ts'
import { prepare, refuseOverBudget } from './prepare.ts'
import type { SendContext } from './send-context.ts'
import { showRevert, simulate } from '../rpc/simulate.ts'
import { checkSigned } from '../keys/unsigned.ts'
import type { UnsignedTx } from '../keys/unsigned.ts'

export interface Signed {
  tx: TxRecord
  attempt: TxAttempt
}

// A transfer of nothing to oneself: what every EVM chain charges for a bare transaction.
const BARE_TX_GAS = 21_000n

/** Nothing is signed yet. After a restart the world may have moved on, so it is checked again. */
export async function signFirst(
  context: SendContext,
  tx: TxRecord,
  before: readonly TxAttempt[],
  fees: Fees | undefined,
): Promise<Signed | undefined> {
  const asked = fees ?? (await prepareAgain(context, tx))
  return asked ? sign(context, tx, asked, 'send') : signCancel(context, tx, before)
}

/** Undefined: it would revert, and a later nonce is taken, so that this one has to be spent on nothing. */
async function prepareAgain(context: SendContext, tx: TxRecord): Promise<Fees | undefined> {
  try {
    return await prepare(context, intentOf(tx))
  } catch (error) {
    if (!isKeeperError(error, 'TX_WOULD_REVERT')) throw error
    const { journal, client, clock, log } = context
    if ((await lastNonce(journal.db, client.chainId, tx.sender)) !== tx.nonce) {
      log.warn({ tx: tx.id, nonce: tx.nonce, reason: error.message }, 'nonce-spent-on-nothing')
      return undefined
    }
    await recordReleased(journal, tx, error.message, clock.now())
    throw error
  }
}

function intentOf({ kind, key, contract: to, data, value, gasLimit }: TxRecord): TxIntent {
  return { kind, key, to, data, value, gasLimit }
}

/** A new attempt at the same nonce, to, data and value. Undefined: the market is over the ceiling. */
export async function signBump(
  context: SendContext,
  tx: TxRecord,
  before: readonly TxAttempt[],
): Promise<Signed | undefined> {
  // What is bumped is the last attempt: after a cancellation, the cancellation.
  const purpose = before.at(-1)?.purpose === 'cancel' ? 'cancel' : 'bump'
  return raise(context, tx, before, purpose)
}

/** The same nonce for a transfer of nothing to oneself: either this or the original is mined. */
export async function signCancel(
  context: SendContext,
  tx: TxRecord,
  before: readonly TxAttempt[],
): Promise<Signed | undefined> {
  return raise(context, tx, before, 'cancel')
}

async function raise(
  context: SendContext,
  tx: TxRecord,
  before: readonly TxAttempt[],
  purpose: AttemptPurpose,
): Promise<Signed | undefined> {
  const fees = bumpFees(before, await context.surroundings.market(), context.fees)
  if (!fees) return undefined
  // What the earlier attempts may cost is reserved: only one of them all is mined.
  const { gasLimit } = buildUnsigned(tx, fees, purpose)
  await refuseOverBudget(context, gasLimit * (fees.maxFeePerGas - highestCap(before)))
  return sign(context, tx, fees, purpose)
}

/** Signing happens outside any database transaction: a remote signer may hang. */
async function sign(
  context: SendContext,
  tx: TxRecord,
  fees: Fees,
  purpose: AttemptPurpose,
): Promise<Signed> {
  const { journal, signer, clock } = context
  const unsigned = buildUnsigned(tx, fees, purpose)
  // Who lost the lease must not even sign: what is signed exists (S-42).
  await journal.lease?.check()
  const raw = await signer.signTransaction(unsigned)
  const signed = checkSigned(raw, unsigned, tx.sender)
  const signedAt = clock.now()
  const stored = await storeSigned(context, tx, { ...signed, purpose, fees }, signedAt)
  await context.onStep('signed-stored', stored)
  const attempt = { ...signed, ...fees, purpose, signedAt, broadcastAt: undefined }
  return { tx: stored, attempt }
}

/** Without the side log nothing goes out: it is what a power loss leaves us (S-11, S-12). */
async function storeSigned(
  { journal, alerts }: SendContext,
  tx: TxRecord,
  attempt: NewAttempt,
  at: UnixSeconds,
): Promise<TxRecord> {
  try {
    const stored = await recordSigned(journal, tx, attempt, at)
    alerts.clear('side-log-failing')
    return stored
  } catch (error) {
    if (isKeeperError(error, 'SIDE_LOG_FAILED')) alerts.raise('side-log-failing', error.facts)
    throw error
  }
}

/** Z-46: the payload is built here, signed by the signer, submitted by broadcastLast. */
function buildUnsigned(tx: TxRecord, fees: Fees, purpose: AttemptPurpose): UnsignedTx {
  const { chainId, nonce, contract, value, gasLimit } = tx
  if (nonce === undefined)
    throw new KeeperError('JOURNAL_STATE', { id: tx.id, from: tx.state, to: 'signed' })
  if (purpose === 'cancel') {
    const nothing = { to: tx.sender, data: '0x', value: 0n, gasLimit: BARE_TX_GAS } as const
    return { chainId, nonce, ...nothing, ...fees }
  }
  return { chainId, nonce, to: contract, data: calldataOf(tx), value, gasLimit, ...fees }
}

/** The anchor follows the call's own data, where the contract does not look. */
export function calldataOf({ data, anchor }: Pick<TxRecord, 'data' | 'anchor'>): TxRecord['data'] {
  return anchor === undefined ? data : `${data}${anchor.slice(2)}`
}

/** Undefined: not taken, or not known whether; the same bytes go again after a pause. */
export async function broadcastLast(
  context: SendContext,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
  memory: { underpriced: Set<string> },
): Promise<TxRecord | undefined> {
  const last = attempts.at(-1)
  if (!last) return undefined
  const isTaken = await submit(context, tx, last, memory)
  if (!isTaken) return undefined
  await context.onStep('broadcast-accepted', tx)
  const at = context.clock.now()
  const stored = await persist(context, () => recordBroadcast(context.journal, tx, last.hash, at))
  last.broadcastAt = at
  const { kind, key, nonce } = tx
  context.log.info({ kind, key, nonce, hash: last.hash, purpose: last.purpose }, 'tx-broadcast')
  return stored
}

/** The words of a refusal are a hint; whether the node has it is asked by its hash. */
async function submit(
  context: SendContext,
  tx: TxRecord,
  attempt: TxAttempt,
  memory: { underpriced: Set<string> },
): Promise<boolean> {
  try {
    await context.client.sendRaw(attempt.raw)
    return true
  } catch (error) {
    const fault = faultOf(error)
    if (fault === undefined) throw error
    const { kind, key, nonce } = tx
    context.log.warn({ kind, key, nonce, fault }, 'broadcast-answer')
    // Hardhat mines at once and answers with the failure of the execution: it was taken.
    if (await context.client.knows(attempt.hash)) return true
    return refused(context, tx, attempt, memory, error as KeeperError)
  }
}

async function refused(
  { client, surroundings }: SendContext,
  { kind, key, sender, value, gasLimit }: TxRecord,
  attempt: TxAttempt,
  memory: { underpriced: Set<string> },
  error: KeeperError,
): Promise<false> {
  switch (faultOf(error)) {
    case 'underpriced':
    case 'fee-too-low':
      memory.underpriced.add(attempt.hash)
      // What was asked a moment ago is doubted: the next price is today's.
      surroundings.forget()
      return false
    case 'insufficient-funds': {
      const needed = value + gasLimit * attempt.maxFeePerGas
      const balance = await client.balanceOf(sender)
      throw new KeeperError('INSUFFICIENT_FUNDS', { sender, balance, needed, kind, key })
    }
    // The next look decides: a receipt of ours, or a used nonce without one.
    case 'already-known':
    case 'nonce-too-low':
    case 'nonce-gap':
    case 'rate-limited':
    case 'not-indexed':
    case 'reverted':
      return false
    case 'gas-limit':
    case 'other':
    case undefined:
    default:
      throw error
  }
}

/** Mined, for good or ill. The same hash in another block replaces the receipt; both stay as events. */
export async function storeReceipt(
  context: SendContext,
  tx: TxRecord,
  receipt: Receipt,
): Promise<TxRecord> {
  const { journal, clock, log } = context
  await context.onStep('mined', tx)
  const reason = receipt.succeeded ? undefined : await reasonOf(context, tx, receipt)
  const at = clock.now()
  const stored = await persist(context, () => recordIncluded(journal, tx, receipt, at, reason))
  await context.onStep('receipt-stored', stored)
  const { kind, key, nonce } = tx
  const { hash, blockNumber, gasUsed, succeeded } = receipt
  log.info({ kind, key, nonce, hash, blockNumber, gasUsed, succeeded }, 'tx-included')
  return stored
}

/** A receipt has no reason: the same call on the state before the block tells it, if it is kept. */
async function reasonOf(context: SendContext, tx: TxRecord, receipt: Receipt): Promise<string> {
  const { sender: from, contract: to, value, gasLimit: gas } = tx
  const before = Math.max(0, receipt.blockNumber - 1)
  const isGasSpent = receipt.gasUsed >= gas
  const unknown = isGasSpent ? 'all gas was used' : 'the node does not tell the reason'
  try {
    const fields = { from, to, data: calldataOf(tx), value, gas }
    const revert = await simulate(context.client, fields, context.errors, before)
    return revert ? showRevert(revert) : unknown
  } catch (error) {
    if (isKeeperError(error, 'RPC_REFUSED')) return unknown
    throw error
  }
}
