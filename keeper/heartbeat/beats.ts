import { createReadStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import type { CsvFault } from '../base/csv.ts'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import { addressSchema } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import { isOnline } from './hour-rule.ts'

export interface Beat {
  node: Address
  expected: number
  seen: number
}

export interface Beats {
  file: string
  rows: number
  firstHour: Hour
  lastHour: Hour
  nodes: ReadonlySet<Address>
  /** Undefined when the file has no row of that hour: nobody looked, which is not "nobody was up". */
  of(hour: Hour): readonly Beat[] | undefined
}

// 100,000 validators for two days; what is kept of a row is about 60 bytes.
export const MAX_BEAT_ROWS = 5_000_000
// A file of another kind has a fault in every row; the first hundred tell enough.
const MAX_FAULTS_LISTED = 100
// Three numbers and an address: no honest row comes near.
const MAX_ROW_CHARACTERS = 1_000
// A beat a second: more cannot be due in an hour.
const MAX_BEATS_PER_HOUR = 3_600

const HEADER = ['validator', 'hour', 'beats_expected', 'beats_seen']
const NUMBER = /^\d{1,9}$/

/** Reads a CSV, plain or .gz, as a stream. Either all rows, or one error with every fault and its line. */
export async function readBeats(file: string): Promise<Beats> {
  const collector = new Collector(file)
  try {
    await readRows(file, collector)
  } catch (error) {
    if (isKeeperError(error)) throw error
    if (!(error instanceof CsvError)) {
      throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) }, error)
    }
    collector.fault(Number(error['lines'] ?? 1), messageOf(error))
  }
  return collector.finish()
}

async function readRows(file: string, collector: Collector): Promise<void> {
  const parser = parse({
    bom: true,
    trim: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_ROW_CHARACTERS,
  })
  const collect = async (rows: AsyncIterable<Row>): Promise<void> => {
    for await (const { info, record } of rows) collector.add(info.lines, record)
  }
  const unzip = file.endsWith('.gz') ? createGunzip() : new PassThrough()
  await pipeline(createReadStream(file), unzip, parser, collect)
}

interface Row {
  info: { lines: number }
  record: string[]
}

class Collector {
  readonly #file: string
  readonly #hours = new Map<Hour, Map<Address, Beat>>()
  // Each address is written in every hour: it is checked once.
  readonly #nodes = new Map<string, Address | undefined>()
  readonly #faults: CsvFault[] = []
  #faultCount = 0
  #rows = 0
  #columns: number[] | undefined

  constructor(file: string) {
    this.#file = file
  }

  fault(line: number, fault: string): void {
    this.#faultCount += 1
    if (this.#faults.length < MAX_FAULTS_LISTED) this.#faults.push({ line, fault })
  }

  add(line: number, record: string[]): void {
    if (this.#columns === undefined) {
      this.#columns = HEADER.map((name) => record.indexOf(name))
      const missing = HEADER.filter((name) => !record.includes(name))
      if (missing.length > 0) this.fault(line, `the header has no column ${missing.join(', ')}`)
      return
    }
    // Without the columns every row would be a fault: the header's fault says it once.
    if (this.#columns.includes(-1)) return
    this.#rows += 1
    if (this.#rows > MAX_BEAT_ROWS) throw this.#error([`more than ${MAX_BEAT_ROWS} rows`])
    this.#addRow(
      line,
      this.#columns.map((column) => record[column] ?? ''),
    )
  }

  #addRow(
    line: number,
    [validator = '', hourText = '', expectedText = '', seenText = '']: string[],
  ) {
    const node = this.#nodeOf(validator)
    if (node === undefined) return this.fault(line, `validator: "${validator}" is not an address`)
    const fault = numberFault(hourText, expectedText, seenText)
    if (fault !== undefined) return this.fault(line, fault)
    const hour = Number(hourText)
    const beats = this.#hours.get(hour) ?? new Map<Address, Beat>()
    if (beats.has(node)) return this.fault(line, `${validator} is listed twice for hour ${hour}`)
    beats.set(node, { node, expected: Number(expectedText), seen: Number(seenText) })
    this.#hours.set(hour, beats)
  }

  #nodeOf(text: string): Address | undefined {
    if (this.#nodes.has(text)) return this.#nodes.get(text)
    const node = addressSchema.safeParse(text).data
    this.#nodes.set(text, node)
    return node
  }

  finish(): Beats {
    if (this.#rows === 0 && this.#faultCount === 0) this.fault(1, 'the file has no rows')
    if (this.#faultCount > 0) throw this.#error(this.#faults, this.#faultCount)
    const hours = [...this.#hours.keys()].sort((a, b) => a - b)
    const lists = new Map([...this.#hours].map(([hour, beats]) => [hour, [...beats.values()]]))
    return {
      file: this.#file,
      rows: this.#rows,
      firstHour: hours[0] ?? 0,
      lastHour: hours.at(-1) ?? 0,
      nodes: new Set([...this.#nodes.values()].filter((node) => node !== undefined)),
      of: (hour) => lists.get(hour),
    }
  }

  #error(faults: unknown[], total = faults.length): KeeperError {
    return new KeeperError('BEATS_INVALID', { file: this.#file, faults, total })
  }
}

function numberFault(hour: string, expected: string, seen: string): string | undefined {
  if (!NUMBER.test(hour)) return `hour: "${hour}" is not a whole number of hours since 1970`
  if (!NUMBER.test(expected)) return `beats_expected: "${expected}" is not a whole number`
  if (!NUMBER.test(seen)) return `beats_seen: "${seen}" is not a whole number`
  if (Number(expected) > MAX_BEATS_PER_HOUR) return `beats_expected: ${expected} in an hour`
  if (Number(seen) > Number(expected)) return `beats_seen: ${seen} of ${expected}`
  return undefined
}

/** The nodes that the hourly rule counts as up; a node without a row was not heard. */
export function onlineIn(beats: readonly Beat[]): Address[] {
  return beats.filter(({ seen, expected }) => isOnline(seen, expected)).map(({ node }) => node)
}
