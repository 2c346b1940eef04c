import { KeeperError, describe, isKeeperError } from '../../base/errors.ts'
import { delayOf } from '../../base/retry.ts'
import { look } from './confirm.ts'
import type { Sighting } from './confirm.ts'
import type { Fees } from './fees.ts'
import { attemptsOf, lastNonce } from '../journal/journal.ts'
import { recordFinal, recordReleased, recordRewound } from '../journal/journal-moves.ts'
import type { TxAttempt, TxRecord } from '../journal/journal-rows.ts'
import { persist } from './persist.ts'
import type { SendContext } from './send-context.ts'
import { broadcastLast, signCancel, signBump, signFirst, storeReceipt } from './send-acts.ts'
import { isPatienceOver, nextStep } from './send-state.ts'
import type { NextStep, Order, SendFacts } from './send-state.ts'
import { stopQueue } from './stopped.ts'
import { isRaiseAffordable } from './prepare.ts'

export type Until = 'broadcast' | 'included' | 'final'

/** What is known only while we watch; a restart begins with nothing. */
export interface Watch {
  fees: Fees | undefined
  /** Ours alone: one process signs for a key. */
  attempts: TxAttempt[] | undefined
  lostSinceMs: number | undefined
  underpriced: Set<string>
  waitsSinceMs: number
  idleTurns: number
  order: { step: Order; settle(error?: unknown): void } | undefined
  /** Told at each stage that somebody may wait for; more than once is harmless. */
  onStage(stage: Stage, tx: TxRecord): void
}

/** 'broadcast': the next one may be built; 'included': mined as it was meant. */
export type Stage = 'broadcast' | 'included'

// The first look comes at once and the second soon: a local node mines within milliseconds.
export const FIRST_POLL_MS = 5

export function newWatch(context: SendContext, fees?: Fees): Watch {
  return {
    fees,
    attempts: undefined,
    lostSinceMs: undefined,
    underpriced: new Set(),
    waitsSinceMs: context.clock.nowMs(),
    idleTurns: 0,
    order: undefined,
    onStage: () => {},
  }
}

/** Looks, decides, acts, until the row is where it was wanted. May die anywhere and be called again. */
export async function carryOut(
  context: SendContext,
  start: TxRecord,
  until: Until,
  watch: Watch,
): Promise<TxRecord> {
  let tx = start
  if (tx.state === 'included') watch.attempts ??= await attemptsOf(context.journal.db, tx.id)
  while (!isDone(tx, until, watch) || isOrderOpen(tx, watch)) {
    context.signal?.throwIfAborted()
    refuseClosed(tx)
    try {
      const next = await turn(context, tx, watch)
      if (next.state !== tx.state) watch.waitsSinceMs = context.clock.nowMs()
      tx = next
    } catch (error) {
      const isPassing = isKeeperError(error, 'RPC_UNAVAILABLE', 'RPC_HASH_MISMATCH')
      if (!isPassing || isOverdue(context, watch, tx)) throw error
      context.log.warn({ tx: tx.id, error: describe(error) }, 'node-unavailable')
      await pause(context, watch)
    }
    tellStages(tx, watch)
  }
  refuseClosed(tx)
  return tx
}

function tellStages(tx: TxRecord, watch: Watch): void {
  if (tx.state !== 'planned' && tx.state !== 'signed') watch.onStage('broadcast', tx)
  if (tx.state === 'included' && isDone(tx, 'included', watch)) watch.onStage('included', tx)
}

/** An order for a row that is mined or closed has come too late. */
function isOrderOpen({ state }: TxRecord, watch: Watch): boolean {
  if (watch.order === undefined) return false
  if (state === 'planned' || state === 'signed' || state === 'broadcast') return true
  settleOrder(watch)
  return false
}

function settleOrder(watch: Watch, error?: KeeperError): void {
  watch.order?.settle(error)
  watch.order = undefined
}

/** A failed receipt and a cancellation are followed to their depth: until then a reorg may undo them. */
function isDone({ state, succeeded, hash }: TxRecord, until: Until, { attempts }: Watch): boolean {
  if (state === 'broadcast') return until === 'broadcast'
  if (state === 'included') {
    const mined = attempts?.find((attempt) => attempt.hash === hash)
    return until !== 'final' && succeeded === true && mined?.purpose !== 'cancel'
  }
  return state === 'final' || state === 'reverted' || state === 'cancelled'
}

