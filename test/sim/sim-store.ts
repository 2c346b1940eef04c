import { systemClock } from '../../keeper/base/time.ts'
import type { Db, Row } from '../../keeper/store/db.ts'
import { migrate } from '../../keeper/store/migrate.ts'
import { openPgliteInMemory } from '../../keeper/store/pglite.ts'

/** The real journal on a real store, emptied between schedules because making one takes a second. */
export interface SimStore {
  db: Db
  clear(): Promise<void>
  /** All that is in it now. */
  copy(): Promise<StoreCopy>
  /** As if everything since the copy had never reached the disk. */
  restore(copy: StoreCopy): Promise<void>
  close(): Promise<void>
}

export type StoreCopy = readonly { table: Table; rows: Row[] }[]

interface Table {
  name: string
  /** The column that counts by itself. */
  identity: string | null
}

// Only what the sending path touches. Parents first: rows go in in this order and out in the other.
const TABLES = /^(tx|tx_attempt|journal_\w+|writer_lease)$/

export async function openSimStore(): Promise<SimStore> {
  const { db } = await openPgliteInMemory()
  await migrate(db, systemClock)
  const tables = await readTables(db)
  const copy = async (): Promise<StoreCopy> => {
    const copies: { table: Table; rows: Row[] }[] = []
    for (const table of tables) {
      const rows = await db.query<{ row: Row }>(
        `select to_jsonb(t)::text as row from ${table.name} t`,
      )
      copies.push({ table, rows: rows.map(({ row }) => row) })
    }
    return copies
  }
  const empty = tables.toReversed().map(({ name }) => `delete from ${name};`)
  const restore = (wanted: StoreCopy): Promise<void> => put(db, empty.join(' '), wanted)
  const fresh = await copy()
  return { db, clear: () => restore(fresh), copy, restore, close: () => db.close() }
}

async function readTables(db: Db): Promise<Table[]> {
  const all = await db.query<{ name: string; identity: string | null }>(
    `select t.table_name as name,
            (select c.column_name from information_schema.columns c
              where c.table_name = t.table_name and c.is_identity = 'YES') as identity
       from information_schema.tables t
      where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'`,
  )
  const parents = await db.query<{ child: string; parent: string }>(
    `select conrelid::regclass::text as child, confrelid::regclass::text as parent
       from pg_constraint where contype = 'f'`,
  )
  const depthOf = (name: string): number => {
    const above = parents.filter(({ child }) => child === name)
    return 1 + Math.max(0, ...above.map(({ parent }) => depthOf(parent)))
  }
  const tables = all.filter(({ name }) => TABLES.test(name))
  return tables.sort((a, b) => depthOf(a.name) - depthOf(b.name) || (a.name < b.name ? -1 : 1))
}

async function put(db: Db, empty: string, copy: StoreCopy): Promise<void> {
  await db.begin(async (t) => {
    await t.exec(empty)
    for (const { table, rows } of copy) {
      const { name, identity } = table
      if (rows.length > 0) {
        await t.query(
          `insert into ${name} overriding system value
           select (jsonb_populate_record(null::${name}, row::jsonb)).* from unnest($1::text[]) row`,
          [rows],
        )
      }
      if (identity !== null) {
        await t.exec(
          `select setval(pg_get_serial_sequence('${name}', '${identity}'),
                         (select coalesce(max(${identity}), 0) + 1 from ${name}), false)`,
        )
      }
    }
  })
}
