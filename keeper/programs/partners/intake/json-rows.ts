import { KeeperError } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { RowKind } from './conflicts.ts'
import { columnsOf } from './csv-map.ts'
import { faultsOfRow } from './land.ts'
import type { Rows } from './land.ts'
import { readEcc, readPartner, readRate, readVote } from './row-reader.ts'
import type { Cells, Read } from './row-reader.ts'

// A call of other rows than it should be has a fault in each; a hundred tell enough.
const MAX_FAULTS_LISTED = 100
const COLUMNS = columnsOf({})

const FIELDS: { [Kind in RowKind]: readonly string[] } = {
  vote: ['key', 'partner', 'cc', 'type', 'at'],
  ecc: ['partner', 'day', 'ecc'],
  rate: ['from', 'unitsPerCc'],
  partner: ['partner', 'special'],
}

/**
 * Rows as JSON, in the names of the CSV's columns, each as a string or a whole number (an instant: ISO, or unix
 * seconds). A number with a fraction was rounded before it came here, and is refused. All rows, or all faults.
 */
export function readJsonRows<Kind extends RowKind>(
  kind: Kind,
  values: readonly unknown[],
  now: UnixSeconds,
): Rows[Kind][] {
  const rows: Rows[Kind][] = []
  const listed: string[] = []
  let total = 0
  values.forEach((value, at) => {
    const row = readJsonRow(kind, value)
    const faults = 'faults' in row ? row.faults : faultsOfRow(kind, row.value, now)
    if ('value' in row) rows.push(row.value)
    total += faults.length
    const room = MAX_FAULTS_LISTED - listed.length
    listed.push(...faults.slice(0, room).map((fault) => `row ${at + 1}: ${fault}`))
  })
  if (total > 0) throw new KeeperError('PARTNERS_ROWS_INVALID', { kind, faults: listed, total })
  return rows
}

function readJsonRow<Kind extends RowKind>(kind: Kind, value: unknown): Read<Rows[Kind]> {
  const cells = cellsOf(FIELDS[kind], value)
  return 'faults' in cells ? cells : READERS[kind](cells.value)
}

const READERS: { [Kind in RowKind]: (cells: Cells) => Read<Rows[Kind]> } = {
  vote: (cells) =>
    readVote({ ...COLUMNS.votes, at: { column: 'at', unit: unitOf(cells['at']) } }, cells),
  // The day is given as a day: no zone is asked for.
  ecc: (cells) => readEcc(COLUMNS.ecc, cells, 'UTC'),
  rate: (cells) =>
    readRate(
      { from: { column: 'from', unit: unitOf(cells['from']) }, unitsPerCc: 'unitsPerCc' },
      cells,
    ),
  partner: (cells) => readPartner(COLUMNS.partners, cells),
}

function unitOf(text: string | null | undefined): 's' | 'iso' {
  return /^\d+$/.test(text ?? '') ? 's' : 'iso'
}

function cellsOf(fields: readonly string[], value: unknown): Read<Cells> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { faults: ['not an object'] }
  }
  const cells: Record<string, string> = {}
  const faults: string[] = []
  for (const [name, given] of Object.entries(value)) {
    const text = textOf(given)
    if (!fields.includes(name)) faults.push(`unknown field: only ${fields.join(', ')}`)
    else if (text === undefined) faults.push(`${name}: neither a string nor a whole number`)
    else cells[name] = text
  }
  const missing = fields.filter((name) => !Object.hasOwn(value, name))
  faults.push(...missing.map((name) => `${name}: is missing`))
  return faults.length > 0 ? { faults } : { value: cells }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) || typeof value === 'boolean' ? String(value) : undefined
}
