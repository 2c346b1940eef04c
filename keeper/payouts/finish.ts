import { keccak256, toBeHex } from 'ethers'
import { sum } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { postIn } from '../ledger/post.ts'
import { requirePosted } from '../ledger/posting.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Db } from '../store/db.ts'
import { outcomesOf, packPayments } from './batch.ts'
import type { Outcome } from './batch.ts'
import { closeBatch, readPayments } from './batch-rows.ts'
import type { BatchRow, Closing, Payment } from './batch-rows.ts'
import { followToEnd } from './follow.ts'
import { PAYOUT_KIND, accounts, keys } from './names.ts'
import type { Program } from './program.ts'
import { lockProgram, moveSettled } from './program-row.ts'
import type { PayoutsRoom } from './room.ts'

export interface Finished {
  tx: TxRecord
  payments: number
  paid: bigint
  credited: bigint
  refused: number
}

/** Follows a batch to its final receipt and books it; one that failed for good is owed again: undefined. */
export async function finishBatch(
  room: PayoutsRoom,
  program: Program,
  batch: BatchRow,
): Promise<Finished | undefined> {
  const tx = await follow(room, batch)
  const payments = await readPayments(room.db, batch.id)
  if (tx.state !== 'final') {
    await undo(room, program, { batch, payments, tx })
    return undefined
  }
  const closing = await readClosing(room, program, { batch, payments, tx })
  const block = await room.client.block(tx.blockNumber ?? 0)
  await book(room, program, { batch, payments, closing, at: block?.timestamp ?? room.clock.now() })
  const { paid, credited, outcomes } = closing
  const refused = outcomes.filter((outcome) => outcome === 'refused').length
  const made = outcomes.filter((outcome) => outcome !== 'untouched').length
  room.log.info({ program: program.id, seq: batch.seq, paid, credited, refused }, 'payouts-booked')
  return { tx, payments: made, paid, credited, refused }
}

function follow(room: PayoutsRoom, { id }: BatchRow): Promise<TxRecord> {
  const { address, errors } = room.contracts
  return followToEnd(room, { to: address, kind: PAYOUT_KIND, key: id, errors })
}

interface Sent {
  batch: BatchRow
  payments: readonly Payment[]
  tx: TxRecord
}

/** What the contract said of it, checked against what was sent. */
async function readClosing(
  { client, contracts }: PayoutsRoom,
  { number }: Program,
  { batch, payments, tx }: Sent,
): Promise<Closing> {
  const refuse = (fault: string): KeeperError =>
    new KeeperError('PAYOUT_RECEIPT_WRONG', { hash: tx.hash, batch: batch.seq, fault })
  const block = tx.blockNumber ?? 0
  const topics = [null, toBeHex(number, 32) as Hex, toBeHex(batch.seq, 32) as Hex]
  const query = { address: contracts.address, topics, fromBlock: block, toBlock: block }
  const logs = (await readLogs(client, query)).filter((log) => log.transactionHash === tx.hash)
  const events = logs.flatMap((log) => contracts.payouts.interface.parseLog(log) ?? [])
  const [end, ...more] = events.filter(({ name }) => name === 'BatchPaid')
  if (!end || more.length > 0) throw refuse('it has not one event BatchPaid')
  const packed = packPayments(payments).map((word) => toBeHex(word, 32).slice(2))
  if (end.args['payloadHash'] !== keccak256(`0x${packed.join('')}`)) {
    throw refuse('another list was paid')
  }
  const refusals = events.filter(({ name }) => name === 'PaymentRefused')
  const refused = new Set(refusals.map(({ args }) => Number(args['position'])))
  const outcomes = outcomesOf(payments.length, Number(end.args['done']), refused)
  const closing: Closing = {
    state: 'done',
    paid: sumOf(payments, outcomes, 'paid'),
    credited: sumOf(payments, outcomes, 'refused'),
    outcomes,
  }
  if (closing.paid !== end.args['paid']) throw refuse(`paid ${end.args['paid']}`)
  if (closing.credited !== end.args['credited']) throw refuse(`credited ${end.args['credited']}`)
  return closing
}

function sumOf(payments: readonly Payment[], outcomes: readonly Outcome[], of: Outcome): bigint {
  return sum(payments.map(({ amount }, i) => (outcomes[i] === of ? amount : 0n)))
}

/** Failed for good: the sequence number goes to the next batch, so that even a lost twin cannot pay beside it. */
async function undo(room: PayoutsRoom, program: Program, sent: Sent): Promise<void> {
  const { batch, payments, tx } = sent
  if (await room.contracts.payouts.isPaid(program.number, batch.seq)) {
    throw new KeeperError('PAYOUT_SEQ_USED', { program: program.id, seq: batch.seq })
  }
  const outcomes = payments.map((): Outcome => 'untouched')
  const closing: Closing = { state: 'undone', paid: 0n, credited: 0n, outcomes }
  await book(room, program, { batch, payments, closing, at: room.clock.now() })
  const { state, reason } = tx
  room.log.warn({ program: program.id, seq: batch.seq, state, reason }, 'payouts-undone')
}

interface Booking extends Omit<Sent, 'tx'> {
  closing: Closing
  at: UnixSeconds
}

async function book(
  { db, clock }: PayoutsRoom,
  program: Program,
  { batch, payments, closing, at }: Booking,
): Promise<void> {
  await db.begin(async (t: Db) => {
    await lockProgram(t, program)
    const now = clock.now()
    if (!(await closeBatch(t, batch, closing, now))) return
    const postings = payments.map((payment, i) =>
      postingOf(program, { batch, payment, outcome: closing.outcomes[i] ?? 'untouched', at }),
    )
    requirePosted(await postIn(t, postings, now))
    await moveSettled(t, program.id)
  })
}

interface Line {
  batch: BatchRow
  payment: Payment
  outcome: Outcome
  at: UnixSeconds
}

function postingOf({ id, asset }: Program, { batch, payment, outcome, at }: Line): Posting {
  const { position, payee, address, amount, key } = payment
  const line = {
    key: keys.outcome(batch.id, position),
    debit: accounts.inflight(id),
    asset,
    amount,
    effectiveAt: at,
    reason: { payout: key, seq: batch.seq },
  }
  if (outcome === 'paid') return { ...line, credit: accounts.paid(id), code: 'pay' }
  if (outcome === 'refused') return { ...line, credit: accounts.credit(address), code: 'credit' }
  const reverses = keys.inflight(batch.id, position)
  return { ...line, credit: accounts.owed(id, payee), code: 'return', reverses }
}
