import { keccak256, toBeHex } from 'ethers'
import { messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import { findIntent } from '../chain/journal/journal.ts'
import { PAYOUT_KIND, accounts, keys } from '../payouts/names.ts'
import { findBatch, paymentsOf } from '../payouts/batch-records.ts'
import type { BatchRecord, PaymentRecord } from '../payouts/batch-records.ts'
import type { ProgramRecord } from '../payouts/records.ts'
import type { Line } from '../payouts/program-check.ts'
import { sourceOf } from './comparing.ts'
import type { PayoutsAt, ProgramsAsk } from './comparing.ts'
import type { FinalEvent } from './final-events.ts'

/** One payment as the chain has it: from the calldata, whose hash the event has. */
interface Paid {
  address: string
  amount: bigint
  outcome: 'paid' | 'refused' | 'untouched'
}

interface OnChain {
  event: FinalEvent
  payments: readonly Paid[]
}

/** Compares a batch that the contract paid with the store, the journal and the books. Its id, if we have it. */
export async function checkBatch(
  ask: ProgramsAsk,
  at: PayoutsAt,
  event: FinalEvent,
  refused: readonly FinalEvent[],
): Promise<string | undefined> {
  const { tx, args } = event
  const [number, seq] = [args['program'] as bigint, Number(args['seq'])]
  const program = ask.programs.find((each) => each.number === number)
  const contract = at.address.toLowerCase() as Address
  const place = { chainId: ask.client.chainId, contract, seq }
  const batch = program && (await findBatch(ask.db, { ...place, program: program.id }))
  if (!program || !batch) {
    const { paid, credited } = args
    const facts = { tx, seq, program: program?.id ?? number, paid, credited }
    ask.differences.add('BATCH_NOT_OURS', facts)
    return undefined
  }
  const payments = await readPaid(ask, at, event, refused)
  if (payments === undefined) return batch.id
  if (batch.state === 'inflight') {
    const facts = { event: 'BatchPaid', tx, block: event.block, key: `batch ${batch.id}` }
    ask.differences.add('RECEIPT_NOT_BOOKED', facts)
    return batch.id
  }
  compareBatch(ask, batch, { event, payments })
  await compareJournal(ask, at, batch, event)
  await comparePayments(ask, program, batch, { event, payments })
  return batch.id
}

const AMOUNT_BITS = 96n
const AMOUNT_MASK = (1n << AMOUNT_BITS) - 1n

/** From the transaction's own calldata: undefined when it is not what the event hashed. */
async function readPaid(
  { client, differences }: ProgramsAsk,
  { payouts }: PayoutsAt,
  { tx, args }: FinalEvent,
  refused: readonly FinalEvent[],
): Promise<Paid[] | undefined> {
  const unreadable = (fault: string): undefined => {
    differences.add('BATCH_UNREADABLE', { tx, fault })
    return undefined
  }
  const sent = await client.request<{ input: Hex } | null>('eth_getTransactionByHash', [tx])
  if (!sent) return unreadable('the node does not have it')
  let packed: bigint[]
  try {
    packed = [...(payouts.interface.decodeFunctionData('pay', sent.input)[2] as bigint[])]
  } catch (error) {
    return unreadable(`it is no call of pay (${messageOf(error)})`)
  }
  const words = packed.map((word) => toBeHex(word, 32).slice(2)).join('')
  if (keccak256(`0x${words}`) !== args['payloadHash']) return unreadable('its list is another one')
  const positions = new Set(refused.map((each) => Number(each.args['position'])))
  const done = Number(args['done'])
  return packed.map((word, i) => ({
    address: toBeHex(word >> AMOUNT_BITS, 20),
    amount: word & AMOUNT_MASK,
    outcome: i >= done ? 'untouched' : positions.has(i) ? 'refused' : 'paid',
  }))
}

function compareBatch(
  { differences }: ProgramsAsk,
  batch: BatchRecord,
  { event: { args }, payments }: OnChain,
): void {
  const expected = {
    state: 'done',
    payments: payments.length,
    amount: payments.reduce((total, { amount }) => total + amount, 0n),
    paid: args['paid'] as bigint,
    credited: args['credited'] as bigint,
  }
  for (const field of Object.keys(expected) as (keyof typeof expected)[]) {
    if (batch[field] === expected[field]) continue
    const about = { program: batch.program, seq: batch.seq, batch: batch.id, field }
    differences.add('BATCH_DIFFERS', { ...about, found: batch[field], expected: expected[field] })
  }
}

async function compareJournal(
  { db, client, differences }: ProgramsAsk,
  { address }: PayoutsAt,
  { id, program, seq }: BatchRecord,
  { tx, block }: FinalEvent,
): Promise<void> {
  const { chainId } = client
  const row = await findIntent(db, { chainId, contract: address, kind: PAYOUT_KIND, key: id })
  const expected = { state: 'final', hash: tx, blockNumber: block } as const
  for (const field of Object.keys(expected) as (keyof typeof expected)[]) {
    if (row?.[field] === expected[field]) continue
    const found = row?.[field] ?? 'nothing'
    differences.add('JOURNAL_DIFFERS', { program, seq, field, found, expected: expected[field] })
  }
}

async function comparePayments(
  ask: ProgramsAsk,
  program: ProgramRecord,
  batch: BatchRecord,
  chain: OnChain,
): Promise<void> {
  const stored = await paymentsOf(ask.db, batch.id)
  const byPosition = new Map(stored.map((payment) => [payment.position, payment]))
  for (const [position, paid] of chain.payments.entries()) {
    const record = byPosition.get(position)
    byPosition.delete(position)
    comparePayment(ask, batch, { position, paid, record })
    const line = lineOf(program, batch, { position, paid, record, event: chain.event })
    await ask.matching.expect(line)
  }
  for (const { position, address } of byPosition.values()) {
    const about = { program: batch.program, seq: batch.seq, position, field: 'address' }
    ask.differences.add('PAYMENT_DIFFERS', { ...about, found: address, expected: 'none' })
  }
}

interface Compared {
  position: number
  paid: Paid
  record: PaymentRecord | undefined
}

function comparePayment(
  { differences }: ProgramsAsk,
  { program, seq }: BatchRecord,
  { position, paid, record }: Compared,
): void {
  for (const field of ['address', 'amount', 'outcome'] as const) {
    if (record?.[field] === paid[field]) continue
    const found = record?.[field] ?? 'nothing'
    const facts = { program, seq, position, field, found, expected: paid[field] }
    differences.add('PAYMENT_DIFFERS', facts)
  }
}

/** What the contract did with a payment, as the books must have it. */
function lineOf(
  { id, asset }: ProgramRecord,
  batch: BatchRecord,
  { position, paid, record, event }: Compared & { event: FinalEvent },
): Line {
  const { tx, block } = event
  const to = {
    paid: { credit: accounts.paid(id), code: 'pay' },
    refused: { credit: accounts.credit(paid.address), code: 'credit' },
    untouched: { credit: accounts.owed(id, record?.payee ?? paid.address), code: 'return' },
  }
  const facts = { event: 'BatchPaid', tx, block, position, amount: paid.amount }
  return {
    key: keys.outcome(batch.id, position),
    debit: accounts.inflight(id),
    ...to[paid.outcome],
    asset,
    amount: paid.amount,
    source: sourceOf('BatchPaid', tx),
    missing: { code: 'RECEIPT_NOT_BOOKED', facts },
  }
}
