export type Row = Record<string, unknown>

/**
 * The only face of the database the rooms see. Parameters are $1, $2 …; int8 comes back as bigint,
 * numeric as a decimal string, int4 as number, jsonb parsed. JSON goes in as toJson(x) with `$1::jsonb`.
 */
export interface Db {
  readonly kind: 'pglite' | 'postgres'
  query<T extends object = Row>(sql: string, params?: readonly unknown[]): Promise<T[]>
  /** ROW_MISSING unless exactly one row comes. */
  one<T extends object = Row>(sql: string, params?: readonly unknown[]): Promise<T>
  /** ROW_MISSING when more than one row comes. */
  maybeOne<T extends object = Row>(sql: string, params?: readonly unknown[]): Promise<T | undefined>
  /** Several statements without parameters: for migrations. */
  exec(sql: string): Promise<void>
  /** The same, with the rows of all of them: for a library that brings its own SQL. */
  script(sql: string): Promise<Row[]>
  /** One transaction: commits when fn resolves. Within a transaction it joins that one. */
  begin<T>(fn: (t: Db) => Promise<T>): Promise<T>
  /** A connection of its own, for what ends with it; undefined on the embedded store, which has one. */
  session?(): Promise<DbSession>
  close(): Promise<void>
}

export interface DbSession extends Pick<Db, 'query' | 'one' | 'maybeOne' | 'begin' | 'close'> {
  /** Aborted when the connection is gone, however it went. */
  readonly gone: AbortSignal
}
