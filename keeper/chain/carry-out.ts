import { KeeperError, describe, isKeeperError } from '../base/errors.ts'
import { delayOf } from '../base/retry.ts'
import { look } from './confirm.ts'
import type { Sighting } from './confirm.ts'
import type { Fees } from './fees.ts'
import { initialFees } from './fees.ts'
import { attemptsOf } from './journal.ts'
import type { TxAttempt, TxRecord } from './journal-rows.ts'
import { recordFinal, recordRewound, recordStopped } from './journal-moves.ts'
import { readMarket } from './prepare.ts'
import type { SendContext } from './send-context.ts'
import { broadcastLast, signBump, signFirst, storeReceipt } from './send-acts.ts'
import { nextStep } from './send-state.ts'
import type { NextStep, SendFacts } from './send-state.ts'

export type Until = 'included' | 'final'

/** What is known only while we watch; a restart begins with nothing. */
interface Watch {
  fees: Fees | undefined
  lostSinceMs: number | undefined
  underpriced: Set<string>
  startedMs: number
  idleTurns: number
}

// The first look comes at once and the second soon: a local node mines within milliseconds.
const FIRST_POLL_MS = 5

/** Looks, decides, acts, until the row is where it was wanted. May die anywhere and be called again. */
export async function carryOut(
  context: SendContext,
  start: TxRecord,
  until: Until,
  fees?: Fees,
): Promise<TxRecord> {
  const watch = newWatch(context, fees)
  let tx = start
  while (!isDone(tx, until)) {
    context.signal?.throwIfAborted()
    refuseClosed(tx)
    try {
      tx = await turn(context, tx, watch)
    } catch (error) {
      if (!isKeeperError(error, 'RPC_UNAVAILABLE') || isOverdue(context, watch, tx)) throw error
      context.log.warn({ tx: tx.id, error: describe(error) }, 'node-unavailable')
      await pause(context, watch)
    }
  }
  refuseClosed(tx)
  return tx
}

function newWatch(context: SendContext, fees: Fees | undefined): Watch {
  const startedMs = context.clock.nowMs()
  return { fees, lostSinceMs: undefined, underpriced: new Set(), startedMs, idleTurns: 0 }
}

/** A failed receipt is followed to its depth: until then a reorg may still undo the failure. */
function isDone({ state, succeeded }: TxRecord, until: Until): boolean {
  if (state === 'included') return until === 'included' && succeeded === true
  return state === 'final' || state === 'reverted' || state === 'cancelled'
}

function refuseClosed({ state, kind, key, reason, hash }: TxRecord): void {
  if (state === 'reverted') throw new KeeperError('TX_REVERTED', { kind, key, reason, hash })
  if (state === 'cancelled') throw new KeeperError('TX_CANCELLED', { kind, key, reason })
}

async function turn(context: SendContext, tx: TxRecord, watch: Watch): Promise<TxRecord> {
  const { client, finality, clock, patience, journal } = context
  const attempts = await attemptsOf(journal.db, tx.id)
  const sighting = await look(client, tx, attempts, finality)
  const facts = await factsOf(context, tx, attempts, sighting, watch)
  const step = nextStep(facts, clock.nowMs(), patience)
  const next = await act(context, tx, { step, attempts, sighting, watch })
  if (next !== tx) watch.idleTurns = 0
  return next
}

async function factsOf(
  context: SendContext,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
  { receipt, minedNonce, finalBlock }: Sighting,
  watch: Watch,
): Promise<SendFacts> {
  const nonce = tx.nonce ?? 0
  const isLost = !receipt && minedNonce > nonce
  watch.lostSinceMs = isLost ? (watch.lostSinceMs ?? context.clock.nowMs()) : undefined
  return {
    nonce,
    minedNonce,
    receipt,
    finalBlock,
    lostSinceMs: watch.lostSinceMs,
    recorded: tx.state === 'included' ? { blockHash: tx.blockHash ?? '' } : undefined,
    attempts: attempts.map(({ hash, signedAt, broadcastAt }) => ({
      signedAtMs: signedAt * 1000,
      broadcastAtMs: broadcastAt === undefined ? undefined : broadcastAt * 1000,
      isUnderpriced: watch.underpriced.has(hash),
    })),
    isBumpAffordable: receipt || isLost ? false : await isAffordable(context, attempts),
  }
}

/** The market is asked only once a bump may be due. */
async function isAffordable(
  { clock, patience, client, fees }: SendContext,
  attempts: readonly TxAttempt[],
): Promise<boolean> {
  const last = attempts.at(-1)
  if (!last) return false
  const isRecent = clock.nowMs() - last.signedAt * 1000 < patience.bumpAfterMs
  return isRecent || initialFees(await readMarket(client), fees) !== undefined
}

interface Decision {
  step: NextStep
  attempts: readonly TxAttempt[]
  sighting: Sighting
  watch: Watch
}

async function act(context: SendContext, tx: TxRecord, decision: Decision): Promise<TxRecord> {
  const { journal, clock } = context
  const { step, attempts, sighting, watch } = decision
  switch (step) {
    case 'sign':
      return submitNew(context, await signFirst(context, tx, watch.fees), watch)
    case 'bump': {
      const bumped = await signBump(context, tx, attempts)
      return bumped ? submitNew(context, bumped, watch) : idle(context, tx, watch)
    }
    case 'broadcast':
      return (await broadcastLast(context, tx, attempts, watch)) ?? idle(context, tx, watch)
    case 'record':
      return sighting.receipt ? storeReceipt(context, tx, sighting.receipt) : tx
    case 'rewind':
      return recordRewound(journal, tx, clock.now())
    case 'final': {
      const done = await recordFinal(journal, tx, clock.now())
      await context.onStep('final', done)
      return done
    }
    case 'foreign':
    case 'unknown':
      throw await stop(context, tx, step)
    case 'wait':
    case 'hold':
      return idle(context, tx, watch)
    default:
      return unreachable(step)
  }
}

/** The compiler shows that no step is forgotten above. */
function unreachable(step: never): never {
  throw new KeeperError('INTERNAL', { what: `no act for the step ${String(step)}` })
}

/** What was signed a moment ago needs no second look before it goes out. */
async function submitNew(context: SendContext, tx: TxRecord, watch: Watch): Promise<TxRecord> {
  return (
    (await broadcastLast(context, tx, await attemptsOf(context.journal.db, tx.id), watch)) ?? tx
  )
}

async function stop(
  { journal, clock, log }: SendContext,
  tx: TxRecord,
  state: 'unknown' | 'foreign',
): Promise<KeeperError> {
  const { nonce, sender, kind, key } = tx
  const reason = `nonce ${nonce} is used on chain, but no receipt of ours is found`
  await recordStopped(journal, tx, state, reason, clock.now())
  log.error({ tx: tx.id, nonce, sender, kind, key, state }, 'queue-stopped')
  const code = state === 'foreign' ? 'NONCE_FOREIGN' : 'TX_UNKNOWN'
  return new KeeperError(code, { nonce, sender, kind, key })
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

function isOverdue(context: SendContext, { startedMs }: Watch, tx: TxRecord): boolean {
  return context.clock.nowMs() - startedMs >= waitOf(context, tx)
}

function overdue(context: SendContext, tx: TxRecord): KeeperError {
  const { nonce, sender, kind, key, hash, state } = tx
  const timeoutMs = waitOf(context, tx)
  if (state === 'included') {
    return new KeeperError('RECEIPT_TIMEOUT', { kind, key, hash, state, timeoutMs })
  }
  return new KeeperError('NONCE_WAIT_TIMEOUT', { nonce, sender, kind, key, timeoutMs })
}
