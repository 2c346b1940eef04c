import { getAddress, id } from 'ethers'
import type { Address } from '../../keeper/base/schema.ts'
import type { Hour } from '../../keeper/base/time.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import type { ClosedHour } from '../../keeper/heartbeat/tally/closed-hours.ts'
import type { Receipt } from '../../keeper/heartbeat/receipts/receipt.ts'
import { signHour } from '../../keeper/heartbeat/receipts/sign-hour.ts'
import type { SignedHour, Signing } from '../../keeper/heartbeat/receipts/sign-hour.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS } from './chain.ts'
import { testClock } from './clock.ts'

/** Of a whole hour. */
export const EXPECTED = 80
export const HOUR: Hour = 489_000

/** What signs in tests of receipts that need no chain. */
export const SIGNING: Signing = {
  chainId: 31_337,
  registry: '0x52908400098527886E0F7030069857D2E4169EE7',
  signer: walletSigner(TEST_KEYS[0]),
  clock: testClock(HOUR * 3_600),
}

export function nodeAt(index: number): Address {
  return getAddress(id(`node ${index}`).slice(0, 42)) as Address
}

/** Beats by node, as the tally has them after the close. */
export function closedHour(seen: ReadonlyMap<Address, number>, hour: Hour = HOUR): ClosedHour {
  const rows = [...seen].map(([node, count]) => ({
    node,
    seen: count,
    online: count * EXPECTED >= EXPECTED * 47,
  }))
  rows.sort((a, b) => (a.node.toLowerCase() < b.node.toLowerCase() ? -1 : 1))
  return { hour, expected: EXPECTED, rows }
}

/** As many validators, seen 0 to 80 times. */
export function hourOfMany(count: number, hour: Hour = HOUR): ClosedHour {
  const beats = Array.from({ length: count }, (_, i): [Address, number] => [nodeAt(i), i % 81])
  return closedHour(new Map(beats), hour)
}

export async function storeHour(db: Db, { hour, expected, rows }: ClosedHour): Promise<void> {
  await db.query(
    `insert into tally_hour (hour, expected, closed_at, heard, validators, online)
     values ($1, $2, $3, true, $4, $5)`,
    [hour, expected, (hour + 1) * 3_600, rows.length, rows.filter(({ online }) => online).length],
  )
  await db.query(
    `insert into tally (hour, node, seen, online)
     select $1::int, r.node, r.seen, r.online
     from jsonb_to_recordset($2::jsonb) as r (node text, seen int, online boolean)`,
    [hour, JSON.stringify(rows.map((row) => ({ ...row, node: row.node.toLowerCase() })))],
  )
}

export async function receiptsIn(signed: SignedHour): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for await (const receipt of signed.receipts()) receipts.push(receipt)
  return receipts
}

/** Stores the hour, signs it, and hands out what each validator gets. */
export async function signAndList(
  db: Db,
  closed: ClosedHour,
  signing: Signing = SIGNING,
): Promise<Receipt[]> {
  await storeHour(db, closed)
  return receiptsIn(await signHour(db, closed, signing))
}
