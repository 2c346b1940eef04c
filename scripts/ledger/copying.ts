// What raw COPY takes for the rows that posting added: the same text rows, tables, partitions and indexes, in
// transactions of as many transfers as one call posts. The text is made before the clock runs.
import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { MAX_POSTINGS_A_CALL } from '../../keeper/ledger/post.ts'
import type { Db } from '../../keeper/store/db.ts'

/** The rows of one transaction, by table. */
export type CopiedRows = { table: string; text: Buffer }[]

export interface Copier {
  /** In one transaction. */
  copy(rows: CopiedRows): Promise<void>
  close(): Promise<void>
}

// The entries come in the order in which ledger_post inserts them.
const TABLES = [
  { table: 'ledger_key', transfer: 'transfer', order: '', aTransfer: 1 },
  { table: 'ledger_transfer', transfer: 'id', order: '', aTransfer: 1 },
  { table: 'ledger_entry', transfer: 'transfer', order: 'account', aTransfer: 2 },
] as const

/** All that was posted after that transfer. */
export async function rowsAfter(db: Db, after: bigint): Promise<CopiedRows[]> {
  const transactions: CopiedRows[] = []
  for (const { table, transfer, order, aTransfer } of TABLES) {
    const rows = await db.query<{ line: string; rank: number }>(
      `select concat_ws(E'\\t', ${await fieldsOf(db, table)}) as line, ${order || '0'} as rank
         from ${table} where ${transfer} > $1 order by ${transfer}`,
      [after],
    )
    const size = MAX_POSTINGS_A_CALL * aTransfer
    for (let from = 0; from < rows.length; from += size) {
      const part = rows.slice(from, from + size).toSorted((a, b) => a.rank - b.rank)
      const text = Buffer.from(part.map(({ line }) => `${line}\n`).join(''))
      const rowsOf = (transactions[from / size] ??= [])
      rowsOf.push({ table, text })
    }
  }
  return transactions
}

/** As COPY reads them: the load has no tab, line break or backslash in its text. */
async function fieldsOf(db: Db, table: string): Promise<string> {
  const columns = await db.query<{ name: string }>(
    `select attname::text as name from pg_attribute
      where attrelid = $1::text::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table],
  )
  return columns.map(({ name }) => `coalesce(${name}::text, '\\N')`).join(', ')
}

const copyOf = (table: string): string => `copy ${table} from stdin`

interface CopyingConnection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** The driver asks for the data of each COPY as the server wants it. */
class CopyIn extends pg.Query {
  readonly #texts: Buffer[]

  constructor(sql: string, texts: Buffer[]) {
    super(sql)
    this.#texts = texts
  }

  handleCopyInResponse(connection: CopyingConnection): void {
    connection.sendCopyFromChunk(this.#texts.shift() ?? Buffer.alloc(0))
    connection.endCopyFrom()
  }
}

/** The whole transaction is one message and its data: no round trip that COPY does not need. */
export async function postgresCopier(url: string): Promise<Copier> {
  const client = new pg.Client(url)
  await client.connect()
  return {
    copy: async (rows) => {
      const copies = rows.map(({ table }) => copyOf(table))
      const sql = ['begin', ...copies, 'commit'].join(';')
      const query = new CopyIn(
        sql,
        rows.map(({ text }) => text),
      )
      await new Promise<void>((resolve, reject) => {
        query.on('end', () => resolve())
        query.on('error', reject)
        client.query(query)
      })
    },
    close: () => client.end(),
  }
}

/** PGlite has no client: it reads a blob that is there as a file. */
export function pgliteCopier(lite: PGlite): Copier {
  return {
    copy: (rows) =>
      lite.transaction(async (t) => {
        for (const { table, text } of rows) {
          const blob = new Blob([new Uint8Array(text)])
          await t.query(`copy ${table} from '/dev/blob'`, [], { blob })
        }
      }),
    close: () => lite.close(),
  }
}
