import { parseDecimalDown } from '../../../base/decimal.ts'
import { isKeeperError } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { TimeOf } from './columns.ts'
import { timeIn } from './row-reader.ts'
import type { Cells } from './row-reader.ts'
import type { SourceTime } from './source-file.ts'
import type { SourceTable } from './source-tables.ts'
import type { ColumnType } from './table-server.ts'

/**
 * A row as a database writes it → as a file would have it: ISO times for its own types of time, whole numbers without
 * a fraction of zeros, rates in the smallest unit. What is not as it should be stays, and is a fault for the reader.
 */
export function cleanCells(table: SourceTable, raw: Cells): Cells {
  const cells = new Map<string, string>()
  for (const column of table.columns) {
    const text = raw[column]
    if (typeof text === 'string') cells.set(column, cleanText(text, table.types.get(column)))
  }
  for (const { column, decimals } of table.amounts) {
    change(cells, column, (text) => smallestUnits(text, decimals))
  }
  // An instant that is also the watermark is one column of the row.
  const times = new Map(table.times.map(({ time }) => [time.column, time]))
  for (const time of times.values()) {
    if (time.unit === 'datetime') change(cells, time.column, (text) => isoOf(text, time))
  }
  return Object.fromEntries(table.columns.map((column) => [column, cells.get(column) ?? null]))
}

function change(cells: Map<string, string>, column: string, to: (text: string) => string): void {
  const text = cells.get(column)
  if (text !== undefined) cells.set(column, to(text))
}

function cleanText(text: string, type: ColumnType = 'other'): string {
  // '12.0000' of a DECIMAL(20, 4) is 12.
  if (type === 'decimal') return text.includes('.') ? text.replace(/\.?0+$/, '') : text
  if (type === 'boolean') return text === 't' ? 'true' : 'false'
  // As PostgreSQL marks them; MySQL's are plain.
  if (type === 'bytes') return text.replace(/^\\x/, '')
  // As PostgreSQL writes it in a session that is in UTC.
  if (type === 'instant') return text.replace(/\+00$/, '')
  // The store's JSON has no room for a NUL.
  return text.replaceAll('\0', '\uFFFD')
}

/** 1.5 tokens of 18 decimals are 1500000000000000000 units; what is finer than a unit is dropped. */
function smallestUnits(text: string, decimals: number): string {
  if (decimals === 0) return text
  try {
    return parseDecimalDown(text, decimals).toString()
  } catch (error) {
    if (isKeeperError(error, 'DECIMAL_INVALID')) return text
    throw error
  }
}

/** '2024-10-15 07:00:00.5' → '2024-10-15T07:00:00.5Z'. */
function isoOf(text: string, { offset = 'Z' }: SourceTime): string {
  const [day = '', time = '00:00:00'] = text.split(' ')
  return `${day}T${time}${offset}`
}

/** As row-reader.ts knows it, once the cells are clean. */
export function cleanTime({ column, unit }: SourceTime): TimeOf {
  return { column, unit: unit === 'datetime' ? 'iso' : unit }
}

/** Of a row that has none that can be read: undefined. */
export function timeOfCells(time: SourceTime, cells: Cells): UnixSeconds | undefined {
  try {
    return timeIn(cleanTime(time), cells)
  } catch (error) {
    if (isKeeperError(error)) return undefined
    throw error
  }
}
