import { readFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import type { Socket } from 'node:net'
import { createConnection } from 'mysql2/promise'
import type { Connection, ConnectionOptions, FieldPacket, SslOptions } from 'mysql2/promise'
import { KeeperError, messageOf } from '../../../base/errors.ts'
import { rememberSecretUrl } from '../../../base/redact.ts'

// As for PostgreSQL (store/postgres.ts): a server far away answers within a second or not at all.
const CONNECT_TIMEOUT_MS = 10_000
// A page of a source is read by an index; one that takes longer would weigh on the server of somebody else.
const STATEMENT_TIMEOUT_S = 60
// The server answers a statement that took too long; no answer at all is a network that drops what we send.
const NO_ANSWER_TIMEOUT_MS = (STATEMENT_TIMEOUT_S + 5) * 1_000
// Somebody else's lock on a row of ours is short, or the caller comes again.
const LOCK_WAIT_S = 10
const DEFAULT_PORT = 3306
// Of columns that have no characters; numbers and times have it, too.
const BINARY_CHARSET = 63
// Each page has one statement, and there are a few kinds of them.
const MAX_PREPARED = 32

/** Texts go in, for a number too: the driver sends numbers as doubles, which LIMIT and large keys do not bear. */
export type MysqlValue = string | null
/** What is not null comes back as text, exact except for a FLOAT or DOUBLE that is not cast to text. */
export type MysqlRow = Record<string, string | null>

export interface MysqlColumn {
  name: string
  type: number
  isBinary: boolean
}

/** One session of a MySQL or MariaDB; its times are in UTC, and what does not fit a column is refused. */
export interface Mysql {
  readonly isMariaDb: boolean
  query(sql: string, values?: readonly MysqlValue[]): Promise<MysqlRow[]>
  /** How many rows it changed. */
  run(sql: string, values?: readonly MysqlValue[]): Promise<number>
  /** The columns of a query: their types as the protocol numbers them, and whether they hold bytes instead of a text. */
  describe(sql: string): Promise<MysqlColumn[]>
  /** Commits when fn resolves; on a session that is read-only it reads one state of the data. */
  begin<T>(fn: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface MysqlOptions {
  readOnly: boolean
  /** As an error names it: 'the source of votes'. */
  what: string
}

/** `mysql://user:password@host:port/database?ssl=true&ssl-ca=/path/ca.pem`; mariadb:// means the same. */
export async function openMysql(url: string, options: MysqlOptions): Promise<Mysql> {
  rememberSecretUrl(url)
  const { what, readOnly } = options
  const config = await readUrl(url, what)
  // A socket of ours: the driver's own half-closes, and a server that hangs would keep the process alive.
  const socket = connectSocket({
    host: config.host,
    port: config.port,
    noDelay: true,
    keepAlive: true,
  })
  try {
    const connection = await createConnection({ ...config, stream: socket })
    // Between queries nobody listens: the next one reports what happened.
    connection.on('error', () => {})
    const session = new Session(connection, socket, what)
    await session.prepare(readOnly)
    return session
  } catch (error) {
    socket.destroy()
    throw faultOf(error, what)
  }
}

type Config = ConnectionOptions & { host: string; port: number }

async function readUrl(text: string, what: string): Promise<Config> {
  const url = new URL(text)
  const unknown = [...url.searchParams.keys()].filter((key) => key !== 'ssl' && key !== 'ssl-ca')
  const refuse = (fault: string): KeeperError =>
    new KeeperError('PARTNERS_DATABASE_URL', { what, fault })
  if (!/^(mysql|mariadb):$/.test(url.protocol)) throw refuse('it does not begin with mysql://')
  if (unknown.length > 0) throw refuse(`it knows ssl and ssl-ca, not ${unknown.join(', ')}`)
  if (url.hostname === '') throw refuse('it names no host')
  const ssl = await readSsl(url.searchParams, refuse)
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    ...(url.pathname.length > 1 && { database: decoded(url.pathname.slice(1)) }),
    ...(ssl !== undefined && { ssl }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    charset: 'UTF8MB4_UNICODE_CI',
    timezone: 'Z',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
    maxPreparedStatements: MAX_PREPARED,
  }
}

/** A lone percent sign is a sign like any other: a password may have one. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The certificate is checked, and that it is of the host: the driver by itself leaves the second out. */
async function readSsl(
  params: URLSearchParams,
  refuse: (fault: string) => KeeperError,
): Promise<SslOptions | undefined> {
  const ca = params.get('ssl-ca')
  const ssl = params.get('ssl') ?? (ca === null ? 'false' : 'true')
  if (ssl !== 'true' && ssl !== 'false') throw refuse('ssl is true or false')
  if (ssl === 'false') return undefined
  const checked = { rejectUnauthorized: true, verifyIdentity: true }
  if (ca === null) return checked
  try {
    return { ...checked, ca: await readFile(ca, 'utf8') }
  } catch (error) {
    throw refuse(`ssl-ca cannot be read (${messageOf(error)})`)
  }
}

class Session implements Mysql {
  isMariaDb = false
  readonly #connection: Connection
  readonly #socket: Socket
  readonly #what: string
  #begin = 'start transaction'

  constructor(connection: Connection, socket: Socket, what: string) {
    this.#connection = connection
    this.#socket = socket
    this.#what = what
  }

  async prepare(readOnly: boolean): Promise<void> {
    const [{ version = '' } = {}] = await this.query('select version() as version')
    this.isMariaDb = /mariadb/i.test(version ?? '')
    // The server ends a statement by itself: MySQL counts milliseconds, and of reading ones alone.
    const limit = this.isMariaDb
      ? `max_statement_time = ${STATEMENT_TIMEOUT_S}`
      : `max_execution_time = ${STATEMENT_TIMEOUT_S * 1_000}`
    await this.run(
      `set session time_zone = '+00:00', ${limit}, innodb_lock_wait_timeout = ${LOCK_WAIT_S},
         sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'`,
    )
    await this.run('set session transaction isolation level repeatable read')
    if (!readOnly) return
    await this.run('set session transaction read only')
    this.#begin = 'start transaction with consistent snapshot, read only'
  }

  async query(sql: string, values: readonly MysqlValue[] = []): Promise<MysqlRow[]> {
    const [rows] = await this.#ask(sql, values)
    return (rows as Record<string, unknown>[]).map(textsOf)
  }

  async run(sql: string, values: readonly MysqlValue[] = []): Promise<number> {
    const [result] = await this.#ask(sql, values)
    return (result as { affectedRows?: number }).affectedRows ?? 0
  }

  async describe(sql: string): Promise<MysqlColumn[]> {
    const [, fields] = await this.#ask(sql, [])
    return fields.map(({ name, columnType = 0, characterSet }) => ({
      name,
      type: columnType,
      isBinary: characterSet === BINARY_CHARSET,
    }))
  }

  async begin<T>(fn: () => Promise<T>): Promise<T> {
    await this.run(this.#begin)
    try {
      const result = await fn()
      await this.run('commit')
      return result
    } catch (error) {
      // A session that is broken has rolled back by itself, and tells of it once already.
      await this.run('rollback').catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    if (!this.#socket.destroyed) await this.#within(this.#connection.end()).catch(() => {})
    this.#socket.destroy()
  }

  /**
   * With values it is prepared by the server, whatever its mode says of quotes: no value is ever part of the text.
   * Without any it is sent as it is: MySQL prepares no `start transaction` and no `rollback`.
   */
  async #ask(sql: string, values: readonly MysqlValue[]): Promise<[unknown, FieldPacket[]]> {
    try {
      const connection = this.#connection
      return await this.#within(
        values.length === 0 ? connection.query(sql) : connection.execute(sql, [...values]),
      )
    } catch (error) {
      throw faultOf(error, this.#what)
    }
  }

  /** The driver has no deadline for preparing, and after one the session would be out of step: it ends. */
  async #within<T>(asked: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#socket.destroy()
        reject(new NoAnswer(`no answer for ${NO_ANSWER_TIMEOUT_MS} ms`))
      }, NO_ANSWER_TIMEOUT_MS)
    })
    try {
      return await Promise.race([asked, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

class NoAnswer extends Error {}

function textsOf(row: Record<string, unknown>): MysqlRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, textOf(value)]))
}

function textOf(value: unknown): string | null {
  if (value === null || typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('utf8') : `${value as number}`
}

// Of the server's own numbers those that go away by themselves: too many connections, a shutdown, locks that
// others hold, limits of a user or of time, a connection that was killed, a server that only reads for a while.
const CANNOT_SERVE = new Set([1040, 1053, 1203, 1205, 1213, 1226, 1290, 1317, 1927, 1969, 3024])
// A certificate or a server that does not do what the URL asks for is wrong until somebody changes it.
const WILL_NOT_SERVE = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HANDSHAKE_)/

/** Without an answer it is not known what happened; whoever asked may do so again, or look. */
function faultOf(error: unknown, what: string): unknown {
  if (error instanceof KeeperError || error instanceof TypeError) return error
  const {
    errno,
    sqlState,
    code = '',
  } = error as {
    errno?: number
    sqlState?: string
    code?: string
  }
  const isAnswer = sqlState !== undefined && !CANNOT_SERVE.has(errno ?? 0)
  const isRefused = isAnswer || WILL_NOT_SERVE.test(code)
  const name = isRefused ? 'PARTNERS_DATABASE_REFUSED' : 'PARTNERS_DATABASE_AWAY'
  return new KeeperError(name, { what, reason: messageOf(error) || code }, error)
}
