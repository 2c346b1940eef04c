import { KeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Outcome, Payable } from './batch.ts'

/** A call of the contract that is planned, on its way or over. */
export interface BatchRow {
  id: string
  program: string
  seq: number
  amount: bigint
}

export interface Payment extends Payable {
  position: number
}

/** Where a program's batches go. */
export interface Contract {
  chainId: number
  address: string
}

export interface NextPlace {
  seq: number
  /** How often it was planned before, and undone. */
  attempt: number
}

/** The number of an undone batch comes first: the contract takes each once, whichever batch has it. */
export async function readNextPlace(
  db: Db,
  program: string,
  { chainId, address }: Contract,
): Promise<NextPlace> {
  const row = await db.one<{ seq: bigint; attempt: bigint }>(
    `with of_contract as (
       select * from payout_batch where program = $1 and chain_id = $2 and contract = $3),
     free as (
       select seq from of_contract group by seq having bool_and(state = 'undone')),
     next as (
       select coalesce((select min(seq) from free),
                       (select max(seq) + 1 from of_contract), 0)::bigint as seq)
     select next.seq, (select count(*) from of_contract o where o.seq = next.seq) as attempt
       from next`,
    [program, chainId, address.toLowerCase()],
  )
  return { seq: Number(row.seq), attempt: Number(row.attempt) }
}

export interface Waiting {
  /** Their order. */
  id: bigint
  key: string
  payee: string
  amount: bigint
}

export async function readOwed(
  db: Db,
  program: string,
  { after, limit }: { after: bigint; limit: number },
): Promise<Waiting[]> {
  const rows = await db.query<{ id: bigint; key: string; payee: string; amount: string }>(
    `select id, key, payee, amount from payout
      where program = $1 and state = 'owed' and id > $2 order by id limit $3`,
    [program, after, limit],
  )
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }))
}

export interface OwedTotal {
  payouts: number
  payees: number
  amount: bigint
}

export async function countOwed(db: Db, program: string): Promise<OwedTotal> {
  const row = await db.one<{ payouts: bigint; payees: bigint; amount: string }>(
    `select count(*) as payouts, count(distinct payee) as payees, coalesce(sum(amount), 0) as amount
       from payout where program = $1 and state = 'owed'`,
    [program],
  )
  return {
    payouts: Number(row.payouts),
    payees: Number(row.payees),
    amount: BigInt(row.amount),
  }
}

export async function readInflight(
  db: Db,
  program: string,
  { chainId, address }: Contract,
): Promise<BatchRow[]> {
  const rows = await db.query<{ id: string; program: string; seq: bigint; amount: string }>(
    `select id, program, seq, amount from payout_batch
      where program = $1 and chain_id = $2 and contract = $3 and state = 'inflight' order by seq`,
    [program, chainId, address.toLowerCase()],
  )
  return rows.map((row) => ({ ...row, seq: Number(row.seq), amount: BigInt(row.amount) }))
}

export interface NewBatch extends BatchRow {
  contract: Contract
  payments: readonly Payable[]
}

/** PAYOUT_MOVED when one of its payouts, or its place, was taken in the meantime. */
export async function insertBatch(t: Db, batch: NewBatch, at: UnixSeconds): Promise<void> {
  const { id, program, seq, amount, contract, payments } = batch
  const keys = toJson(payments.map(({ key }) => key))
  const taken = await t.query(
    `update payout set state = 'inflight'
      where program = $1 and state = 'owed' and key in (select jsonb_array_elements_text($2::jsonb))
      returning id`,
    [program, keys],
  )
  const place = await t.query(
    `insert into payout_batch
       (id, program, chain_id, contract, seq, payments, amount, state, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'inflight', $8)
     on conflict do nothing returning id`,
    [
      id,
      program,
      contract.chainId,
      contract.address.toLowerCase(),
      seq,
      payments.length,
      amount,
      at,
    ],
  )
  if (taken.length !== payments.length || place.length === 0) {
    throw new KeeperError('PAYOUT_MOVED', { program })
  }
  await t.query(
    `insert into payout_payment (batch, position, payout, address, amount)
     select $1, p.position, p.key, p.address, p.amount
       from jsonb_to_recordset($2::jsonb)
         as p(position int, key text, address text, amount numeric)`,
    [id, toJson(payments.map((payment, position) => ({ ...payment, position })))],
  )
}

export async function readPayments(db: Db, batch: string): Promise<Payment[]> {
  const rows = await db.query<{
    position: number
    key: string
    payee: string
    address: string
    amount: string
  }>(
    `select m.position, m.payout as key, p.payee, m.address, m.amount
       from payout_payment m join payout p on p.key = m.payout
      where m.batch = $1 order by m.position`,
    [batch],
  )
  return rows.map((row) => ({ ...row, amount: BigInt(row.amount) }))
}

export interface Closing {
  state: 'done' | 'undone'
  paid: bigint
  credited: bigint
  /** By position. */
  outcomes: readonly Outcome[]
}

const STATE_AFTER = { paid: 'paid', refused: 'credited', untouched: 'owed' } as const

/** False: it was closed before. */
export async function closeBatch(
  t: Db,
  { id }: BatchRow,
  closing: Closing,
  at: UnixSeconds,
): Promise<boolean> {
  const closed = await t.query(
    `update payout_batch set state = $2, paid = $3, credited = $4, finished_at = $5
      where id = $1 and state = 'inflight' returning id`,
    [id, closing.state, closing.paid, closing.credited, at],
  )
  if (closed.length === 0) return false
  const rows = closing.outcomes.map((outcome, position) => ({
    position,
    outcome,
    state: STATE_AFTER[outcome],
  }))
  await t.query(
    `with told as (
       select * from jsonb_to_recordset($2::jsonb) as o(position int, outcome text, state text)),
     payment as (
       update payout_payment m set outcome = told.outcome
         from told where m.batch = $1 and m.position = told.position
       returning m.payout, told.state)
     update payout p set state = payment.state
       from payment where p.key = payment.payout and p.state = 'inflight'`,
    [id, toJson(rows)],
  )
  return true
}
