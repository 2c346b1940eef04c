import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Receipt } from './client.ts'
import { faultOf } from './client.ts'
import type { Fees } from './fees.ts'
import { bumpFees } from './fees.ts'
import { recordBroadcast, recordIncluded, recordReleased, recordSigned } from './journal-moves.ts'
import type { AttemptPurpose, TxAttempt, TxRecord } from './journal-rows.ts'
import { prepare, readMarket } from './prepare.ts'
import type { SendContext } from './send-context.ts'
import { showRevert, simulate } from './simulate.ts'
import { checkSigned } from './unsigned.ts'
import type { UnsignedTx } from './unsigned.ts'

/** Nothing is signed yet. After a restart the world may have moved on, so it is checked again. */
export async function signFirst(
  context: SendContext,
  tx: TxRecord,
  fees: Fees | undefined,
): Promise<TxRecord> {
  return sign(context, tx, fees ?? (await prepareAgain(context, tx)), 'send')
}

async function prepareAgain(context: SendContext, tx: TxRecord): Promise<Fees> {
  try {
    return await prepare(context, { ...tx, to: tx.contract })
  } catch (error) {
    if (isKeeperError(error, 'TX_WOULD_REVERT')) {
      await recordReleased(context.journal, tx, error.message, context.clock.now())
    }
    throw error
  }
}

/** A new attempt at the same nonce, to, data and value. Undefined: the market is over the ceiling. */
export async function signBump(
  context: SendContext,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
): Promise<TxRecord | undefined> {
  const fees = bumpFees(attempts, await readMarket(context.client), context.fees)
  return fees && sign(context, tx, fees, 'bump')
}

/** Signing happens outside any database transaction: a remote signer may hang. */
async function sign(
  context: SendContext,
  tx: TxRecord,
  fees: Fees,
  purpose: AttemptPurpose,
): Promise<TxRecord> {
  const unsigned = buildUnsigned(tx, fees)
  const raw = await context.signer.signTransaction(unsigned)
  const signed = checkSigned(raw, unsigned, tx.sender)
  const attempt = { ...signed, purpose, fees }
  const stored = await recordSigned(context.journal, tx, attempt, context.clock.now())
  await context.onStep('signed-stored', stored)
  return stored
}

/** Z-46: the payload is built here, signed by the signer, submitted by broadcastLast. */
export function buildUnsigned(tx: TxRecord, fees: Fees): UnsignedTx {
  const { chainId, nonce, contract: to, data, value, gasLimit } = tx
  if (nonce === undefined)
    throw new KeeperError('JOURNAL_STATE', { id: tx.id, from: tx.state, to: 'signed' })
  return { chainId, nonce, to, data, value, gasLimit, ...fees }
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
  const stored = await recordBroadcast(context.journal, tx, last.hash, context.clock.now())
  const { kind, key, nonce } = tx
  context.log.info({ kind, key, nonce, hash: last.hash, purpose: last.purpose }, 'tx-broadcast')
  return stored
}

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
    const { kind, key, nonce, sender } = tx
    if (fault !== undefined) context.log.warn({ kind, key, nonce, fault }, 'broadcast-answer')
    switch (fault) {
      // Hardhat mines at once and answers with the failure of the execution: it was taken.
      case 'reverted':
      case 'already-known':
        return true
      case 'underpriced':
      case 'fee-too-low':
        memory.underpriced.add(attempt.hash)
        return false
      // The next look decides: a receipt of ours, or a used nonce without one.
      case 'nonce-too-low':
      case 'nonce-gap':
      case 'rate-limited':
        return false
      case 'insufficient-funds': {
        const needed = tx.value + tx.gasLimit * attempt.maxFeePerGas
        const balance = await context.client.balanceOf(sender)
        throw new KeeperError('INSUFFICIENT_FUNDS', { sender, balance, needed, kind, key })
      }
      case 'gas-limit':
      case 'other':
      case undefined:
      default:
        throw error
    }
  }
}

/** Mined, for good or ill. The same hash in another block replaces the receipt; both stay as events. */
export async function storeReceipt(
  context: SendContext,
  tx: TxRecord,
  receipt: Receipt,
): Promise<TxRecord> {
  await context.onStep('mined', tx)
  const reason = receipt.succeeded ? undefined : await reasonOf(context, tx, receipt)
  const stored = await recordIncluded(context.journal, tx, receipt, context.clock.now(), reason)
  await context.onStep('receipt-stored', stored)
  const { kind, key, nonce } = tx
  const { hash, blockNumber, gasUsed, succeeded } = receipt
  context.log.info({ kind, key, nonce, hash, blockNumber, gasUsed, succeeded }, 'tx-included')
  return stored
}

/** A receipt has no reason: the same call on the state before the block tells it, if it is kept. */
async function reasonOf(context: SendContext, tx: TxRecord, receipt: Receipt): Promise<string> {
  const { sender: from, contract: to, data, value, gasLimit: gas } = tx
  const before = Math.max(0, receipt.blockNumber - 1)
  const isGasSpent = receipt.gasUsed >= gas
  const unknown = isGasSpent ? 'all gas was used' : 'the node does not tell the reason'
  try {
    const fields = { from, to, data, value, gas }
    const revert = await simulate(context.client, fields, context.errors, before)
    return revert ? showRevert(revert) : unknown
  } catch (error) {
    if (isKeeperError(error, 'RPC_REFUSED')) return unknown
    throw error
  }
}
