import { CsvError, parse } from 'csv-parse/sync'
import type { z } from 'zod'
import { KeeperError, messageOf } from './errors.ts'
import { faultsOf } from './schema.ts'

export interface CsvRow<T> {
  line: number
  value: T
}

export interface CsvFault {
  line: number
  fault: string
}

export interface CsvOptions<Schema extends z.ZodTypeAny> {
  /** Named in the error. */
  file: string
  rowSchema: Schema
  /** Columns without which no row can be right: their lack is one fault, of the header. */
  columns?: readonly string[]
  /** Faults that only show when rows are seen together, for instance duplicates. */
  check?: (rows: CsvRow<z.output<Schema>>[]) => CsvFault[]
}

// A roster of 100,000 validators is about 10 MB; more than this is not a file for an import.
const MAX_CSV_CHARACTERS = 64 * 1024 * 1024
// A file of another kind has a fault in every row; the first hundred tell enough.
const MAX_FAULTS_LISTED = 100

/** Either every row, or one error with every fault and its line: an import is whole or nothing. */
export function parseCsv<Schema extends z.ZodTypeAny>(
  text: string,
  options: CsvOptions<Schema>,
): CsvRow<z.output<Schema>>[] {
  const rows: CsvRow<z.output<Schema>>[] = []
  const faults: CsvFault[] = []
  const records = readRecords(text, options.file)
  requireColumns(records[0]?.record, options)
  for (const { line, record, fault } of records) {
    if (fault !== undefined) {
      faults.push({ line, fault })
      continue
    }
    const result = options.rowSchema.safeParse(record)
    if (result.success) rows.push({ line, value: result.data as z.output<Schema> })
    else faults.push(...faultsOf(result.error).map((fault) => ({ line, fault })))
  }
  faults.push(...(options.check?.(rows) ?? []))
  if (faults.length > 0) throw invalid(options.file, faults)
  return rows
}

function requireColumns(
  record: Record<string, string> | undefined,
  { file, columns = [] }: { file: string; columns?: readonly string[] },
): void {
  if (record === undefined) return
  const found = Object.keys(record)
  const missing = columns.filter((name) => !found.includes(name))
  if (missing.length === 0) return
  const fault = `the header is "${found.join(',')}", without ${missing.join(' and ')}`
  throw invalid(file, [{ line: 1, fault }])
}

function invalid(file: string, faults: CsvFault[]): KeeperError {
  const listed = faults.sort((a, b) => a.line - b.line).slice(0, MAX_FAULTS_LISTED)
  return new KeeperError('CSV_INVALID', { file, faults: listed, total: faults.length })
}

interface RawRecord {
  line: number
  record: Record<string, string>
  fault?: string | undefined
}

function readRecords(text: string, file: string): RawRecord[] {
  if (text.length > MAX_CSV_CHARACTERS) {
    throw invalid(file, [{ line: 1, fault: `longer than ${MAX_CSV_CHARACTERS} characters` }])
  }
  const shape = { columns: true, trim: true, bom: true, skip_empty_lines: true, info: true }
  try {
    // Rows of a wrong length get through here, so that their fault is listed with the others.
    const read = parse(text, { ...shape, relax_column_count: true }) as unknown as ReadRow[]
    return read.map(({ info, record }) => ({
      line: info.lines,
      record,
      fault: info.error && 'not as many columns as the header',
    }))
  } catch (error) {
    const line = error instanceof CsvError ? Number(error['lines'] ?? 1) : 1
    throw invalid(file, [{ line, fault: messageOf(error) }])
  }
}

interface ReadRow {
  info: { lines: number; error?: Error }
  record: Record<string, string>
}
