import { dayAt, nextDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { parseDecimalDown } from '../../../base/decimal.ts'
import { KeeperError, isKeeperError } from '../../../base/errors.ts'
import { parseIso } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import { ECC_DECIMALS } from '../rules/ecc.ts'
import type {
  EccColumns,
  PartnerColumns,
  RateColumns,
  TimeOf,
  ValueOf,
  VoteColumns,
} from './columns.ts'
import type { EccRow, PartnerRow, RateRow, VoteRow } from './vote-rows.ts'

/** A row of a source as text, by the names of its columns. */
export type Cells = Readonly<Record<string, string | null | undefined>>

/** The row, or all that is wrong in how it is written; whether it may be taken in is another question. */
export type Read<T> = { value: T } | { faults: string[] }

const MS_PER_SECOND = 1_000
// What numeric(78, 0) holds.
const INTEGER = /^\d{1,78}$/
// Milliseconds of the year 9999 have 15 digits.
const UNIX = /^\d{1,15}$/
// A cell is shown in a fault that long: enough to find it.
const MAX_SHOWN = 40

export function readVote(columns: VoteColumns, cells: Cells): Read<VoteRow> {
  return gather({
    key: () => keyOf(columns.key, cells),
    partner: () => cell(cells, columns.partner),
    cc: () => integer(valueIn(columns.cc, cells)),
    type: () => valueIn(columns.type, cells),
    at: () => timeIn(columns.at, cells),
  })
}

export function readEcc(columns: EccColumns, cells: Cells, zone: string): Read<EccRow> {
  return gather({
    partner: () => cell(cells, columns.partner),
    day: () => dayIn(columns.day, cells, zone),
    ecc: () => parseDecimalDown(cell(cells, columns.ecc), ECC_DECIMALS),
  })
}

export function readRate(columns: RateColumns, cells: Cells): Read<RateRow> {
  return gather({
    from: () => timeIn(columns.from, cells),
    unitsPerCc: () => integer(cell(cells, columns.unitsPerCc)),
  })
}

export function readPartner(columns: PartnerColumns, cells: Cells): Read<PartnerRow> {
  return gather({
    partner: () => cell(cells, columns.partner),
    isSpecial: () => flag(valueIn(columns.special, cells)),
  })
}

type Readers<T> = { [Name in keyof T]: () => T[Name] }

/** Every field is tried, so that all faults of a row are told at once. */
function gather<T extends object>(readers: Readers<T>): Read<T> {
  const value: Partial<T> = {}
  const faults: string[] = []
  for (const name of Object.keys(readers) as (keyof T & string)[]) {
    try {
      value[name] = readers[name]()
    } catch (error) {
      if (!isKeeperError(error)) throw error
      faults.push(`${name}: ${faultOf(error)}`)
    }
  }
  return faults.length > 0 ? { faults } : { value: value as T }
}

function faultOf({ code, facts, message }: KeeperError): string {
  const { faults, text } = facts
  if (code === 'INPUT_INVALID' && Array.isArray(faults)) return faults.join(', ')
  // A sentence of the catalogue with the cell in it, whatever its length.
  return typeof text === 'string' ? message.replace(text, () => shorter(text)) : message
}

function invalid(fault: string): KeeperError {
  return new KeeperError('INPUT_INVALID', { what: 'cell', faults: [fault] })
}

/** Half of a surrogate pair, which a cut may leave, is nothing that the store takes. */
function shorter(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text
}

function cell(cells: Cells, column: string): string {
  const text = Object.hasOwn(cells, column) ? cells[column] : undefined
  if (text !== undefined && text !== null) return text
  throw invalid(text === null ? `column ${column} is null` : `there is no column ${column}`)
}

/** As JSON pointers escape: keys of different parts never read alike. */
function keyOf(columns: readonly string[], cells: Cells): string {
  const parts = columns.map((column) => cell(cells, column))
  if (parts.length === 1) return parts[0] ?? ''
  return parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
}

function valueIn(value: ValueOf, cells: Cells): string {
  return typeof value === 'string' ? cell(cells, value) : value.value
}

function integer(text: string): bigint {
  if (INTEGER.test(text)) return BigInt(text)
  throw invalid(`"${shorter(text)}" is not a whole number in digits`)
}

export function timeIn({ column, unit }: TimeOf, cells: Cells): UnixSeconds {
  const text = cell(cells, column)
  if (unit === 'iso') return parseIso(text)
  if (unit === 'day') return noonOf(text)
  if (!UNIX.test(text)) throw invalid(`"${shorter(text)}" is not a time in ${unit}`)
  return unit === 'ms' ? Math.floor(Number(text) / MS_PER_SECOND) : Number(text)
}

function noonOf(day: Day): UnixSeconds {
  // Checks the day, too.
  nextDay(day)
  return parseIso(`${day}T12:00:00Z`)
}

function dayIn(day: EccColumns['day'], cells: Cells, zone: string): Day {
  if (typeof day === 'string') return cell(cells, day)
  if (day.unit === 'day') return cell(cells, day.column)
  return dayAt(zone, timeIn(day, cells))
}

const FLAGS = new Map([
  ['1', true],
  ['0', false],
  ['true', true],
  ['false', false],
  ['yes', true],
  ['no', false],
])

function flag(text: string): boolean {
  const known = FLAGS.get(text.toLowerCase())
  if (known !== undefined) return known
  throw invalid(`"${shorter(text)}" is not 1 or 0, true or false, yes or no`)
}
