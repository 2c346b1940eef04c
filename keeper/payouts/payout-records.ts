import { toJson } from '../base/json.ts'
import type { Db } from '../store/db.ts'
import { MAX_SMALL_ACCRUALS } from './settlement.ts'

// What these rows say is compared with books and chain; nothing here changes them.

export interface AccrualRecord {
  program: string
  ref: string
  payee: string
  amount: bigint
  /** The account that it came out of; null: the program's expense. */
  source: string | null
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

const SELECT_ACCRUAL = `select program, ref, payee, amount, source, content, effective_at as "effectiveAt",
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

/** Those of a program that are on record under these references, by reference: a page of them, each by the index. */
export async function accrualsByRef(
  db: Db,
  program: string,
  refs: readonly string[],
): Promise<Map<string, AccrualRecord>> {
  const rows = await db.query<AccrualRow>(
    `select a.* from jsonb_array_elements_text($2::jsonb) w(ref)
      cross join lateral (
        ${SELECT_ACCRUAL} where program = $1 and ref = w.ref and carried_from is null limit 1) a`,
    [program, toJson(refs)],
  )
  return new Map(rows.map((row) => [row.ref, accrualOf(row)]))
}

export async function accrualsOf(db: Db, payout: string): Promise<AccrualRecord[]> {
  const rows = await db.query<AccrualRow>(
    `${SELECT_ACCRUAL} where payout = $1 order by effective_at, ref limit $2`,
    [payout, MAX_SMALL_ACCRUALS],
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
// Each with the references that it binds: ten thousand are half a MB.
const PAYOUTS_A_PAGE = 50

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
