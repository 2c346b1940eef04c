import type { Day } from '../../../base/day.ts'
import { ensure } from '../../../base/errors.ts'
import type { Hour } from '../../../base/time.ts'
import { balanceOf } from '../../../ledger/balances.ts'
import type { Db } from '../../../store/db.ts'
import { accounts } from '../names.ts'

export interface Books {
  asset: string
  /** Which has no accounts: there the rows are all. */
  shadow: boolean
}

/** PARTNERS_POOL_DIFFERS when the books do not say what the rows of all distributions say. */
export async function readHourPool(t: Db, { asset, shadow }: Books): Promise<bigint> {
  const { amount } = await t.one<{ amount: string }>(
    'select coalesce(sum(hourly - paid), 0) as amount from partner_hour where shadow = $1',
    [shadow],
  )
  const expected = BigInt(amount)
  if (shadow) return expected
  const balance = await balanceOf(t, accounts.hourPool, asset)
  requireEqual(accounts.hourPool, balance, expected)
  return balance
}

/** The same; what waits for a correction of a day that is over is no part of the next one's pool. */
export async function readDayPool(t: Db, { asset, shadow }: Books): Promise<bigint> {
  const { amount } = await t.one<{ amount: string }>(
    `select (select coalesce(sum(daily), 0) from partner_hour where shadow = $1) -
            (select coalesce(sum(paid), 0) from partner_day where shadow = $1) as amount`,
    [shadow],
  )
  const expected = BigInt(amount)
  if (shadow) return expected
  const balance = await balanceOf(t, accounts.dayPool, asset)
  const late = await balanceOf(t, accounts.latePool, asset)
  requireEqual(accounts.dayPool, balance + late, expected)
  return balance
}

function requireEqual(account: string, balance: bigint, expected: bigint): void {
  ensure(balance === expected, 'PARTNERS_POOL_DIFFERS', { account, balance, expected })
}

/** After a distribution: what it says that is left is what the books have. */
export async function requireLeft(
  t: Db,
  account: string,
  { asset, carry }: { asset: string; carry: bigint },
): Promise<void> {
  requireEqual(account, await balanceOf(t, account, asset), carry)
}

/** What the hours of a day brought to its pool. */
export async function readInflow(
  t: Db,
  day: Day,
  shadow: boolean,
): Promise<{ inflow: bigint; lastHour: Hour }> {
  const row = await t.one<{ inflow: string; last: bigint }>(
    `select coalesce(sum(daily), 0) as inflow, max(hour) as last from partner_hour
      where shadow = $1 and day = $2`,
    [shadow, day],
  )
  return { inflow: BigInt(row.inflow), lastHour: Number(row.last) }
}
