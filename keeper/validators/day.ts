import type { Wei } from '../base/amount.ts'
import { KeeperError, describe, isKeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { Cycle, Hour } from '../base/time.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import { countBits } from '../heartbeat/words.ts'
import { recordAction } from './action-log.ts'
import type { Trigger } from './action-log.ts'
import { bookRewards } from './bookings.ts'
import { readCycle } from './cycle-facts.ts'
import type { CycleFacts, CycleState } from './cycle.ts'
import { hasUnpaid } from './cycle.ts'
import { extractCycle } from './extract.ts'
import type { Extraction } from './extract.ts'
import type { Payments, Refusal } from './payments.ts'
import { readPayments } from './payments.ts'
import { pushHours } from './push-hours.ts'
import type { ChainRoom, ValidatorsRoom } from './room.ts'
import { blockTime } from './room.ts'
import { indicesIn } from './slices.ts'
import { findStrangers } from './strangers.ts'
import type { Stranger } from './strangers.ts'
import { transferCycle } from './transfer.ts'
import type { Transfer } from './transfer.ts'

export interface DayOptions {
  /** The oldest closed cycle that is not done, when left out. */
  cycle?: Cycle | undefined
  trigger?: Trigger
  /** Pushes the cycle's hours that the chain does not have, before extract (A2). */
  evidence?: Evidence | undefined
  onProgress?: ((progress: DayProgress) => void) | undefined
}

export interface DayProgress {
  phase: 'snapshot' | 'extract' | 'transfer'
  done: number
  total: number
  hash?: Hex | undefined
}

export interface DayTx {
  kind: string
  key: string
  hash: Hex
  gasUsed: bigint
  blockNumber: number
  state: string
}

export interface DayReport {
  cycle: Cycle
  state: CycleState
  snapshots: number
  missing: Hour[]
  eligible: number
  pool: Wei
  paid: Wei
  credited: Wei
  carried: Wei
  unpaid: number
  batches: number
  batchSize: number
  /** What this run sent; empty when everything had been done before. */
  txs: DayTx[]
  refused: Refusal[]
  /** Who else decided or paid part of the cycle, whenever that was (S-51). */
  strangers: Stranger[]
}

const JOB = 'settle-day'

/**
 * The validators' day: the closed hours, phase 1, phase 2 (Z-43). Each part asks the chain what is left, so the
 * whole may be run again after a crash, with a new store, or after somebody else did part of it.
 */
export async function runDay(room: ValidatorsRoom, options: DayOptions = {}): Promise<DayReport> {
  const cycle = options.cycle ?? (await dueCycle(room))
  const txs: TxRecord[] = []
  await pushEvidence(room, cycle, options, txs)
  await room.onStep?.('snapshots-pushed')
  const extraction = await runExtract(room, cycle, options)
  txs.push(...extraction.txs)
  await room.onStep?.('extracted')
  const transfer = await runTransfer(room, extraction.facts, options)
  txs.push(...(transfer?.txs ?? []))
  await room.onStep?.('transferred')
  // What is not final yet is booked by the next day, or by reconcile.
  const final = await room.keeper.waitFinal('the number of a final block', async (block) => block)
  await bookRewards(room, final)
  return report(room, extraction, transfer, txs)
}

/** The oldest closed cycle that the chain has not decided; else the last one, whose pay may be unfinished. */
export async function dueCycle(room: ChainRoom): Promise<Cycle> {
  const { rewards, registry } = room.contracts
  const next = Number(await rewards.nextCycle())
  const now = await blockTime(room)
  const cut = Number(await registry.cutOf(next))
  const oldest = Number(await rewards.oldestUnpaid(Math.max(1, next - MAX_LOOK_BACK), next))
  if (oldest !== 0) return oldest
  if (now >= cut) return next
  if (next > 1) return next - 1
  const [cutText, blockTimeText] = [isoTime(cut), isoTime(now)]
  throw new KeeperError('NO_CLOSED_CYCLE', { cycle: next, cut: cutText, blockTime: blockTimeText })
}

// The view takes at most 400 cycles; what is older than a month is swept into credits.
export const MAX_LOOK_BACK = 60

async function pushEvidence(
  room: ValidatorsRoom,
  cycle: Cycle,
  { trigger = 'manual', evidence, onProgress }: DayOptions,
  txs: TxRecord[],
): Promise<void> {
  if (room.isWithoutReporter) return
  if ((await readCycle(room, cycle)).state !== 'none') return
  const total = 24
  let done = 0
  try {
    const { missing } = await pushHours(room, cycle, {
      job: JOB,
      trigger,
      evidence,
      onHour: ({ tx }) => {
        if (tx) txs.push(tx)
        done += 1
        onProgress?.({ phase: 'snapshot', done, total, hash: tx?.hash })
      },
    })
    if (missing.length > 0) room.log.warn({ cycle, missing }, 'hours-missing')
  } catch (error) {
    // The others report then: whether that is enough the contract says at extract.
    if (!isKeeperError(error, 'NOT_REPORTER')) throw error
    room.log.warn({ cycle, ...describe(error) }, 'hours-not-ours-to-push')
  }
}

async function runExtract(
  room: ValidatorsRoom,
  cycle: Cycle,
  { trigger = 'manual', onProgress }: DayOptions,
): Promise<Extraction> {
  const action = { job: JOB, trigger, action: 'extract', targets: [cycle] }
  try {
    const extraction = await extractCycle(room, cycle)
    for (const [i, { hash }] of extraction.txs.entries()) {
      await recordAction(room.db, room.clock, { ...action, status: 'done', txHash: hash })
      onProgress?.({ phase: 'extract', done: i + 1, total: extraction.txs.length, hash })
    }
    return extraction
  } catch (error) {
    await recordFailure(room, action, error)
    throw error
  }
}

async function runTransfer(
  room: ValidatorsRoom,
  { cycle, state }: CycleFacts,
  { trigger = 'manual', onProgress }: DayOptions,
): Promise<Transfer | undefined> {
  if (state !== 'settled') return undefined
  const action = { job: JOB, trigger, action: 'transfer' }
  try {
    return await transferCycle(room, cycle, {
      onBatch: async ({ tx, slice, done, total }) => {
        const { hash } = tx
        const targets = indicesIn(slice)
        await recordAction(room.db, room.clock, {
          ...action,
          targets,
          status: 'done',
          txHash: hash,
        })
        onProgress?.({ phase: 'transfer', done, total, hash })
      },
    })
  } catch (error) {
    await recordFailure(room, { ...action, targets: [cycle] }, error)
    throw error
  }
}

async function recordFailure(
  room: ValidatorsRoom,
  action: { job: string; trigger: Trigger; action: string; targets: number[] },
  error: unknown,
): Promise<void> {
  const { message, code } = describe(error)
  room.log.warn({ ...action, code, message }, 'action-failed')
  await recordAction(room.db, room.clock, { ...action, status: 'failed', error: message })
}

async function report(
  room: ValidatorsRoom,
  { facts, decision }: Extraction,
  transfer: Transfer | undefined,
  txs: readonly TxRecord[],
): Promise<DayReport> {
  const after = await readCycle(room, facts.cycle)
  const payments = await readPayments(room, after)
  const result = {
    cycle: facts.cycle,
    state: after.state,
    snapshots: decision?.snapshots ?? facts.snapshots,
    missing: facts.missing,
    eligible: after.eligible,
    unpaid: hasUnpaid(after) ? countBits(after.unpaid) : 0,
    ...amountsOf(payments),
    batches: transfer?.txs.length ?? 0,
    batchSize: transfer?.batchSize ?? room.batchSize,
    txs: txs.map(dayTxOf),
    refused: payments.refusals,
    strangers: await strangersOf(room, payments, txs),
  }
  const { cycle, state, eligible, paid, credited, carried, batches } = result
  room.log.info({ cycle, state, eligible, paid, credited, carried, batches }, 'day-done')
  return result
}

async function strangersOf(
  room: ValidatorsRoom,
  { transactions }: Payments,
  txs: readonly TxRecord[],
): Promise<Stranger[]> {
  const ours = new Set(txs.flatMap(({ hash }) => hash ?? []))
  const strangers = await findStrangers(room, transactions, ours)
  if (strangers.length > 0) room.log.warn({ strangers }, 'settled-by-others')
  return strangers
}

type Amounts = Pick<Payments, 'pool' | 'paid' | 'credited' | 'carried'>

function amountsOf({ pool, paid, credited, carried }: Payments): Amounts {
  return { pool, paid, credited, carried }
}

function dayTxOf({ kind, key, hash, gasUsed, blockNumber, state }: TxRecord): DayTx {
  return {
    kind,
    key,
    state,
    hash: hash ?? '0x',
    gasUsed: gasUsed ?? 0n,
    blockNumber: blockNumber ?? 0,
  }
}
