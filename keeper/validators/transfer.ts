import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { systemClock } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { NATIVE } from '../chain/contracts.ts'
import type { TxIntent } from '../chain/journal/journal.ts'
import { listUnsettled } from '../chain/journal/journal-queries.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { countBits } from '../heartbeat/words.ts'
import { freshKey } from './attempt.ts'
import { readCycle, readUnpaidOf } from './cycle-facts.ts'
import type { CycleFacts } from './cycle.ts'
import { hasUnpaid, nextStep } from './cycle.ts'
import { refuseWaiting } from './extract.ts'
import { maxPayees, transferGas } from './gas.ts'
import type { TransferTerms } from './gas.ts'
import type { ChainRoom, ValidatorsRoom } from './room.ts'
import { narrow, sliceKey, toSlices } from './slices.ts'
import type { Slice } from './slices.ts'

export interface TransferOptions {
  /** Only these bits; everybody who is unpaid when left out. */
  only?: readonly bigint[]
  onBatch?: (batch: { tx: TxRecord; slice: Slice; done: number; total: number }) => Promise<void>
}

export interface Transfer {
  batchSize: number
  txs: TxRecord[]
  /** Batches that turned out to be paid already when their turn came. */
  skipped: number
}

// A batch stops cleanly after `maxRefused` refusals and leaves the rest unpaid: the next round lists them.
// Even if all of 1,500 payees of a batch refuse, 16 at a time are settled: 100 rounds settle them.
const MAX_ROUNDS = 100

/**
 * Phase 2. Who is unpaid is asked of the chain, so that a crash, a new store or a stranger's transfer change
 * nothing: what is left is listed again, and only that.
 */
export async function transferCycle(
  room: ValidatorsRoom,
  cycle: Cycle,
  options: TransferOptions = {},
): Promise<Transfer> {
  const terms = await termsOf(room, cycle)
  const batchSize = Math.min(room.batchSize, maxPayees(terms))
  const done: Transfer = { batchSize, txs: [], skipped: 0 }
  let left: bigint[] | undefined
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const facts = await readCycle(room, cycle)
    refuseUnready(facts)
    const unpaid = facts.unpaid.map((mask, word) => mask & (options.only?.[word] ?? ~0n))
    if (!hasUnpaid({ ...facts, unpaid })) {
      await followToFinal(room, done)
      if (await isPaidForGood(room, cycle, options)) return done
      left = undefined
      continue
    }
    if (await settleOwn(room, cycle, unpaid)) {
      left = undefined
      continue
    }
    refuseStuck(cycle, round, unpaid, left)
    left = unpaid
    const isOurs = facts.now < facts.cut + terms.grace
    const seen = { unpaid, atMs: isOurs ? systemClock.nowMs() : 0 }
    await sendAll(room, { cycle, seen, terms, slices: toSlices(unpaid, batchSize), done, options })
  }
  throw new KeeperError('TRANSFER_STUCK', {
    cycle,
    rounds: MAX_ROUNDS,
    unpaid: countBits(left ?? []),
  })
}

function refuseUnready(facts: CycleFacts): void {
  const { cycle, state } = facts
  if (state !== 'settled') throw new KeeperError('CYCLE_NOT_SETTLED', { cycle, state })
  refuseWaiting(facts, nextStep(facts))
}

/**
 * A batch of ours that is on its way, or that a reorg took back, names payees who look unpaid: it goes first, with
 * the bytes that are signed. Another batch for them would be the second of ours, for the contract to refuse.
 */
async function settleOwn(
  room: ValidatorsRoom,
  cycle: Cycle,
  unpaid: readonly bigint[],
): Promise<boolean> {
  const { db, client, keeper, contracts } = room
  const filter = { chainId: client.chainId, kind: 'transfer', keyPrefix: `${cycle}/` }
  let isChanged = false
  for (const tx of await listUnsettled(db, filter)) {
    const isOurs = tx.contract === contracts.deployment.rewards && tx.sender === keeper.address
    if (!isOurs || !namesUnpaid(room, tx, unpaid) || (await isStillMined(room, tx))) continue
    const until = tx.state === 'included' ? 'final' : 'included'
    await keeper.carryOut(tx, { until }).catch((error: unknown) => {
      if (!isKeeperError(error, 'TX_REVERTED', 'TX_CANCELLED', 'TX_WOULD_REVERT')) throw error
    })
    isChanged = true
  }
  return isChanged
}

function namesUnpaid(
  { contracts }: ValidatorsRoom,
  { data }: TxRecord,
  unpaid: readonly bigint[],
): boolean {
  const call = contracts.rewards.interface.parseTransaction({ data })
  if (call?.name !== 'extractTransfer') return false
  const [, words, masks] = call.args.toArray() as [bigint, bigint[], bigint[]]
  return masks.some((mask, i) => (mask & (unpaid[Number(words[i])] ?? 0n)) !== 0n)
}

/** Mined where we saw it: who of it is unpaid was left by the limit of refusals, and is listed again. */
async function isStillMined({ client }: ValidatorsRoom, tx: TxRecord): Promise<boolean> {
  if (tx.state !== 'included' || tx.hash === undefined) return false
  return (await client.receipt(tx.hash))?.blockHash === tx.blockHash
}

