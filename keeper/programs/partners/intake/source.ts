import { isKeeperError } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { RowKind } from './conflicts.ts'
import { cleanCells, cleanTime, timeOfCells } from './clean-cells.ts'
import { readEcc, readPartner, readRate, readVote } from './row-reader.ts'
import type { Cells, Read } from './row-reader.ts'
import type { Rows } from './land.ts'
import { sourceInvalid } from './source-file.ts'
import type { SourceDescription } from './source-file.ts'
import { readPages } from './table-pages.ts'
import type { TableServer } from './table-server.ts'
import { tablesOf, typeFaults } from './source-tables.ts'
import type { SourceTable } from './source-tables.ts'

/** A row of a source: what it says, or why it cannot be read. */
export interface SourceRow<Kind extends RowKind> {
  read: Read<Rows[Kind]>
  /** As it is known to its source; of a row that cannot be read as well as it can be told. */
  key: string
  cells: Cells
  /** By the watermark; undefined: it is not readable, or the table has none. */
  at?: UnixSeconds
}

export interface Source {
  readonly name: string
  readonly overlapSeconds: number
  readonly kinds: readonly RowKind[]
  /** In the order of time, from an instant on; partners have none and come whole. */
  pages<Kind extends RowKind>(
    kind: Kind,
    since: UnixSeconds,
    zone: string,
  ): AsyncGenerator<SourceRow<Kind>[]>
  close(): Promise<void>
}

/** Every table and column is looked up, so that a description that does not fit is refused before anything is read. */
export async function openTables(
  description: SourceDescription,
  server: TableServer,
): Promise<Source> {
  const tables = tablesOf(description)
  const faults: string[] = []
  for (const table of tables) faults.push(...(await lookUp(table, server)))
  if (faults.length > 0) throw sourceInvalid(`the source ${description.name}`, faults)
  return {
    name: description.name,
    overlapSeconds: description.overlapSeconds,
    kinds: tables.map(({ kind }) => kind),
    close: () => server.close(),
    pages: (kind, since, zone) => {
      const table = tables.find((each) => each.kind === kind)
      if (table === undefined) throw sourceInvalid(description.name, [`${kind}: has no table`])
      return pagesOf(kind, description, table, server, { since, zone })
    },
  }
}

/** Also learns the types of its columns. */
async function lookUp(table: SourceTable, server: TableServer): Promise<string[]> {
  const columns = table.columns.map((name) => server.quote(name)).join(', ')
  const name = table.name.map((part) => server.quote(part)).join('.')
  try {
    const types = await server.types(`select ${columns} from ${name} limit 0`)
    for (const [at, column] of table.columns.entries()) {
      table.types.set(column, types[at] ?? 'other')
    }
    return typeFaults(table)
  } catch (error) {
    if (isKeeperError(error, 'PARTNERS_DATABASE_REFUSED')) {
      return [`${table.path}: ${String(error.facts['reason'])}`]
    }
    throw error
  }
}

async function* pagesOf<Kind extends RowKind>(
  kind: Kind,
  description: SourceDescription,
  table: SourceTable,
  server: TableServer,
  { since, zone }: { since: UnixSeconds; zone: string },
): AsyncGenerator<SourceRow<Kind>[]> {
  const read = readersOf(description, zone)[kind] as Readers[Kind]
  for await (const page of readPages(table, server, since, description.rowsPerPage)) {
    yield page.map((raw) => {
      const cells = cleanCells(table, raw)
      const at = table.watermark && timeOfCells(table.watermark, cells)
      const key = table.key.map((column) => cells[column] ?? '').join('/')
      return { read: read(cells), key, cells, ...(at !== undefined && { at }) }
    })
  }
}

/** By the same readers as rows of files, for the cells are as in a file by now. */
function readersOf(
  { votes, rates, ecc, partners }: SourceDescription,
  zone: string,
): Partial<Readers> {
  return {
    ...(votes && { vote: voteReader(votes.columns) }),
    ...(rates && { rate: rateReader(rates.columns) }),
    ...(ecc && { ecc: eccReader(ecc.columns, zone) }),
    ...(partners && { partner: (cells: Cells) => readPartner(partners.columns, cells) }),
  }
}

type Readers = { [Kind in RowKind]: (cells: Cells) => Read<Rows[Kind]> }
type Columns<Table extends 'votes' | 'rates' | 'ecc'> = Exclude<
  SourceDescription[Table],
  undefined
>['columns']

function voteReader(given: Columns<'votes'>): Readers['vote'] {
  const columns = { ...given, at: cleanTime(given.at) }
  return (cells) => readVote(columns, cells)
}

function rateReader({ from, unitsPerCc }: Columns<'rates'>): Readers['rate'] {
  const column = typeof unitsPerCc === 'string' ? unitsPerCc : unitsPerCc.column
  const columns = { from: cleanTime(from), unitsPerCc: column }
  return (cells) => readRate(columns, cells)
}

function eccReader(given: Columns<'ecc'>, zone: string): Readers['ecc'] {
  const { day } = given
  const columns = { ...given, day: typeof day === 'string' ? day : cleanTime(day) }
  return (cells) => readEcc(columns, cells, zone)
}
