import pg from 'pg'
import { KeeperError, messageOf } from '../../../base/errors.ts'
import { rememberSecretUrl } from '../../../base/redact.ts'
import type { Cells } from './row-reader.ts'
import type { ColumnType, TableServer } from './table-server.ts'

// The same deadlines as for the other kind of source (mysql.ts).
const CONNECT_TIMEOUT_MS = 10_000
const STATEMENT_TIMEOUT_MS = 60_000
const NO_ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000

// Sent after the start: a pooler in between refuses settings that come with it.
const SESSION = `
  set default_transaction_read_only = on;
  set default_transaction_isolation = 'repeatable read';
  set statement_timeout = ${STATEMENT_TIMEOUT_MS};
  set timezone = 'UTC';
  set datestyle = 'ISO';
  set bytea_output = 'hex';
  set extra_float_digits = 3`

/** A PostgreSQL whose tables are read, and no more than read. */
export async function openPostgresTables(url: string): Promise<TableServer> {
  rememberSecretUrl(url)
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: NO_ANSWER_TIMEOUT_MS,
    keepAlive: true,
    // Every value as the server writes it: no number passes through a double.
    types: { getTypeParser: () => (text: string) => text },
  })
  // Between queries nobody listens: the next one reports what happened.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(SESSION)
  } catch (error) {
    await client.end().catch(() => {})
    throw faultOf(error)
  }
  return tableServer(client)
}

function tableServer(client: pg.Client): TableServer {
  const ask = async (sql: string, values: readonly string[]): Promise<pg.QueryResult<Cells>> => {
    try {
      return await client.query<Cells>(sql, [...values])
    } catch (error) {
      throw faultOf(error)
    }
  }
  return {
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    text: (column) => column,
    value: (n) => `$${n}`,
    bytes: (text) => `(${text}) collate "C"`,
    bytesValue: (n) => `$${n}`,
    join: (texts) => texts.map(partOf).join(' || '),
    query: async (sql, values) => (await ask(sql, values)).rows,
    types: async (sql) =>
      (await ask(sql, [])).fields.map(({ dataTypeID }) => TYPES.get(dataTypeID) ?? 'other'),
    close: () => client.end(),
  }
}

/** With its length, so that no two rows read alike. */
function partOf(text: string): string {
  return `coalesce(octet_length(${text}::text) || ':' || ${text}::text, '-')`
}

// By their numbers in pg_type, which never change.
const TYPES = new Map<number, ColumnType>([
  [16, 'boolean'],
  [17, 'bytes'],
  ...[20, 21, 23].map((type): [number, ColumnType] => [type, 'integer']),
  [1700, 'decimal'],
  ...[700, 701].map((type): [number, ColumnType] => [type, 'float']),
  ...[25, 1042, 1043].map((type): [number, ColumnType] => [type, 'text']),
  [1082, 'date'],
  [1114, 'datetime'],
  [1184, 'instant'],
])

// Classes of a server that cannot serve now: its connections, its resources, an operator or a limit that ends it.
const CANNOT_SERVE = /^(08|53|57|40)/

function faultOf(error: unknown): unknown {
  if (error instanceof KeeperError || error instanceof TypeError) return error
  const isAnswer = error instanceof pg.DatabaseError && !CANNOT_SERVE.test(error.code ?? '')
  const name = isAnswer ? 'PARTNERS_DATABASE_REFUSED' : 'PARTNERS_DATABASE_AWAY'
  return new KeeperError(name, { what: 'the partners’ source', reason: messageOf(error) }, error)
}
