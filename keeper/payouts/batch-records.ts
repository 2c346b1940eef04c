import type { Address } from '../base/schema.ts'
import type { Db } from '../store/db.ts'
import type { Outcome } from './batch.ts'

// What these rows say is compared with books and chain; nothing here changes them.

export interface BatchRecord {
  id: string
  program: string
  chainId: number
  /** Lower case. */
  contract: Address
  seq: number
  payments: number
  amount: bigint
  state: 'inflight' | 'done' | 'undone'
  paid: bigint
  credited: bigint
}

interface BatchRow extends Record<'amount' | 'paid' | 'credited', string> {
  id: string
  program: string
  chain_id: bigint
  contract: Address
  seq: bigint
  payments: number
  state: BatchRecord['state']
}

const SELECT_BATCH =
  'select id, program, chain_id, contract, seq, payments, amount, state, paid, credited from payout_batch'
const BATCHES_A_PAGE = 1_000

function batchOf({ chain_id, ...row }: BatchRow): BatchRecord {
  return {
    ...row,
    chainId: Number(chain_id),
    seq: Number(row.seq),
    amount: BigInt(row.amount),
    paid: BigInt(row.paid),
    credited: BigInt(row.credited),
  }
}

/** The one that has the number: those that were undone gave it back. */
export async function findBatch(
  db: Db,
  place: Pick<BatchRecord, 'chainId' | 'contract' | 'program' | 'seq'>,
): Promise<BatchRecord | undefined> {
  const row = await db.maybeOne<BatchRow>(
    `${SELECT_BATCH} where chain_id = $1 and contract = $2 and program = $3 and seq = $4
       and state <> 'undone'`,
    [place.chainId, place.contract, place.program, place.seq],
  )
  return row && batchOf(row)
}

export async function readBatch(db: Db, id: string): Promise<BatchRecord | undefined> {
  const row = await db.maybeOne<BatchRow>(`${SELECT_BATCH} where id = $1`, [id])
  return row && batchOf(row)
}

export async function* allBatches(db: Db): AsyncGenerator<BatchRecord> {
  let after = ''
  for (;;) {
    const rows = await db.query<BatchRow>(`${SELECT_BATCH} where id > $1 order by id limit $2`, [
      after,
      BATCHES_A_PAGE,
    ])
    for (const row of rows) yield batchOf(row)
    const last = rows.at(-1)
    if (!last) return
    after = last.id
  }
}

export interface PaymentRecord {
  position: number
  payout: string
  payee: string
  address: string
  amount: bigint
  outcome: Outcome | null
}

export async function paymentsOf(db: Db, batch: string): Promise<PaymentRecord[]> {
  const rows = await db.query<Omit<PaymentRecord, 'amount'> & { amount: string }>(
    `select m.position, m.payout, p.payee, m.address, m.amount, m.outcome
       from payout_payment m join payout p on p.key = m.payout
      where m.batch = $1 order by m.position`,
    [batch],
  )
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }))
}

/** Of one payout, in the order in which its batches were planned. */
export async function sentPaymentsOf(
  db: Db,
  payout: string,
): Promise<(PaymentRecord & { batch: string })[]> {
  const rows = await db.query<Omit<PaymentRecord, 'amount'> & { amount: string; batch: string }>(
    `select m.batch, m.position, m.payout, p.payee, m.address, m.amount, m.outcome
       from payout_payment m
       join payout p on p.key = m.payout
       join payout_batch b on b.id = m.batch
      where m.payout = $1 order by b.created_at, b.state = 'undone' desc, b.id`,
    [payout],
  )
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }))
}
