import type { Address } from '../base/schema.ts'
import type { Db } from '../store/db.ts'
import type { Outcome } from './batch.ts'

// What these rows say is compared with books and chain; nothing here changes them.

export interface ProgramRecord {
  id: string
  number: bigint
  asset: string
}

export async function listPrograms(db: Db): Promise<ProgramRecord[]> {
  return db.query<ProgramRecord>(
    'select program as id, number, asset from payout_program order by program',
  )
}

/** Every contract that batches of this chain went to. */
export async function listContracts(db: Db, chainId: number): Promise<Address[]> {
  const rows = await db.query<{ contract: Address }>(
    'select distinct contract from payout_batch where chain_id = $1 order by contract',
    [chainId],
  )
  return rows.map(({ contract }) => contract)
}

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

/** What a person may have meant: awards that have it in their names, payouts of that payee or key. */
export async function nearestRefs(db: Db, text: string, limit: number): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `(select program || ':' || ref as name from payout_accrual
       where carried_from is null and position(lower($1) in lower(program || ':' || ref)) > 0
       order by recorded_at desc, ref limit $2)
     union all
     (select key from payout where payee = lower($1) or starts_with(key, lower($1))
       order by id desc limit $2)
     limit $2`,
    [text, limit],
  )
  return rows.map(({ name }) => name)
}

export interface AccrualRecord {
  program: string
  ref: string
  payee: string
  amount: bigint
  content: string
  effectiveAt: number
  recordedAt: number
  /** Its key, once one binds it. */
  payout: string | null
  /** The payout whose rest it is. */
  carriedFrom: string | null
}

interface AccrualRow extends Omit<AccrualRecord, 'amount' | 'effectiveAt' | 'recordedAt'> {
  amount: string
  effectiveAt: bigint
  recordedAt: bigint
}

const SELECT_ACCRUAL = `select program, ref, payee, amount, content, effective_at as "effectiveAt",
  recorded_at as "recordedAt", payout, carried_from as "carriedFrom" from payout_accrual`
const ROWS_A_PAGE = 2_000

function accrualOf(row: AccrualRow): AccrualRecord {
  const { effectiveAt, recordedAt } = row
  return {
    ...row,
    amount: BigInt(row.amount),
    effectiveAt: Number(effectiveAt),
    recordedAt: Number(recordedAt),
  }
}

/** Page by page, without carries: their money came with the awards. */
export async function* awardsOf(db: Db, program: string): AsyncGenerator<AccrualRecord[]> {
  let after = ''
  for (;;) {
    const rows = await db.query<AccrualRow>(
      `${SELECT_ACCRUAL} where program = $1 and ref > $2 and carried_from is null
        order by ref limit $3`,
      [program, after, ROWS_A_PAGE],
    )
    const last = rows.at(-1)
    if (!last) return
    yield rows.map(accrualOf)
    after = last.ref
  }
}

// A payout has as many at most; what carries on is in the next one.
const MAX_ACCRUALS = 10_000

export async function accrualsOf(db: Db, payout: string): Promise<AccrualRecord[]> {
  const rows = await db.query<AccrualRow>(
    `${SELECT_ACCRUAL} where payout = $1 order by effective_at, ref limit $2`,
    [payout, MAX_ACCRUALS],
  )
  return rows.map(accrualOf)
}

export async function findAccruals(
  db: Db,
  { program, ref }: { program?: string; ref: string },
): Promise<AccrualRecord[]> {
  const rows = await db.query<AccrualRow>(
    `${SELECT_ACCRUAL} where ref = $1 and ($2::text is null or program = $2) order by program`,
    [ref, program ?? null],
  )
  return rows.map(accrualOf)
}

export interface PayoutRecord {
  id: bigint
  key: string
  program: string
  payee: string
  amount: bigint
  state: string
  createdAt: number
  /** Of the accruals that it binds, and what it left of them. */
  refs: string[]
  bound: bigint
  carried: bigint
}

interface PayoutRow extends Omit<PayoutRecord, 'amount' | 'bound' | 'carried' | 'createdAt'> {
  amount: string
  bound: string
  carried: string
  createdAt: bigint
}

const SELECT_PAYOUT = `select p.id, p.key, p.program, p.payee, p.amount, p.state, p.created_at as "createdAt",
    coalesce(a.refs, '[]'::jsonb) as refs, coalesce(a.bound, 0) as bound, coalesce(c.carried, 0) as carried
  from payout p
  left join lateral (select jsonb_agg(ref) as refs, sum(amount) as bound from payout_accrual
                      where payout = p.key) a on true
  left join lateral (select sum(amount) as carried from payout_accrual
                      where program = p.program and ref = 'carry/' || p.key) c on true`
