import { namesIn } from './columns.ts'
import type { ValueOf } from './columns.ts'
import type { RowKind } from './conflicts.ts'
import type { SourceDescription, SourceRate, SourceTime } from './source-file.ts'
import type { ColumnType } from './table-server.ts'

/** One table of a description, as the paging sees it. */
export interface SourceTable {
  kind: RowKind
  /** In the description: 'votes'. */
  path: string
  /** Schema and table, or the table alone. */
  name: readonly string[]
  /** Each once. */
  columns: readonly string[]
  /** What tells a row apart from every other one. */
  key: readonly string[]
  /** Whose order the table is read in; without one it is read whole each time. */
  watermark?: SourceTime
  /** Columns that hold times, with where the description says so. */
  times: readonly { path: string; time: SourceTime }[]
  /** Columns that hold amounts, which must be exact. */
  amounts: readonly SourceAmount[]
  /** Of the columns; known when they were looked up. */
  types: Map<string, ColumnType>
}

export interface SourceAmount {
  path: string
  column: string
  decimals: number
}

/** In the order in which they are read: what a vote is worth is known before the vote. */
export function tablesOf(description: SourceDescription): SourceTable[] {
  return [
    partnersTable(description),
    ratesTable(description),
    eccTable(description),
    votesTable(description),
  ].filter((table) => table !== undefined)
}

function partnersTable({ partners }: SourceDescription): SourceTable | undefined {
  if (partners === undefined) return undefined
  const { table, columns } = partners
  return tableOf({ kind: 'partner', path: 'partners', table, columns, key: [columns.partner] })
}

function ratesTable({ rates }: SourceDescription): SourceTable | undefined {
  if (rates === undefined) return undefined
  const { columns } = rates
  const time = { path: 'rates.columns.from', time: columns.from }
  const amount = amountOf('rates.columns.unitsPerCc', columns.unitsPerCc)
  return tableOf({
    kind: 'rate',
    path: 'rates',
    ...rates,
    key: [columns.from.column],
    time,
    amount,
  })
}

/** An ECC may be a double, as it often is: the shortest text that reads as the same double is taken. */
function eccTable({ ecc }: SourceDescription): SourceTable | undefined {
  if (ecc === undefined) return undefined
  const day = dayOf(ecc.columns.day)
  const time = { path: 'ecc.columns.day', time: day }
  return tableOf({ kind: 'ecc', path: 'ecc', ...ecc, key: [ecc.columns.partner, day.column], time })
}

function dayOf(day: string | SourceTime): SourceTime {
  return typeof day === 'string' ? { column: day, unit: 'day' } : day
}

function votesTable({ votes }: SourceDescription): SourceTable | undefined {
  if (votes === undefined) return undefined
  const { key, at, cc } = votes.columns
  const time = { path: 'votes.columns.at', time: at }
  const amount = amountOf('votes.columns.cc', cc)
  return tableOf({ kind: 'vote', path: 'votes', ...votes, key, time, amount })
}

/** A value that is the same in every row is none. */
function amountOf(path: string, value: ValueOf | SourceRate): SourceAmount | undefined {
  if (typeof value === 'string') return { path, column: value, decimals: 0 }
  return 'column' in value ? { path, ...value } : undefined
}

/** The columns that a mapping reads, whatever the kind of each entry. */
interface Given {
  kind: RowKind
  path: string
  table: string[]
  columns: object
  key: string[]
  watermark?: SourceTime | undefined
  time?: { path: string; time: SourceTime }
  amount?: SourceAmount | undefined
}

function tableOf(given: Given): SourceTable {
  const { kind, path, table, columns, key, watermark, time, amount } = given
  const mark = watermark ?? time?.time
  const times = [time, watermark && { path: `${path}.watermark`, time: watermark }]
  return {
    kind,
    path,
    name: table,
    columns: [...new Set([...namesIn(columns), ...(mark === undefined ? [] : [mark.column])])],
    key,
    times: times.filter((each) => each !== undefined),
    amounts: amount === undefined ? [] : [amount],
    types: new Map(),
    ...(mark !== undefined && { watermark: mark }),
  }
}

const TYPES_OF_UNIT: Record<SourceTime['unit'], readonly ColumnType[]> = {
  s: ['integer', 'decimal'],
  ms: ['integer', 'decimal'],
  iso: ['text'],
  day: ['date', 'text'],
  datetime: ['date', 'datetime', 'instant'],
}

/** What the types of the columns do not bear. */
export function typeFaults({ times, amounts, types }: SourceTable): string[] {
  const ofTimes = times.flatMap(({ path, time }) => timeFaults(path, time, types.get(time.column)))
  const ofAmounts = amounts
    .filter(({ column }) => types.get(column) === 'float')
    .map(({ path, column }) => `${path}: ${column} is a float, which is not exact`)
  return [...ofTimes, ...ofAmounts]
}

function timeFaults(path: string, time: SourceTime, type: ColumnType = 'other'): string[] {
  const { unit, column, offset } = time
  const wanted = TYPES_OF_UNIT[unit]
  if (!wanted.includes(type)) {
    return [`${path}: the unit ${unit} is for a column of ${wanted.join(' or ')}, not ${type}`]
  }
  const isZoned = type === 'instant' && offset !== undefined
  return isZoned ? [`${path}: ${column} has its zone itself, without an offset`] : []
}
