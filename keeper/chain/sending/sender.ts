import type { Interface } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import { waitFor } from '../../base/retry.ts'
import type { Address } from '../../base/schema.ts'
import { FIRST_POLL_MS } from './carry-out.ts'
import type { Until } from './carry-out.ts'
import type { ChainClient } from '../rpc/client.ts'
import { watchFinal } from './final-watch.ts'
import { openFlight } from './flight.ts'
import type { Flight } from './flight.ts'
import {
  findIntent,
  openIntent,
  readTx,
  refuseOtherPayload,
  unresolved,
} from '../journal/journal.ts'
import type { Plan, TxIntent } from '../journal/journal.ts'
import type { TxRecord } from '../journal/journal-rows.ts'
import type { Db } from '../../store/db.ts'
import { learnNonces, newNonces, requireCounted } from './nonces.ts'
import type { Nonces } from './nonces.ts'
import { costOf, prepare } from './prepare.ts'
import type { Fees } from './fees.ts'
import type { SendContext, SenderOptions } from './send-context.ts'
import { contextOf } from './send-context.ts'
import { isFoundAgain, isStopped, queueStopped, resolveStopped } from './stopped.ts'

export interface SendOptions {
  /** 'broadcast': a node took it; 'included': mined once; 'final' (default): deep enough to stay. */
  until?: Until
  /** Decodes the custom errors of the called contract; the sender's own list comes after it. */
  errors?: Interface
  /** What has to be stored with the intent or not at all, before it in the same transaction: it may be undone. */
  alongside?: (t: Db) => Promise<void>
}

export interface Sender {
  readonly address: Address
  readonly client: ChainClient
  /** Transactions that may be unmined at the same time. */
  readonly window: number
  /** Idempotent by (chain, to, kind, key). Resolves with a successful row or throws. */
  send(intent: TxIntent, options?: SendOptions): Promise<TxRecord>
  /** Goes on with a row of the journal, for instance from 'included' to 'final'. */
  carryOut(tx: TxRecord, options?: SendOptions): Promise<TxRecord>
  /** At start, before anything else: every unresolved row of this sender, the SAME BYTES again. */
  resume(options?: SendOptions): Promise<TxRecord[]>
  /** An operator's wish: the same call at a higher price now. Throws FEE_OVER_CEILING instead of holding. */
  bump(id: bigint): Promise<TxRecord>
  /** The same nonce for nothing: either this or the original is mined, and the journal says which. */
  cancel(id: bigint): Promise<TxRecord>
  /** A human closes a row that stopped the queue; `abandon` for one of which nothing is proven. */
  resolve(id: bigint, options?: { abandon?: boolean }): Promise<TxRecord>
  /** Nothing new from now on; resolves when nothing is on its way. */
  drain(): Promise<void>
  inFlight(): number
  /** Asks at each final block, until there is an answer; DEADLINE_PASSED when final blocks do not get there. */
  waitFinal<T>(what: string, ask: (block: number) => Promise<T | undefined>): Promise<T>
}

interface Desk {
  context: SendContext
  flight: Flight
  nonces: Nonces
  queue: Queue
  isDraining: boolean
}

/** One sender a key and process. Calls queue up for their nonce; up to `window` are on their way at once. */
export function openSender(options: SenderOptions): Sender {
  const context = contextOf(options)
  const desk: Desk = {
    context,
    flight: openFlight(),
    nonces: newNonces(),
    queue: queueOf(),
    isDraining: false,
  }
  return {
    address: options.signer.address,
    client: options.client,
    window: context.window,
    send: (intent, how) => send(desk, intent, how),
    carryOut: (tx, how) => carry(desk, tx, how),
    resume: (how) => resume(desk, how),
    bump: (id) => order(desk, id, 'bump'),
    cancel: (id) => order(desk, id, 'cancel'),
    resolve: (id, how = {}) => desk.queue(() => resolve(desk, id, how)),
    drain: async () => {
      desk.isDraining = true
      await desk.queue(async () => {})
      await desk.flight.landed()
    },
    inFlight: () => desk.flight.count(),
    waitFinal: (what, ask) => waitFinal(context, what, ask),
  }
}

function waitFinal<T>(
  { finalBlocks, clock, finalWaitMs, pollMs, signal }: SendContext,
  what: string,
  ask: (block: number) => Promise<T | undefined>,
): Promise<T> {
  return waitFor(async () => ask(await finalBlocks.block()), {
    what,
    clock,
    timeoutMs: finalWaitMs,
    firstDelayMs: Math.min(FIRST_POLL_MS, pollMs),
    maxDelayMs: pollMs,
    ...(signal ? { signal } : {}),
  })
}

type Queue = <T>(task: () => Promise<T>) => Promise<T>

function queueOf(): Queue {
  let tail: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = tail.then(task)
    tail = result.catch(() => {})
    return result
  }
}

function withErrors(context: SendContext, { errors }: SendOptions = {}): SendContext {
  return errors ? { ...context, errors: [errors, ...context.errors] } : context
}

