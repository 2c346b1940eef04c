import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import type { CsvFault } from '../../../base/csv.ts'
import { KeeperError, ensure, isKeeperError, messageOf } from '../../../base/errors.ts'

/** A row of the file by the names of its header. */
export interface CsvLine {
  line: number
  cells: Record<string, string>
  /** It has not as many columns as the header. */
  fault?: string
}

export interface CsvLimits {
  /** As it is read, after unpacking: what a small archive may grow to. */
  unpackedBytes: number
  /** Of one row: one quote that is never closed makes a row of all the rest. */
  rowCharacters: number
}

export const CSV_LIMITS: CsvLimits = {
  // A million votes of the real file are 30 MB, of the one with hashes 140 MB.
  unpackedBytes: 512 * 1024 * 1024,
  // The columns of a vote have some hundred characters; a comment beside them a few thousand.
  rowCharacters: 64 * 1024,
}

/** A stream of the file's rows, unpacked where its name ends in .gz; never more of it in memory than some rows. */
export async function* readCsvFile(
  file: string,
  columns: readonly string[],
  limits: CsvLimits = CSV_LIMITS,
): AsyncGenerator<CsvLine> {
  let line = 0
  try {
    ensure((await stat(file)).isFile(), 'FILE_UNREADABLE', { file, reason: 'it is no file' })
    const parser = parse({
      columns: (header: string[]) => headerOf(header, columns, file),
      trim: true,
      skip_empty_lines: true,
      info: true,
      // Rows of a wrong length get through here, so that their fault is listed with the others.
      relax_column_count: true,
      max_record_size: limits.rowCharacters,
    })
    // Errors of either reach the loop through the parser, and its end ends the reading.
    pipeline(Readable.from(textOf(file, limits)), parser, () => {})
    for await (const { info, record } of parser as AsyncIterable<ReadRow>) {
      line = info.lines
      yield { line, cells: record, ...(info.error ? { fault: WRONG_LENGTH } : {}) }
    }
  } catch (error) {
    throw refusalOf(error, file, line)
  }
  if (line === 0) await refuseEmpty(file)
}

const WRONG_LENGTH = 'not as many columns as the header'

interface ReadRow {
  info: { lines: number; error?: Error }
  record: Record<string, string>
}

/** UTF-8 and nothing else: two ids that are written in another way must not become one. */
async function* textOf(file: string, { unpackedBytes }: CsvLimits): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let bytes = 0
  for await (const chunk of bytesOf(file)) {
    bytes += chunk.length
    if (bytes > unpackedBytes) throw faultAt(file, 1, `longer than ${unpackedBytes} bytes`)
    yield decoder.decode(chunk, { stream: true })
  }
  yield decoder.decode()
}

function bytesOf(file: string): AsyncIterable<Buffer> {
  const packed = createReadStream(file)
  return file.endsWith('.gz') ? pipeline(packed, createGunzip(), () => {}) : packed
}

function headerOf(header: string[], columns: readonly string[], file: string): string[] {
  const faults = columns.flatMap((name) => {
    const times = header.filter((each) => each === name).length
    if (times === 1) return []
    return [times === 0 ? `there is no column ${name}` : `column ${name} is there ${times} times`]
  })
  if (faults.length === 0) return header
  const named = `the header is "${header.join(',').slice(0, MAX_HEADER_SHOWN)}"`
  throw faultAt(file, 1, `${named}: ${faults.join(', ')}`)
}

// Enough to see which file it is.
const MAX_HEADER_SHOWN = 200

async function refuseEmpty(file: string): Promise<void> {
  const { size } = await stat(file)
  if (size === 0) throw faultAt(file, 1, 'there is no header')
}

export function invalidCsv(file: string, faults: CsvFault[], total: number): KeeperError {
  return new KeeperError('CSV_INVALID', { file, faults, total })
}

function faultAt(file: string, line: number, fault: string): KeeperError {
  return invalidCsv(file, [{ line, fault }], 1)
}

function refusalOf(error: unknown, file: string, line: number): KeeperError {
  if (isKeeperError(error)) return error
  if (error instanceof CsvError) {
    return faultAt(file, Number(error['lines'] ?? line + 1), messageOf(error))
  }
  const { code } = error as { code?: string }
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
    return faultAt(file, line + 1, 'not UTF-8 from about here on')
  }
  return new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
}
