import { SECONDS_PER_HOUR, isoTime } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Cells } from './row-reader.ts'
import type { SourceTime } from './source-file.ts'
import type { SourceTable } from './source-tables.ts'
import type { TableServer } from './table-server.ts'

// Beside the columns: the watermark and the key as the server writes them, from which the next page goes on.
const MARK = 'muster_mark'
const KEY = 'muster_key'

/**
 * The rows of a table in pages, in the order of its watermark from an instant on: by an index on that column alone.
 * A page that ends within rows of one time leaves those to the next one; only where a whole page has one time it goes
 * on by the key, so that any number of rows may have the same. Without a watermark it is read whole, by the key.
 */
export async function* readPages(
  table: SourceTable,
  server: TableServer,
  since: UnixSeconds,
  rowsPerPage: number,
): AsyncGenerator<Cells[]> {
  const queries = queriesOf(table, server, rowsPerPage)
  if (table.watermark === undefined) return yield* readByKey(queries, rowsPerPage)
  let start = textOf(since, table.watermark)
  let isIncluded = true
  for (;;) {
    const rows = await queries.byMark(start, isIncluded)
    if (rows.length < rowsPerPage) return yield rows
    const last = textIn(rows, MARK)
    const before = rows.filter((row) => row[MARK] !== last)
    if (before.length > 0) yield before
    else yield* readByKey(queries, rowsPerPage, last)
    isIncluded = before.length > 0
    start = last
  }
}

async function* readByKey(
  queries: Queries,
  rowsPerPage: number,
  mark?: string,
): AsyncGenerator<Cells[]> {
  let rows = await queries.byKey(mark)
  while (rows.length === rowsPerPage) {
    yield rows
    rows = await queries.byKey(mark, textIn(rows, KEY))
  }
  yield rows
}

function textIn(rows: readonly Cells[], name: string): string {
  return rows.at(-1)?.[name] ?? ''
}

interface Queries {
  byMark(start: string, isIncluded: boolean): Promise<Cells[]>
  /** Of one value of the watermark, or of the whole table. */
  byKey(mark?: string, after?: string): Promise<Cells[]>
}

function queriesOf(table: SourceTable, server: TableServer, rowsPerPage: number): Queries {
  const column = (name: string): string => `t.${server.quote(name)}`
  const { watermark } = table
  const mark = watermark === undefined ? "''" : column(watermark.column)
  const markType = table.types.get(watermark?.column ?? '') ?? 'other'
  const key = server.bytes(server.join(table.key.map((name) => server.text(column(name)))))
  const shown = [
    ...table.columns.map((name) => `${server.text(column(name))} as ${server.quote(name)}`),
    `${server.text(mark)} as ${MARK}`,
    `${key} as ${KEY}`,
  ]
  const from = table.name.map((part) => server.quote(part)).join('.')
  const select = `select ${shown.join(', ')} from ${from} t`
  const limit = `limit ${rowsPerPage}`
  return {
    byMark: (start, isIncluded) => {
      const where = `${mark} ${isIncluded ? '>=' : '>'} ${server.value(1, markType)}`
      return server.query(`${select} where ${where} order by ${mark} ${limit}`, [start])
    },
    byKey: (value, after) => {
      const values = [value, after].filter((each) => each !== undefined)
      const conditions = [
        ...(value === undefined ? [] : [`${mark} = ${server.value(1, markType)}`]),
        ...(after === undefined ? [] : [`${key} > ${server.bytesValue(values.length)}`]),
      ]
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
      return server.query(`${select} ${where} order by ${KEY} ${limit}`, values)
    },
  }
}

const MS_PER_SECOND = 1_000
// 'YYYY-MM-DD'.
const DAY_LENGTH = 10

/** An instant as the column has it. */
function textOf(at: UnixSeconds, { unit, offset }: SourceTime): string {
  return TEXTS[unit](at, offset)
}

const TEXTS: Record<SourceTime['unit'], (at: UnixSeconds, offset?: string) => string> = {
  s: String,
  ms: (at) => String(at * MS_PER_SECOND),
  iso: isoTime,
  day: (at) => isoTime(at).slice(0, DAY_LENGTH),
  datetime: (at, offset) => {
    const local = isoTime(at + secondsOf(offset))
    return local.replace('T', ' ').replace('Z', '')
  },
}

function secondsOf(offset = '+00:00'): number {
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number)
  const seconds = hours * SECONDS_PER_HOUR + minutes * 60
  return offset.startsWith('-') ? -seconds : seconds
}