/** A round that paid nobody would do the same again. */
function refuseStuck(
  cycle: Cycle,
  rounds: number,
  unpaid: readonly bigint[],
  before: readonly bigint[] | undefined,
): void {
  if (before === undefined || countBits(unpaid) < countBits(before)) return
  throw new KeeperError('TRANSFER_STUCK', { cycle, rounds, unpaid: countBits(unpaid) })
}

interface Round {
  cycle: Cycle
  /** Unpaid masks by roster word, and when the chain was asked (ms); long ago when strangers may pay. */
  seen: { unpaid: readonly bigint[]; atMs: number }
  terms: Terms
  slices: Slice[]
  done: Transfer
  options: TransferOptions
}

/**
 * In order, at most `window` on their way: with a window of one, the default, each waits until the chain has
 * counted the nonce before it (Z-47). A batch that fails lets those on their way end; no other is begun.
 */
async function sendAll(room: ValidatorsRoom, round: Round): Promise<void> {
  const waiting = [...round.slices.entries()]
  const faults: unknown[] = []
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next && faults.length === 0; next = waiting.shift()) {
      await sendOne(room, round, ...next).catch((error: unknown) => void faults.push(error))
    }
  }
  await Promise.all(Array.from({ length: room.keeper.window }, lane))
  if (faults.length > 0) throw faults[0]
}

async function sendOne(
  room: ValidatorsRoom,
  round: Round,
  i: number,
  planned: Slice,
): Promise<void> {
  const { cycle, terms, slices, done, options } = round
  const slice = narrow(planned, await unpaidNow(room, round, planned.words))
  if (slice.payees === 0) {
    done.skipped += 1
    return
  }
  const intent = await intentOf(room, cycle, slice, terms)
  const { errors } = room.contracts
  const tx = await room.keeper.send(intent, { errors, until: 'included' })
  done.txs.push(tx)
  const { hash, gasUsed, nonce } = tx
  const total = slices.length
  room.log.info({ cycle, batch: i + 1, of: total, hash, gasUsed, nonce }, 'batch-sent')
  await options.onBatch?.({ tx, slice, done: done.txs.length, total })
  await room.onStep?.('batch-sent')
}

// Until the grace period is over only a payee's own claim can come between, and the contract pays nobody twice:
// an answer of this age costs at worst the gas of a bit that is paid already, and spares a question a batch.
const FRESH_MS = 1_000

async function unpaidNow(
  room: ValidatorsRoom,
  { cycle, seen }: Round,
  words: readonly number[],
): Promise<bigint[]> {
  const isFresh = systemClock.nowMs() - seen.atMs < FRESH_MS
  return isFresh ? words.map((word) => seen.unpaid[word] ?? 0n) : readUnpaidOf(room, cycle, words)
}

async function intentOf(
  room: ValidatorsRoom,
  cycle: Cycle,
  slice: Slice,
  terms: TransferTerms,
): Promise<TxIntent> {
  const { rewards, deployment } = room.contracts
  const { words, masks, payees } = slice
  const identity = { to: deployment.rewards, kind: 'transfer', key: sliceKey(cycle, slice) }
  return {
    ...identity,
    key: await freshKey(room, identity),
    data: rewards.interface.encodeFunctionData('extractTransfer', [cycle, words, masks]) as Hex,
    value: 0n,
    gasLimit: transferGas(payees, words.length, terms),
  }
}

export interface Terms extends TransferTerms {
  /** Seconds after the cut in which the keeper alone may extract and transfer. */
  grace: number
}

/** What a payee may cost and who may pay when, as the cycle pins it. */
export async function termsOf({ contracts }: ChainRoom, cycle: Cycle): Promise<Terms> {
  const { maxRefused, stipend, grace } = await contracts.rewards.paramsAt(cycle)
  const isNative = contracts.deployment.asset === NATIVE
  return {
    maxRefused: Number(maxRefused),
    stipend: Number(stipend),
    grace: Number(grace),
    isNative,
  }
}

/** Z-48: every batch is followed to its final state, in order. */
async function followToFinal(room: ValidatorsRoom, done: Transfer): Promise<void> {
  for (const [i, tx] of done.txs.entries()) {
    if (tx.state !== 'final') done.txs[i] = await room.keeper.carryOut(tx, { until: 'final' })
  }
}

/**
 * A stranger's batch may still vanish with its block, and nobody would send it again: paid is what the final
 * block shows as paid (S-51). False: it did vanish, and there is another round to send.
 */
async function isPaidForGood(
  room: ValidatorsRoom,
  cycle: Cycle,
  { only }: TransferOptions,
): Promise<boolean> {
  const hasOpen = async (block?: number): Promise<boolean> => {
    const facts = await readCycle(room, cycle, block)
    const unpaid = facts.unpaid.map((mask, word) => mask & (only?.[word] ?? ~0n))
    return facts.state !== 'settled' || hasUnpaid({ ...facts, unpaid })
  }
  return room.keeper.waitFinal(`the last payment of cycle ${cycle}`, async (block) => {
    if (block < room.contracts.deployment.deployBlock) return undefined
    if (!(await hasOpen(block))) return true
    return (await hasOpen()) ? false : undefined
  })
}
