import { sum } from '../../../base/amount.ts'
import type { Day } from '../../../base/day.ts'
import type { Hour } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { DAILY_CATEGORIES } from '../rules/daily.ts'
import type { DailyShare } from '../rules/daily.ts'
import type { Share } from '../rules/differences.ts'
import { HOURLY_CATEGORIES } from '../rules/hourly.ts'
import type { HourlyShare } from '../rules/hourly.ts'

// Some 150 bytes each: a statement of less than a megabyte.
const MAX_SHARES_A_STATEMENT = 5_000

export function insertHourShares(
  t: Db,
  shadow: boolean,
  hour: Hour,
  shares: readonly HourlyShare[],
): Promise<void> {
  return insertShares(t, { table: 'hour', shadow, period: hour }, HOURLY_CATEGORIES, shares)
}

export function insertDayShares(
  t: Db,
  shadow: boolean,
  day: Day,
  shares: readonly DailyShare[],
): Promise<void> {
  return insertShares(
    t,
    { table: 'day', shadow, period: day },
    ['ecc', ...DAILY_CATEGORIES],
    shares,
  )
}

export interface Place {
  table: 'hour' | 'day'
  shadow: boolean
  period: Hour | Day
}

/** A column each, as the literal of an array: read faster than rows of JSON, and half as long. */
async function insertShares(
  t: Db,
  { table, shadow, period }: Place,
  numbers: readonly string[],
  shares: readonly (HourlyShare | DailyShare)[],
): Promise<void> {
  const names = ['partner', 'position', 'votes', 'cc', ...numbers]
  const types = ['text', 'bigint', 'bigint', 'bigint', ...numbers.map(() => 'numeric')]
  const columns = names.map((name) => `"${name}"`).join()
  const arrays = types.map((type, at) => `$${at + 3}::${type}[]`).join()
  const sql = `insert into partner_${table}_share (shadow, ${table}, ${columns})
    select $1, $2, * from unnest(${arrays})`
  for (let from = 0; from < shares.length; from += MAX_SHARES_A_STATEMENT) {
    const part = shares.slice(from, from + MAX_SHARES_A_STATEMENT)
    const values = names.map((name) => arrayOf(part, name))
    await t.query(sql, [shadow, period, ...values])
  }
}

function arrayOf(shares: readonly (HourlyShare | DailyShare)[], name: string): string {
  return `{${shares.map((share) => cellOf(share, name)).join()}}`
}

function cellOf(share: HourlyShare | DailyShare, name: string): string | number | bigint {
  if (name === 'partner') return `"${share.partner.replaceAll(/["\\]/g, '\\$&')}"`
  if (name === 'position' || name === 'votes' || name === 'cc') return share[name]
  if (name === 'ecc' && 'ecc' in share) return share.ecc
  return (share.amounts as Record<string, bigint>)[name] ?? 0n
}

/** A share as it is on record; of a day with its ECC, × 10^18. */
export type StoredShare = Share & { ecc?: bigint }

/** In the order of positions: all of a period, or the first so many. */
export async function readShares(
  db: Db,
  { table, shadow, period }: Place,
  limit?: number,
): Promise<StoredShare[]> {
  const rows = await db.query<Record<string, string | bigint>>(
    `select * from partner_${table}_share where shadow = $1 and ${table} = $2
      order by position limit $3`,
    [shadow, period, limit ?? null],
  )
  const categories = table === 'hour' ? HOURLY_CATEGORIES : DAILY_CATEGORIES
  return rows.map((row) => shareOf(row, categories))
}

function shareOf(row: Record<string, string | bigint>, categories: readonly string[]): StoredShare {
  const amounts = Object.fromEntries(categories.map((name) => [name, BigInt(row[name] ?? 0)]))
  return {
    partner: String(row['partner']),
    position: Number(row['position']),
    votes: Number(row['votes']),
    cc: BigInt(row['cc'] ?? 0),
    ...(row['ecc'] === undefined ? {} : { ecc: BigInt(row['ecc']) }),
    amounts,
    total: sum(Object.values(amounts)),
  }
}
