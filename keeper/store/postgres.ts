import pg from 'pg'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Db } from './db.ts'
import { INT8, NUMERIC, atMostOne, exactlyOne } from './rows.ts'

// One keeper needs a handful: jobs, the sender, the API. PostgreSQL allows 100 by default.
const MAX_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
// The longest statement of ours is a migration; anything slower is a fault.
const STATEMENT_TIMEOUT_MS = 60_000

type Runner = Pick<pg.Pool, 'query'>

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return BigInt
    if (oid === NUMERIC) return String
    return pg.types.getTypeParser(oid, format)
  },
}

export async function openPostgres(url: string, schema?: string): Promise<Db> {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    types,
    ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
  })
  // An idle connection that breaks must not end the process; the next query reports it.
  pool.on('error', () => {})
  const db = poolDb(pool)
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw new KeeperError('STORE_UNAVAILABLE', { reason: messageOf(error) }, error)
  }
  return db
}

function poolDb(pool: pg.Pool): Db {
  return {
    ...queries(pool),
    begin: (fn) => transaction(pool, fn),
    close: () => pool.end(),
  }
}

type Queries = Pick<Db, 'kind' | 'query' | 'one' | 'maybeOne' | 'exec'>

function queries(runner: Runner): Queries {
  async function query<T extends object>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<T[]> {
    const result = await runner.query<T & pg.QueryResultRow>(sql, [...params])
    return result.rows
  }
  return {
    kind: 'postgres',
    query,
    one: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      exactlyOne(await query<T>(sql, params)),
    maybeOne: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      atMostOne(await query<T>(sql, params)),
    exec: async (sql) => void (await runner.query(sql)),
  }
}

async function transaction<T>(pool: pg.Pool, fn: (t: Db) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const result = await fn(clientDb(client))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch((fault: Error) => {
      broken = fault
    })
    throw error
  } finally {
    client.release(broken)
  }
}

function clientDb(client: pg.PoolClient): Db {
  const t: Db = {
    ...queries(client),
    begin: (fn) => fn(t),
    close: async () => {},
  }
  return t
}