/** The queue is held until the bytes are out; then the next may be built while this one is watched. */
async function send(desk: Desk, intent: TxIntent, how: SendOptions = {}): Promise<TxRecord> {
  const { onWay } = await desk.queue(async () => {
    const { tx, fees } = await takePlace(desk, intent, how)
    const onWay = carry(desk, tx, how, fees)
    // Whoever sent it hears of a failure below; the queue only waits for the bytes.
    onWay.catch(() => {})
    await desk.flight.out(tx.id)
    const open = desk.nonces.open.get(tx.id)
    if (open) desk.nonces.open.set(tx.id, { ...open, state: 'broadcast' })
    return { onWay }
  })
  return onWay
}

interface Place {
  tx: TxRecord
  fees?: Fees
}

/** A nonce for the intent, or the row it has already. */
async function takePlace(desk: Desk, intent: TxIntent, how: SendOptions): Promise<Place> {
  const context = withErrors(desk.context, how)
  const { journal, client, signer, clock } = context
  const { chainId } = client
  const known = await findIntent(journal.db, { chainId, contract: intent.to, ...intent })
  if (known) refuseOtherPayload(known, intent)
  if (known && isStopped(known)) throw queueStopped(known)
  if (known && known.nonce !== undefined) return { tx: known }
  if (desk.isDraining) throw new KeeperError('DRAINING', { kind: intent.kind, key: intent.key })
  await makeRoom(desk, context)
  await watchFinal(context, desk.nonces)
  const chainNonce = await requireCounted(context, desk.nonces)
  const fees = await prepare(context, intent)
  // S-10: who is asked to stop begins nothing new, however far the preparations are.
  context.signal?.throwIfAborted()
  const plan = { chainId, sender: signer.address, chainNonce, intent, at: clock.now() }
  const tx = await open(context, plan, how).catch((error: unknown) => {
    // A commit whose answer was lost has taken the nonce: the journal is asked before the next one is.
    desk.nonces.isKnown = false
    throw error
  })
  desk.nonces.open.set(tx.id, tx)
  desk.nonces.last = tx.nonce
  context.surroundings.reserve(tx.id, costOf(intent, fees))
  await context.onStep('intent-stored', tx)
  return { tx, fees }
}

function open({ journal }: SendContext, plan: Plan, { alongside }: SendOptions): Promise<TxRecord> {
  if (!alongside) return openIntent(journal, plan)
  return journal.db.begin(async (t) => {
    await alongside(t)
    return openIntent(journal, plan, t)
  })
}

/** Nothing new while the window is full or an earlier one is not out; nothing at all while one needs a human. */
async function makeRoom(desk: Desk, context: SendContext): Promise<void> {
  const { nonces, flight } = desk
  if (!nonces.isKnown) await learnNonces(context, nonces)
  for (const tx of nonces.open.values()) {
    if (isStopped(tx)) throw queueStopped(tx)
    const isOut = tx.state === 'broadcast' && nonces.open.size < context.window
    if (isOut) continue
    const isFull = nonces.open.size >= context.window
    await track(desk, flight.carry(context, tx, isFull ? 'included' : 'broadcast'))
  }
}

async function carry(
  desk: Desk,
  tx: TxRecord,
  how: SendOptions = {},
  fees?: Fees,
): Promise<TxRecord> {
  const context = withErrors(desk.context, how)
  return track(desk, desk.flight.carry(context, tx, how.until ?? 'final', fees))
}

/** Keeps the desk's own list true: whatever failed is read from the journal again. */
async function track(desk: Desk, running: Promise<TxRecord>): Promise<TxRecord> {
  const { nonces, context } = desk
  try {
    const tx = await running
    if (tx.state === 'broadcast') {
      nonces.open.set(tx.id, tx)
      return tx
    }
    nonces.open.delete(tx.id)
    nonces.countedAtMs = context.clock.nowMs()
    context.surroundings.release(tx.id)
    return tx
  } catch (error) {
    nonces.isKnown = false
    throw error
  }
}

/** The queue is held for the look alone: a wait for final blocks must not hold up what is new. */
async function resume(desk: Desk, how: SendOptions = {}): Promise<TxRecord[]> {
  const { nonces } = desk
  const open = await desk.queue(() => lookAround(desk))
  const done: TxRecord[] = []
  for (const tx of open) done.push(await carry(desk, tx, how))
  nonces.isKnown = false
  return done
}

async function lookAround({ context, nonces }: Desk): Promise<TxRecord[]> {
  const { journal, client, signer } = context
  await watchFinal(context, nonces)
  const open = await unresolved(journal.db, client.chainId, signer.address)
  for (const tx of open) {
    if (isStopped(tx) && !(await isFoundAgain(context, tx))) throw queueStopped(tx)
  }
  return open
}

async function order(desk: Desk, id: bigint, step: 'bump' | 'cancel'): Promise<TxRecord> {
  const { journal } = desk.context
  const tx = await readTx(journal.db, id)
  const { kind, key, state } = tx
  const mayStill = state === 'planned' || state === 'signed' || state === 'broadcast'
  if (!mayStill) throw new KeeperError('TX_NOT_PENDING', { id, kind, key, state, step })
  await desk.flight.order(desk.context, tx, step)
  desk.nonces.isKnown = false
  return readTx(journal.db, id)
}

async function resolve(desk: Desk, id: bigint, how: { abandon?: boolean }): Promise<TxRecord> {
  const { context, nonces } = desk
  const tx = await readTx(context.journal.db, id)
  const found = isStopped(tx) && (await isFoundAgain(context, tx))
  nonces.isKnown = false
  return found ? carry(desk, tx) : resolveStopped(context, tx, how)
}
