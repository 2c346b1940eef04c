import type { Db } from '../../keeper/store/db.ts'
import { rounded } from '../keeper/measure.ts'
import { GOALS, measurementOf } from './goals.ts'
import type { LedgerMeasurement, StoreName } from './goals.ts'

// What grows with the transfers; the accounts grow with the payees and are told apart.
const TABLES = ['ledger_key', 'ledger_transfer', 'ledger_entry', 'ledger_batch'] as const

/** With all indexes, and the room that they leave free. */
export async function sizeMeasurement(store: StoreName, db: Db): Promise<LedgerMeasurement> {
  const { transfers, accounts } = await db.one<{ transfers: bigint; accounts: bigint }>(
    `select (select count(*) from ledger_transfer) as transfers,
            (select count(*) from ledger_account) as accounts`,
  )
  const aTransfer = async (table: string): Promise<number> =>
    rounded((await bytesOf(db, table)) / Number(transfers), 1)
  const tables: Record<string, number> = {}
  for (const table of TABLES) tables[table] = await aTransfer(table)
  const bytes = Object.values(tables).reduce((sum, size) => sum + size, 0)
  const withAccounts = rounded(bytes + (await aTransfer('ledger_account')), 1)
  return measurementOf('size of a transfer', store, GOALS.bytes, {
    runs: [bytes],
    details: { tables, withAccounts, transfers: Number(transfers), accounts: Number(accounts) },
  })
}

async function bytesOf(db: Db, table: string): Promise<number> {
  const { bytes } = await db.one<{ bytes: number }>(
    `select coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size($1::text::regclass))::float8
              as bytes
       from pg_partition_tree($1::text::regclass) where isleaf`,
    [table],
  )
  return bytes
}
