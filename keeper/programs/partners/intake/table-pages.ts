import { SECONDS_PER_HOUR, isoTime } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Cells } from './row-reader.ts'
import type { SourceTime } from './source-file.ts'
import type { SourceTable } from './source-tables.ts'
import type { ColumnType, TableServer } from './table-server.ts'

// Beside the columns: the watermark as the server writes it, and all of the row, from which the next page goes on. What
// tells votes or days apart may come twice, with another content: by that alone a page would end between the two, and
// the second never be read.
const MARK = 'muster_mark'
const WHOLE = 'muster_row'

// More than any value that is taken (check-rows.ts): what is longer is a fault all the same, and need not come whole.
const MAX_CELL_CHARS = 1_000

/**
 * The rows of a table in pages, in the order of its watermark from an instant on: by an index on that column alone.
 * A page that ends within rows of one time leaves those to the next one; only where a whole page has one time it goes
 * on by all that is in the rows, so that any number of them may have the same. Without a watermark so is the whole table.
 */
export async function* readPages(
  table: SourceTable,
  server: TableServer,
  since: UnixSeconds,
  rowsPerPage: number,
): AsyncGenerator<Cells[]> {
  const queries = queriesOf(table, server, rowsPerPage)
  if (table.watermark === undefined) return yield* readByRow(queries, rowsPerPage)
  let start = startOf(since, table.watermark)
  let isIncluded = true
  for (;;) {
    const rows = await queries.byMark(start, isIncluded)
    if (rows.length < rowsPerPage) return yield rows
    const last = textIn(rows, MARK)
    const before = rows.filter((row) => row[MARK] !== last)
    if (before.length > 0) yield before
    else yield* readByRow(queries, rowsPerPage, last)
    isIncluded = before.length > 0
    start = last
  }
}

async function* readByRow(
  queries: Queries,
  rowsPerPage: number,
  mark?: string,
): AsyncGenerator<Cells[]> {
  let rows = await queries.byRow(mark)
  while (rows.length === rowsPerPage) {
    yield rows
    rows = await queries.byRow(mark, textIn(rows, WHOLE))
  }
  yield rows
}

function textIn(rows: readonly Cells[], name: string): string {
  return rows.at(-1)?.[name] ?? ''
}

interface Queries {
  byMark(start: string, isIncluded: boolean): Promise<Cells[]>
  /** Of one value of the watermark, or of the whole table. */
  byRow(mark?: string, after?: string): Promise<Cells[]>
}

function queriesOf(table: SourceTable, server: TableServer, rowsPerPage: number): Queries {
  const column = (name: string): string => `t.${server.quote(name)}`
  const typeOf = (name = ''): ColumnType => table.types.get(name) ?? 'other'
  const textOf = (name: string): string => {
    const text = server.text(column(name), typeOf(name))
    return typeOf(name) === 'text' ? `left(${text}, ${MAX_CELL_CHARS})` : text
  }
  const { watermark } = table
  const mark = watermark === undefined ? "''" : column(watermark.column)
  const markType = typeOf(watermark?.column)
  const whole = server.bytes(server.join(table.columns.map(textOf)))
  const shown = [
    ...table.columns.map((name) => `${textOf(name)} as ${server.quote(name)}`),
    `${server.text(mark, markType)} as ${MARK}`,
    `${whole} as ${WHOLE}`,
  ]
  const from = table.name.map((part) => server.quote(part)).join('.')
  const select = `select ${shown.join(', ')} from ${from} t`
  const limit = `limit ${rowsPerPage}`
  return {
    byMark: (start, isIncluded) => {
      const where = `${mark} ${isIncluded ? '>=' : '>'} ${server.value(1, markType)}`
      return server.query(`${select} where ${where} order by ${mark} ${limit}`, [start])
    },
    byRow: (value, after) => {
      const values = [value, after].filter((each) => each !== undefined)
      const conditions = [
        ...(value === undefined ? [] : [`${mark} = ${server.value(1, markType)}`]),
        ...(after === undefined ? [] : [`${whole} > ${server.bytesValue(values.length)}`]),
      ]
      const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
      return server.query(`${select} ${where} order by ${WHOLE} ${limit}`, values)
    },
  }
}

const MS_PER_SECOND = 1_000
// 'YYYY-MM-DD'.
const DAY_LENGTH = 10
// -12:00; the same on the other side is +14:00.
const MOST_BEHIND_SECONDS = 14 * SECONDS_PER_HOUR

/** An instant as the column has it. */
function startOf(at: UnixSeconds, { unit, offset }: SourceTime): string {
  return TEXTS[unit](at, offset)
}

const TEXTS: Record<SourceTime['unit'], (at: UnixSeconds, offset?: string) => string> = {
  s: String,
  ms: (at) => String(at * MS_PER_SECOND),
  // Texts are ordered by the clock of their own offset: none of them is so far behind that it is before that day.
  iso: (at) => isoTime(at - MOST_BEHIND_SECONDS).slice(0, DAY_LENGTH),
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