function refuseClosed({ state, kind, key, reason, hash }: TxRecord): void {
  if (state === 'reverted') throw new KeeperError('TX_REVERTED', { kind, key, reason, hash })
  if (state !== 'cancelled') return
  throw new KeeperError('TX_CANCELLED', {
    kind,
    key,
    reason: reason ?? `${hash} was mined in its place`,
  })
}

async function turn(context: SendContext, tx: TxRecord, watch: Watch): Promise<TxRecord> {
  const { client, clock, patience, journal } = context
  // Fees in hand and nothing signed: the chain was asked a moment ago, when the intent was planned.
  const isFresh = watch.fees !== undefined && tx.state === 'planned' && watch.order === undefined
  const attempts = (watch.attempts ??= isFresh ? [] : await attemptsOf(journal.db, tx.id))
  if (isFresh) return signAndSubmit(context, tx, watch, 'sign')
  const sighting = await look(client, tx, attempts, context.finalBlocks)
  const facts = await factsOf(context, tx, sighting, watch, attempts)
  const step = nextStep(facts, clock.nowMs(), patience)
  const next = await act(context, tx, { step, sighting, watch, attempts })
  if (next !== tx) watch.idleTurns = 0
  return next
}

async function factsOf(
  context: SendContext,
  tx: TxRecord,
  sighting: Sighting,
  watch: Watch,
  attempts: readonly TxAttempt[],
): Promise<SendFacts> {
  const { receipt, minedNonce, finalBlock } = sighting
  const nonce = tx.nonce ?? 0
  const isLost = !receipt && minedNonce > nonce
  watch.lostSinceMs = isLost ? (watch.lostSinceMs ?? context.clock.nowMs()) : undefined
  const isSettled = receipt !== undefined || isLost
  return {
    nonce,
    minedNonce,
    finalNonce: await finalNonceOf(context, tx, watch),
    receipt,
    finalBlock,
    lostSinceMs: watch.lostSinceMs,
    recorded: tx.state === 'included' ? { blockHash: tx.blockHash ?? '' } : undefined,
    attempts: attempts.map((attempt) => attemptFacts(attempt, watch)),
    isBumpAffordable: !isSettled && (await isAffordable(context, attempts, watch)),
    order: watch.order?.step,
    isLastNonce: await isLastNonce(context, tx, watch),
  }
}

/** Asked only when it decides whether a cancelled intent may give its nonce back. */
async function isLastNonce(
  { journal, client }: SendContext,
  { sender, nonce }: TxRecord,
  { order }: Watch,
): Promise<boolean> {
  if (order?.step !== 'cancel') return false
  return (await lastNonce(journal.db, client.chainId, sender)) === nonce
}

function attemptFacts(
  { hash, purpose, signedAt, broadcastAt }: TxAttempt,
  { underpriced }: Watch,
): SendFacts['attempts'][number] {
  return {
    purpose,
    signedAtMs: signedAt * 1000,
    broadcastAtMs: broadcastAt === undefined ? undefined : broadcastAt * 1000,
    isUnderpriced: underpriced.has(hash),
  }
}

/** Asked only when patience is over: what the chain has counted where it cannot be undone. */
async function finalNonceOf(
  { client, clock, patience, finalBlocks }: SendContext,
  { sender }: TxRecord,
  watch: Watch,
): Promise<number | undefined> {
  if (!isPatienceOver(watch, clock.nowMs(), patience)) return undefined
  return client.nonceOf(sender, await finalBlocks.tag())
}

/** The market is asked only once a raise may be due. */
async function isAffordable(
  context: SendContext,
  attempts: readonly TxAttempt[],
  { order, underpriced }: Watch,
): Promise<boolean> {
  const last = attempts.at(-1)
  if (!last) return order !== undefined && (await isRaiseAffordable(context, attempts))
  const isRecent = context.clock.nowMs() - last.signedAt * 1000 < context.patience.bumpAfterMs
  const isIdle = isRecent && order === undefined && !underpriced.has(last.hash)
  return isIdle || isRaiseAffordable(context, attempts)
}

