import type { Cells } from './row-reader.ts'

/** What a column is for us; `float` is one that cannot hold every number it is given. */
export type ColumnType =
  | 'integer'
  | 'decimal'
  | 'float'
  | 'text'
  | 'bytes'
  | 'bits'
  | 'boolean'
  | 'date'
  | 'datetime'
  | 'instant'
  | 'other'

/** What MySQL and PostgreSQL do differently, so that reading a table is written once. */
export interface TableServer {
  /** A name as one of its own, whatever is in it. */
  quote(name: string): string
  /** The value of a column as text, exact; bytes in hex. */
  text(column: string, type: ColumnType): string
  /** The n-th value of a query (from 1), to be compared with a column of that type. */
  value(n: number, type: ColumnType): string
  /** Texts that are compared by their bytes: no two that differ are alike. */
  bytes(text: string): string
  bytesValue(n: number): string
  /** One text of several, some of which may be null: another one for any other texts. */
  join(texts: readonly string[]): string
  /** Every value as text, or null. */
  query(sql: string, values: readonly string[]): Promise<Cells[]>
  /** Of the columns of a query, in their order. */
  types(sql: string): Promise<ColumnType[]>
  close(): Promise<void>
}
