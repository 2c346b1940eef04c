import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { keyIdOf } from './posting.ts'

/** A transfer as it was posted, with where it lies in the books. */
export interface Transfer {
  id: bigint
  key: string
  debit: string
  credit: string
  asset: string
  amount: bigint
  code: string
  effectiveAt: UnixSeconds
  recordedAt: UnixSeconds
  reason: unknown
}

interface TransferRow extends Omit<Transfer, 'amount' | 'effectiveAt' | 'recordedAt' | 'reason'> {
  amount: string
  effectiveAt: bigint
  reason: string | null
}

/** Of a key that was posted: its transfer, or `archived` when its month lies in a file. */
export type Posted = Transfer | 'archived'

// As many as one call posts: a page of some hundred KB.
export const MAX_TRANSFERS_A_PAGE = 2_000
const SECOND_BITS = 20n

const SELECT = `t.id, t.key, d.name as debit, c.name as credit, s.caip as asset, t.amount, t.code,
  t.effective_at as "effectiveAt", t.reason`
const SIDES = `join ledger_account d on d.id = t.debit join ledger_account c on c.id = t.credit
  join ledger_asset s on s.id = t.asset`

/** What was posted under these keys, by key; at most MAX_TRANSFERS_A_PAGE of them. */
export async function findTransfers(db: Db, keys: readonly string[]): Promise<Map<string, Posted>> {
  if (keys.length === 0) return new Map()
  const wanted = keys.map((key) => ({ key, id: keyIdOf(key) }))
  const rows = await db.query<TransferRow & { wanted: string }>(
    `select w.key as wanted, x.*
       from jsonb_to_recordset($1::jsonb) as w(key text, id uuid)
       join ledger_key k on k.key = w.id
       left join lateral (select ${SELECT} from ledger_transfer t ${SIDES} where t.id = k.transfer) x on true`,
    [toJson(wanted)],
  )
  return new Map(rows.map((row) => [row.wanted, row.id === null ? 'archived' : transferOf(row)]))
}

/** Every code that a transfer has. */
export async function transferCodes(db: Db): Promise<string[]> {
  const rows = await db.query<{ code: string }>('select distinct code from ledger_transfer')
  return rows.map(({ code }) => code)
}

/** In the order of the books, those of some codes after one of them. */
export async function pageTransfers(
  db: Db,
  { codes, after }: { codes: readonly string[]; after: bigint },
): Promise<Transfer[]> {
  const rows = await db.query<TransferRow>(
    `select ${SELECT} from ledger_transfer t ${SIDES}
      where t.id > $1 and t.code in (select jsonb_array_elements_text($2::jsonb))
      order by t.id limit $3`,
    [after, toJson(codes), MAX_TRANSFERS_A_PAGE],
  )
  return rows.map(transferOf)
}

function transferOf({ amount, effectiveAt, reason, ...row }: TransferRow): Transfer {
  const { id, key, debit, credit, asset, code } = row
  return {
    id,
    key,
    debit,
    credit,
    asset,
    code,
    amount: BigInt(amount),
    effectiveAt: Number(effectiveAt),
    recordedAt: Number(id >> SECOND_BITS),
    reason: reason === null ? undefined : (JSON.parse(reason) as unknown),
  }
}

/** Where a transfer stands in the hash chain, and the numbers of its two entries. */
export interface Proof {
  batch: bigint
  hash: string
  debitSeq: bigint
  creditSeq: bigint
}

export async function proofOf(db: Db, transfer: bigint): Promise<Proof | undefined> {
  return db.maybeOne<Proof & object>(
    `select b.id as batch, encode(b.hash, 'hex') as hash, d.seq as "debitSeq", c.seq as "creditSeq"
       from ledger_transfer t
       join ledger_entry d on d.transfer = t.id and d.account = t.debit
       join ledger_entry c on c.transfer = t.id and c.account = t.credit
       join lateral (select id, hash from ledger_batch where first_transfer <= t.id
                      order by id desc limit 1) b on true
      where t.id = $1`,
    [transfer],
  )
}

/** Of one account, newest first: those that give to it or take from it. */
export async function transfersOf(
  db: Db,
  account: string,
  { asset, limit }: { asset: string; limit: number },
): Promise<Transfer[]> {
  const rows = await db.query<TransferRow>(
    `select ${SELECT} from ledger_account a
       join ledger_asset z on z.id = a.asset
       join ledger_entry e on e.account = a.id
       join ledger_transfer t on t.id = e.transfer ${SIDES}
      where a.name = $1 and z.caip = $2 order by e.seq desc limit $3`,
    [account, asset, limit],
  )
  return rows.map(transferOf)
}

export interface NamedBalance {
  name: string
  balance: bigint
}

/** Accounts of an asset whose names begin so and that are not empty, in the order of their names. */
export async function pageBalances(
  db: Db,
  { asset, prefix, after }: { asset: string; prefix: string; after: string },
): Promise<NamedBalance[]> {
  const rows = await db.query<{ name: string; balance: string }>(
    `select a.name, a.balance from ledger_account a join ledger_asset s on s.id = a.asset
      where s.caip = $1 and starts_with(a.name, $2) and a.name > $3 and a.balance <> 0
      order by a.name limit $4`,
    [asset, prefix, after, MAX_TRANSFERS_A_PAGE],
  )
  return rows.map(({ name, balance }) => ({ name, balance: BigInt(balance) }))
}

/** Of all accounts of an asset whose names begin so. */
export async function sumBalances(db: Db, asset: string, prefix: string): Promise<bigint> {
  const { total } = await db.one<{ total: string }>(
    `select coalesce(sum(a.balance), 0) as total
       from ledger_account a join ledger_asset s on s.id = a.asset
      where s.caip = $1 and starts_with(a.name, $2)`,
    [asset, prefix],
  )
  return BigInt(total)
}
