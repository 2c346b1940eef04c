import type { Wei } from '../../base/amount.ts'
import type { Address } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { SELECT_TX, txOf } from './journal-rows.ts'
import type { TxRecord, TxRow } from './journal-rows.ts'

/** Final or reverted for good, newest first: these blocks must stay on the chain. */
export async function newestFinals(
  db: Db,
  chainId: number,
  sender: Address,
  limit: number,
): Promise<TxRecord[]> {
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where chain_id = $1 and sender = $2 and state in ('final', 'reverted')
      order by nonce desc limit $3`,
    [chainId, sender.toLowerCase(), limit],
  )
  return rows.map(txOf)
}

/** Fees paid for what was mined since then, and the most that what is on its way can still take. */
export async function spentSince(
  db: Db,
  { chainId, sender, since }: { chainId: number; sender: Address; since: UnixSeconds },
): Promise<Wei> {
  const { paid, reserved } = await db.one<{ paid: string; reserved: string }>(
    `select
       (select coalesce(sum(gas_used * gas_price), 0) from tx
         where chain_id = $1 and sender = $2 and updated_at >= $3 and gas_used is not null) as paid,
       (select coalesce(sum(tx.gas_limit * top.fee), 0)
          from tx, lateral (select max(max_fee) as fee from tx_attempt where tx_id = tx.id) top
         where chain_id = $1 and sender = $2 and state in ('signed', 'broadcast')) as reserved`,
    [chainId, sender.toLowerCase(), since],
  )
  return BigInt(paid) + BigInt(reserved)
}

// A queue is as long as a window, and what is not final yet: more is a fault that the first ones show.
const MAX_OPEN = 200

/** What is neither final nor closed, of every sender, oldest nonce first. */
export async function listOpen(db: Db, chainId: number): Promise<TxRecord[]> {
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where chain_id = $1 and state not in ('final', 'reverted', 'cancelled')
      order by sender, nonce limit $2`,
    [chainId, MAX_OPEN],
  )
  return rows.map(txOf)
}

/** By its number, or by the hash of any of its attempts. */
export async function findTx(db: Db, name: string): Promise<TxRecord | undefined> {
  const isNumber = /^\d{1,18}$/.test(name)
  const row = await db.maybeOne<TxRow>(
    isNumber
      ? `${SELECT_TX} where id = $1`
      : `${SELECT_TX} where id = (select tx_id from tx_attempt where hash = $1)`,
    [isNumber ? BigInt(name) : name.toLowerCase()],
  )
  return row && txOf(row)
}

/** What of one job is not final, by the beginning of its keys; oldest nonce first. */
export async function listUnsettled(
  db: Db,
  { chainId, kind, keyPrefix }: { chainId: number; kind: string; keyPrefix: string },
): Promise<TxRecord[]> {
  const rows = await db.query<TxRow>(
    `${SELECT_TX} where chain_id = $1 and kind = $2 and starts_with(key, $3)
        and state in ('planned', 'signed', 'broadcast', 'included') order by nonce limit $4`,
    [chainId, kind, keyPrefix, MAX_OPEN],
  )
  return rows.map(txOf)
}