// Each with its references: at most some MB.
const PAYOUTS_A_PAGE = 500

function payoutOf({ amount, bound, carried, createdAt, ...row }: PayoutRow): PayoutRecord {
  return {
    ...row,
    amount: BigInt(amount),
    bound: BigInt(bound),
    carried: BigInt(carried),
    createdAt: Number(createdAt),
  }
}

export async function* allPayouts(db: Db): AsyncGenerator<PayoutRecord[]> {
  let after = 0n
  for (;;) {
    const rows = await db.query<PayoutRow>(
      `${SELECT_PAYOUT} where p.id > $1 order by p.id limit $2`,
      [after, PAYOUTS_A_PAGE],
    )
    const last = rows.at(-1)
    if (!last) return
    yield rows.map(payoutOf)
    after = last.id
  }
}

/** By its key, or by the beginning of it; at most `limit`. */
export async function findPayouts(db: Db, key: string, limit: number): Promise<PayoutRecord[]> {
  const rows = await db.query<PayoutRow>(
    `${SELECT_PAYOUT} where starts_with(p.key, $1) order by p.id limit $2`,
    [key, limit],
  )
  return rows.map(payoutOf)
}

export interface Misfit {
  payout: string
  program: string
  fault: string
}

// The first ones show what happened.
const MAX_MISFITS = 100

/** Payouts whose state is not what became of their payments. */
export async function findMisfits(db: Db): Promise<Misfit[]> {
  return db.query<Misfit>(
    `with told as (
       select p.key, p.program, p.state,
              count(m.payout) filter (where m.outcome = 'paid') as paid,
              count(m.payout) filter (where m.outcome = 'refused') as refused,
              count(m.payout) filter (where m.outcome is null) as open,
              bool_or(m.amount <> p.amount) as is_other
         from payout p left join payout_payment m on m.payout = p.key
        group by p.key, p.program, p.state),
     claim as (
       select l.payout, count(*) filter (where r.state in ('open', 'submitted')) as waiting,
              count(*) filter (where r.state = 'accepted') as accepted,
              bool_or(r.state = 'accepted' and l.cumulative <= f.claimed) as is_taken,
              bool_or(l.amount <> p.amount) as is_other
         from claims_line l
         join claims_root r on r.id = l.root
         join payout p on p.key = l.payout
         left join claims_leaf f on f.chain_id = r.chain_id and f.contract = r.contract
                                and f.address = l.address
        group by l.payout),
     both_ways as (
       select t.*, coalesce(c.waiting, 0) as waiting, coalesce(c.accepted, 0) as accepted,
              coalesce(c.is_taken, false) as is_taken,
              coalesce(t.is_other, false) or coalesce(c.is_other, false) as is_wrong
         from told t left join claim c on c.payout = t.key)
     select key as payout, program,
            case when is_wrong then 'a payment of it is for another amount'
                 else 'it is ' || state || ', with ' || paid || ' paid, ' || refused
                      || ' refused and ' || open || ' open payments, ' || waiting
                      || ' proposed and ' || accepted || ' accepted claims' end as fault
       from both_ways
      where is_wrong or paid + refused + open + waiting + accepted > 1
         or paid = 1 and state <> 'paid' or (refused = 1) <> (state = 'credited')
         or (open + waiting = 1) <> (state = 'inflight')
         or accepted = 1 and state <> case when is_taken then 'paid' else 'claimable' end
         or state = 'claimable' and accepted = 0
         or state = 'paid' and paid + accepted = 0
      order by key limit $1`,
    [MAX_MISFITS],
  )
}

/** What of one payee no payout binds yet. */
export async function sumOpenOf(db: Db, program: string, payee: string): Promise<bigint> {
  const { open } = await db.one<{ open: string }>(
    `select coalesce(sum(amount), 0) as open from payout_accrual
      where program = $1 and payee = $2 and payout is null`,
    [program, payee],
  )
  return BigInt(open)
}

export interface OpenSums {
  accrued: bigint
  owed: bigint
  /** In batches that are on their way. */
  inflight: bigint
}

/** What the records say is open, to be compared with the books. */
export async function sumOpen(db: Db, program: string): Promise<OpenSums> {
  const row = await db.one<Record<keyof OpenSums, string>>(
    `select (select coalesce(sum(amount), 0) from payout_accrual
              where program = $1 and payout is null) as accrued,
            (select coalesce(sum(amount), 0) from payout
              where program = $1 and state = 'owed') as owed,
            (select coalesce(sum(amount), 0) from payout_batch
              where program = $1 and state = 'inflight') as inflight`,
    [program],
  )
  return {
    accrued: BigInt(row.accrued),
    owed: BigInt(row.owed),
    inflight: BigInt(row.inflight),
  }
}
