import pg from 'pg'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Db, DbSession, Row } from './db.ts'
import { INT8, NUMERIC, atMostOne, exactlyOne } from './rows.ts'

// One keeper needs a handful: jobs, the sender, the API. PostgreSQL allows 100 by default.
const MAX_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
// The longest statement of ours is a migration; anything slower is a fault.
const STATEMENT_TIMEOUT_MS = 60_000
// The server answers a statement that took too long; no answer at all is a network that drops what we send.
const NO_ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000

// A transaction of ours pauses between statements for milliseconds. One that stands still belongs to a process
// that was stopped, and would hold the journal's head against the keeper that takes over.
const IDLE_IN_TRANSACTION_MS = 10_000
// The session of a lease asks small things often: no answer for so long means that the way is broken.
const SESSION_QUERY_TIMEOUT_MS = 5_000

type Runner = Pick<pg.Pool, 'query'>

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return BigInt
    if (oid === NUMERIC) return String
    return pg.types.getTypeParser(oid, format)
  },
}

export async function openPostgres(url: string, schema?: string): Promise<Db> {
  const config: pg.ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: NO_ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types,
    ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
  }
  const pool = new pg.Pool({ ...config, max: MAX_CONNECTIONS })
  // An idle connection that breaks must not end the process; the next query reports it.
  pool.on('error', () => {})
  const db = poolDb(pool, config)
  try {
    await pool.query('select 1')
  } catch (error) {
    await pool.end()
    throw new KeeperError('STORE_UNAVAILABLE', { reason: messageOf(error) }, error)
  }
  return db
}

function poolDb(pool: pg.Pool, config: pg.ClientConfig): Db {
  return {
    ...queries(pool),
    begin: (fn) => transaction(pool, fn),
    session: () => openSession(config),
    close: () => pool.end(),
  }
}

async function openSession(config: pg.ClientConfig): Promise<DbSession> {
  const client = new pg.Client({ ...config, query_timeout: SESSION_QUERY_TIMEOUT_MS })
  const gone = new AbortController()
  client.on('error', () => gone.abort())
  client.on('end', () => gone.abort())
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw new KeeperError('STORE_UNAVAILABLE', { reason: messageOf(error) }, error)
  }
  return {
    ...queries(client),
    begin: (fn) => transactionOf(client, fn),
    gone: gone.signal,
    close: () => client.end(),
  }
}

// Classes of a server that cannot serve now: its connections, its resources, an operator who stops it.
const CANNOT_SERVE = /^(08|53|57P)/

/** Without an answer it is not known what happened; whoever asked may do so again, or look. */
async function answered<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    const isAnswer = error instanceof pg.DatabaseError && !CANNOT_SERVE.test(error.code ?? '')
    if (isAnswer || error instanceof TypeError) throw error
    throw new KeeperError('STORE_UNAVAILABLE', { reason: messageOf(error) }, error)
  }
}

type Queries = Pick<Db, 'kind' | 'query' | 'one' | 'maybeOne' | 'exec' | 'script'>

function queries(runner: Runner): Queries {
  async function query<T extends object>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<T[]> {
    const result = await answered(runner.query<T & pg.QueryResultRow>(sql, [...params]))
    return result.rows
  }
  return {
    kind: 'postgres',
    query,
    one: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      exactlyOne(await query<T>(sql, params)),
    maybeOne: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      atMostOne(await query<T>(sql, params)),
    exec: async (sql) => void (await answered(runner.query(sql))),
    script: async (sql) => {
      // One result a statement, or the one of a single statement.
      const results: unknown = await answered(runner.query(sql))
      return [results].flat().flatMap((result) => (result as pg.QueryResult<Row>).rows)
    },
  }
}

async function transaction<T>(pool: pg.Pool, fn: (t: Db) => Promise<T>): Promise<T> {
  const client = await answered(pool.connect())
  let broken: Error | undefined
  // A server that goes away while the connection is ours must not end the process either.
  const notice = (error: Error): void => {
    broken = error
  }
  client.on('error', notice)
  try {
    return await transactionOf(client, fn, notice)
  } finally {
    client.off('error', notice)
    client.release(broken)
  }
}

async function transactionOf<T>(
  client: pg.ClientBase,
  fn: (t: Db) => Promise<T>,
  onBroken: (error: Error) => void = () => {},
): Promise<T> {
  try {
    await answered(client.query('begin'))
    const result = await fn(clientDb(client))
    await answered(client.query('commit'))
    return result
  } catch (error) {
    await client.query('rollback').catch(onBroken)
    throw error
  }
}

function clientDb(client: pg.ClientBase): Db {
  const t: Db = {
    ...queries(client),
    begin: (fn) => fn(t),
    close: async () => {},
  }
  return t
}
