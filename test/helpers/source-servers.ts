// Both kinds of database that partners' votes may come from, real, each with a database of its own for a test.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createDatabase } from './databases.ts'
import { createMariaDatabase } from './mariadb.ts'
import { noteSecret } from './canaries.ts'

export interface SourceServer {
  kind: 'mysql' | 'postgres'
  /** Of an account that may do everything. */
  url: string
  run(sql: string): Promise<void>
  /** The URL of an account that may only read what is there by then. */
  reader(): Promise<string>
  drop(): Promise<void>
}

export const SOURCE_SERVERS: Record<string, () => Promise<SourceServer>> = {
  MariaDB: openMariaDb,
  PostgreSQL: openPostgreSql,
}

async function openMariaDb(): Promise<SourceServer> {
  const { url, sql, account, drop } = await createMariaDatabase()
  const run = async (statement: string): Promise<void> => void (await sql.run(statement))
  return { kind: 'mysql', url, run, reader: () => account('select'), drop }
}

async function openPostgreSql(): Promise<SourceServer> {
  const { url, drop } = await createDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const roles: string[] = []
  const reader = async (): Promise<string> => {
    const role = `muster_${randomBytes(6).toString('hex')}`
    const password = noteSecret(`canary-${randomBytes(9).toString('hex')}`)
    await client.query(`create role ${role} login password '${password}'`)
    await client.query(`grant select on all tables in schema public to ${role}`)
    // A server has a zone of its own, and so may each account.
    await client.query(`alter role ${role} set timezone = 'Asia/Tokyo'`)
    roles.push(role)
    return Object.assign(new URL(url), { username: role, password }).href
  }
  return {
    kind: 'postgres',
    url,
    run: async (sql) => void (await client.query(sql)),
    reader,
    drop: async () => {
      for (const role of roles) await client.query(`drop owned by ${role}; drop role ${role}`)
      await client.end()
      await drop()
    },
  }
}

/** Rows as one insert a thousand; texts are quoted, and have no quotes themselves. */
export async function insertRows(
  server: SourceServer,
  table: string,
  rows: readonly (readonly (string | number | null)[])[],
): Promise<void> {
  const rowsPerInsert = 1_000
  const valueOf = (value: string | number | null): string =>
    value === null ? 'null' : typeof value === 'number' ? String(value) : `'${value}'`
  for (let at = 0; at < rows.length; at += rowsPerInsert) {
    const part = rows.slice(at, at + rowsPerInsert)
    const values = part.map((row) => `(${row.map(valueOf).join(', ')})`)
    await server.run(`insert into ${table} values ${values.join(', ')}`)
  }
}