interface Decision {
  step: NextStep
  sighting: Sighting
  watch: Watch
  attempts: TxAttempt[]
}

async function act(context: SendContext, tx: TxRecord, decision: Decision): Promise<TxRecord> {
  const { journal, clock, log } = context
  const { step, sighting, watch, attempts } = decision
  switch (step) {
    case 'sign':
    case 'bump':
    case 'cancel':
      return signAndSubmit(context, tx, watch, step)
    case 'release':
      return recordReleased(journal, tx, 'cancelled by an operator', clock.now())
    case 'broadcast':
      return (await broadcastLast(context, tx, attempts, watch)) ?? idle(context, tx, watch)
    case 'record':
      return sighting.receipt ? storeReceipt(context, tx, sighting.receipt) : tx
    case 'rewind':
      log.warn({ tx: tx.id, hash: tx.hash, blockHash: tx.blockHash }, 'reorg-before-final')
      return persist(context, () => recordRewound(journal, tx, clock.now()))
    case 'final': {
      const done = await persist(context, () => recordFinal(journal, tx, clock.now()))
      await context.onStep('final', done)
      return done
    }
    case 'lost':
      throw await stopQueue(context, tx, attempts)
    case 'wait':
      return idle(context, tx, watch)
    case 'hold':
      return hold(context, tx, watch)
    default:
      return unreachable(step)
  }
}

/** The compiler shows that no step is forgotten above. */
function unreachable(step: never): never {
  throw new KeeperError('INTERNAL', { what: `no act for the step ${String(step)}` })
}

const SIGN = { sign: signFirst, bump: signBump, cancel: signCancel }

/** What was signed a moment ago needs no second look before it goes out. */
async function signAndSubmit(
  context: SendContext,
  tx: TxRecord,
  watch: Watch,
  step: keyof typeof SIGN,
): Promise<TxRecord> {
  const before = watch.attempts ?? []
  const signed = await SIGN[step](context, tx, before, watch.fees)
  if (!signed) return hold(context, tx, watch)
  watch.fees = undefined
  watch.attempts = [...before, signed.attempt]
  if (step !== 'sign') settleOrder(watch)
  return (await broadcastLast(context, signed.tx, watch.attempts, watch)) ?? signed.tx
}

/** Told, and waited for: it goes on by itself when the market comes down. An operator is told at once. */
async function hold(context: SendContext, tx: TxRecord, watch: Watch): Promise<TxRecord> {
  const { kind, key, nonce } = tx
  const ceiling = context.fees.maxFeePerGas
  context.alerts.raise('fee-hold', { key: tx.sender, kind, tx: key, nonce, ceiling })
  settleOrder(watch, new KeeperError('FEE_OVER_CEILING', { needed: 'more', ceiling }))
  return idle(context, tx, watch)
}

async function idle(context: SendContext, tx: TxRecord, watch: Watch): Promise<TxRecord> {
  if (isOverdue(context, watch, tx)) throw overdue(context, tx)
  await pause(context, watch)
  return tx
}

async function pause({ clock, pollMs, signal }: SendContext, watch: Watch): Promise<void> {
  const backoff = { firstDelayMs: Math.min(FIRST_POLL_MS, pollMs), maxDelayMs: pollMs }
  await clock.sleep(delayOf(watch.idleTurns, backoff), signal)
  watch.idleTurns += 1
}

function waitOf({ nonceWaitMs, finalWaitMs }: SendContext, { state }: TxRecord): number {
  return state === 'included' ? finalWaitMs : nonceWaitMs
}

function isOverdue(context: SendContext, { waitsSinceMs }: Watch, tx: TxRecord): boolean {
  return context.clock.nowMs() - waitsSinceMs >= waitOf(context, tx)
}

function overdue(context: SendContext, tx: TxRecord): KeeperError {
  const { nonce, sender, kind, key, hash, state } = tx
  const timeoutMs = waitOf(context, tx)
  if (state === 'included') {
    return new KeeperError('RECEIPT_TIMEOUT', { kind, key, hash, state, timeoutMs })
  }
  return new KeeperError('NONCE_WAIT_TIMEOUT', { nonce, sender, kind, key, timeoutMs })
}
