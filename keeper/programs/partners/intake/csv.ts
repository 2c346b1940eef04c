import type { CsvFault } from '../../../base/csv.ts'
import { ensure } from '../../../base/errors.ts'
import type { KeeperError } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { namesIn } from './columns.ts'
import { NOTHING_LANDED, addLanded, tellLanded } from './conflicts.ts'
import type { IntakeRoom, Landed, RowKind } from './conflicts.ts'
import { invalidCsv, readCsvFile } from './csv-file.ts'
import type { CsvLimits, CsvLine } from './csv-file.ts'
import { columnsOf } from './csv-map.ts'
import type { CsvMap } from './csv-map.ts'
import { MAX_ROWS_A_CALL, MAX_ROWS_A_STATEMENT, faultsOfRow, takeRows } from './land.ts'
import type { Rows } from './land.ts'
import { readEcc, readPartner, readRate, readVote } from './row-reader.ts'
import type { Cells, Read } from './row-reader.ts'
import type { EccRow, PartnerRow, RateRow, VoteRow } from './vote-rows.ts'

export const CSV_KINDS = ['votes', 'ecc', 'rates', 'partners'] as const
export type CsvKind = (typeof CSV_KINDS)[number]

export interface CsvImport {
  kind: CsvKind
  file: string
  source: string
  map: CsvMap
  limits?: CsvLimits
  signal?: AbortSignal
  onProgress?(rows: number, total: number): void
  /** In the transaction of the rows, at its end. */
  alongside?(t: Db, imported: Imported): Promise<void>
}

export interface Imported extends Landed {
  rows: number
}

// A file of another kind has a fault in every row; the first hundred tell enough.
const MAX_FAULTS_LISTED = 100

/**
 * The whole file or nothing of it: first every row is looked at, without the store, then all are taken in, in one
 * transaction. A file, or a part of it, that comes again changes nothing.
 */
export function importCsv(room: IntakeRoom, asked: CsvImport): Promise<Imported> {
  return IMPORTS[asked.kind](room, asked)
}

const IMPORTS: {
  [Kind in CsvKind]: (room: IntakeRoom, asked: CsvImport) => Promise<Imported>
} = {
  votes: (room, asked) => {
    const { votes } = columnsOf(asked.map)
    const read = (cells: Cells): Read<VoteRow> => readVote(votes, cells)
    return importRows(room, asked, { kind: 'vote', columns: namesIn(votes), read })
  },
  ecc: (room, asked) => {
    const { ecc } = columnsOf(asked.map)
    const read = (cells: Cells): Read<EccRow> => readEcc(ecc, cells, room.zone)
    return importRows(room, asked, { kind: 'ecc', columns: namesIn(ecc), read })
  },
  rates: (room, asked) => {
    const { rates } = columnsOf(asked.map)
    const read = (cells: Cells): Read<RateRow> => readRate(rates, cells)
    return importRows(room, asked, { kind: 'rate', columns: namesIn(rates), read })
  },
  partners: (room, asked) => {
    const { partners } = columnsOf(asked.map)
    const read = (cells: Cells): Read<PartnerRow> => readPartner(partners, cells)
    return importRows(room, asked, { kind: 'partner', columns: namesIn(partners), read })
  },
}

interface Reader<Kind extends RowKind> {
  kind: Kind
  columns: string[]
  read(cells: Cells): Read<Rows[Kind]>
}

async function importRows<Kind extends RowKind>(
  room: IntakeRoom,
  asked: CsvImport,
  reader: Reader<Kind>,
): Promise<Imported> {
  const now = room.clock.now()
  const total = await checkRows(asked, reader, now)
  const imported = await room.db.begin(async (t) => {
    const landed = await landRows(t, asked, reader, { now, total })
    await asked.alongside?.(t, landed)
    return landed
  })
  const { rows: _, ...landed } = imported
  tellLanded(room, reader.kind, asked.source, landed)
  return imported
}

/** How many rows the file has; CSV_INVALID with every fault and its line. */
async function checkRows<Kind extends RowKind>(
  { file, limits, signal }: CsvImport,
  reader: Reader<Kind>,
  now: UnixSeconds,
): Promise<number> {
  const listed: CsvFault[] = []
  let [rows, faults] = [0, 0]
  for await (const each of readCsvFile(file, reader.columns, limits)) {
    if (rows % ROWS_A_LOOK === 0) signal?.throwIfAborted()
    rows += 1
    if (rows > MAX_ROWS_A_CALL) throw tooMany(file, each.line)
    for (const fault of faultsIn(each, reader, now)) {
      faults += 1
      if (listed.length < MAX_FAULTS_LISTED) listed.push({ line: each.line, fault })
    }
  }
  if (faults > 0) throw invalidCsv(file, listed, faults)
  return rows
}

// Some milliseconds of work: nobody who stops an import waits longer.
const ROWS_A_LOOK = 1_000

function tooMany(file: string, line: number): KeeperError {
  const fault = `more than ${MAX_ROWS_A_CALL} rows: split the file`
  return invalidCsv(file, [{ line, fault }], 1)
}

function faultsIn<Kind extends RowKind>(
  { cells, fault }: CsvLine,
  { kind, read }: Reader<Kind>,
  now: UnixSeconds,
): string[] {
  if (fault !== undefined) return [fault]
  const row = read(cells)
  return 'faults' in row ? row.faults : faultsOfRow(kind, row.value, now)
}

async function landRows<Kind extends RowKind>(
  t: Db,
  { file, limits, signal, source, onProgress }: CsvImport,
  { kind, columns, read }: Reader<Kind>,
  { now, total }: { now: UnixSeconds; total: number },
): Promise<Imported> {
  let [rows, landed] = [0, NOTHING_LANDED]
  let part: Rows[Kind][] = []
  const take = async (): Promise<void> => {
    landed = addLanded(landed, await takeRows(t, kind, source, part, now))
    rows += part.length
    part = []
    onProgress?.(rows, total)
    signal?.throwIfAborted()
  }
  for await (const { cells } of readCsvFile(file, columns, limits)) {
    const row = read(cells)
    // Every row was looked at a moment ago: now it is another file.
    ensure('value' in row, 'FILE_UNREADABLE', { file, reason: 'it was changed meanwhile' })
    part.push(row.value)
    if (part.length === MAX_ROWS_A_STATEMENT) await take()
  }
  if (part.length > 0) await take()
  ensure(rows === total, 'FILE_UNREADABLE', { file, reason: 'it was changed meanwhile' })
  return { rows, ...landed }
}
