import { openMysql } from './mysql.ts'
import type { MysqlColumn } from './mysql.ts'
import type { ColumnType, TableServer } from './table-server.ts'

/** A MySQL or MariaDB whose tables are read, and no more than read. */
export async function openMysqlTables(url: string): Promise<TableServer> {
  const session = await openMysql(url, { readOnly: true, what: 'the partners’ source' })
  return {
    quote: (name) => `\`${name.replaceAll('`', '``')}\``,
    // By the server: the driver's own reading of a DOUBLE is not exact (sidorares/node-mysql2, issue 2928).
    text: textOf,
    value: (_n, type) => VALUES[type] ?? '?',
    bytes: (text) => `cast(${text} as binary)`,
    bytesValue: () => 'cast(? as binary)',
    join: (texts) => `concat(${texts.map(partOf).join(', ')})`,
    query: (sql, values) => session.query(sql, values),
    types: async (sql) => {
      const columns = await session.describe(sql)
      return columns.map(typeOf)
    },
    close: () => session.close(),
  }
}

/** Bytes have no characters: as a text two of them may be one and the same row of question marks. */
function textOf(column: string, type: ColumnType): string {
  if (type === 'bytes') return `lower(hex(${column}))`
  return `cast(${type === 'bits' ? `${column} + 0` : column} as char)`
}

function typeOf({ type, isBinary }: MysqlColumn): ColumnType {
  const known = TYPES.get(type) ?? 'other'
  return known === 'text' && isBinary ? 'bytes' : known
}

/** With its length, so that no two rows read alike. */
function partOf(text: string): string {
  return `coalesce(concat(length(${text}), ':', ${text}), '-')`
}

// A text that is compared with a number would make doubles of both.
const VALUES: Partial<Record<ColumnType, string>> = {
  integer: 'cast(? as signed)',
  decimal: 'cast(? as decimal(65, 10))',
  date: 'cast(? as date)',
  datetime: 'cast(? as datetime(6))',
  instant: 'cast(? as datetime(6))',
}

// By their numbers in the protocol (mysql2/lib/constants/types.js).
const TYPES = new Map<number, ColumnType>([
  ...[1, 2, 3, 8, 9, 13].map((type): [number, ColumnType] => [type, 'integer']),
  ...[0, 246].map((type): [number, ColumnType] => [type, 'decimal']),
  ...[4, 5].map((type): [number, ColumnType] => [type, 'float']),
  ...[15, 247, 249, 250, 251, 252, 253, 254].map((type): [number, ColumnType] => [type, 'text']),
  [7, 'instant'],
  [10, 'date'],
  [12, 'datetime'],
  [16, 'bits'],
])
