import { toJson } from '../base/json.ts'
import type { Db } from '../store/db.ts'

export interface KindBalance {
  kind: string
  accounts: number
  balance: bigint
}

export interface TrialBalance {
  asset: string
  /** Zero, or the books are wrong. */
  total: bigint
  kinds: KindBalance[]
}

/** Credits less debits; nothing where there is no such account. */
export async function balanceOf(db: Db, account: string, asset: string): Promise<bigint> {
  const row = await db.maybeOne<{ balance: string }>(
    `select a.balance from ledger_account a join ledger_asset s on s.id = a.asset
      where a.name = $1 and s.caip = $2`,
    [account, asset],
  )
  return BigInt(row?.balance ?? 0)
}

/** Every asset, its accounts summed up by the first word of their names. */
export async function trialBalance(db: Db): Promise<TrialBalance[]> {
  const rows = await db.query<{ asset: string; kind: string; accounts: bigint; balance: string }>(
    `select s.caip as asset, split_part(a.name, ':', 1) as kind, count(*) as accounts,
            sum(a.balance) as balance
       from ledger_account a join ledger_asset s on s.id = a.asset
      group by 1, 2 order by 1, 2`,
  )
  const byAsset = Map.groupBy(rows, ({ asset }) => asset)
  return [...byAsset].map(([asset, ofAsset]) => {
    const kinds = ofAsset.map(({ kind, accounts, balance }) => ({
      kind,
      accounts: Number(accounts),
      balance: BigInt(balance),
    }))
    return { asset, total: kinds.reduce((sum, { balance }) => sum + balance, 0n), kinds }
  })
}

export interface Account {
  name: string
  asset: string
  balance: bigint
  /** How many entries it has. */
  entries: bigint
  min: bigint | undefined
  max: bigint | undefined
}

/** Those whose names begin so, in the order of their names. */
export async function listAccounts(
  db: Db,
  { prefix, limit }: { prefix: string; limit: number },
): Promise<Account[]> {
  const rows = await db.query<{
    name: string
    asset: string
    balance: string
    entries: bigint
    min: string | null
    max: string | null
  }>(
    `select a.name, s.caip as asset, a.balance, a.version as entries, a.min_balance as min,
            a.max_balance as max
       from ledger_account a join ledger_asset s on s.id = a.asset
      where starts_with(a.name, $1) order by a.name, s.caip limit $2`,
    [prefix, limit],
  )
  const limitOf = (text: string | null): bigint | undefined =>
    text === null ? undefined : BigInt(text)
  return rows.map((row) => ({
    ...row,
    balance: BigInt(row.balance),
    min: limitOf(row.min),
    max: limitOf(row.max),
  }))
}

export interface Debt {
  /** Of the account's name, behind the prefix. */
  rest: string
  /** By how much it is below zero. */
  amount: bigint
  /** What the account has whose name begins with the other prefix and ends alike. */
  reach: bigint
}

/** The accounts below zero whose names begin so: a range of the index, however many accounts the books have. */
export async function listDebts(
  db: Db,
  { prefix, other, asset }: { prefix: string; other: string; asset: string },
): Promise<Debt[]> {
  const rows = await db.query<{ rest: string; amount: string; reach: string }>(
    `select d.rest, -d.balance as amount, coalesce(o.balance, 0) as reach
       from (select a.asset, a.balance, substr(a.name, length($1) + 1) as rest
               from ledger_account a join ledger_asset s on s.id = a.asset
              where starts_with(a.name, $1) and a.balance < 0 and s.caip = $3) d
       left join ledger_account o on o.name = $2 || d.rest and o.asset = d.asset
      order by d.rest collate "C"`,
    [prefix, other, asset],
  )
  return rows.map(({ rest, amount, reach }) => {
    return { rest, amount: BigInt(amount), reach: BigInt(reach) }
  })
}

/** Of several accounts at once; who is missing has nothing. */
export async function balancesOf(
  db: Db,
  names: readonly string[],
  asset: string,
): Promise<Map<string, bigint>> {
  const rows = await db.query<{ name: string; balance: string }>(
    `select a.name, a.balance from ledger_account a join ledger_asset s on s.id = a.asset
      where s.caip = $2 and a.name in (select jsonb_array_elements_text($1::jsonb))`,
    [toJson(names), asset],
  )
  return new Map(rows.map(({ name, balance }) => [name, BigInt(balance)]))
}
