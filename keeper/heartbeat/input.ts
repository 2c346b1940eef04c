import { open, readFile, stat } from 'node:fs/promises'
import { parse } from 'csv-parse/sync'
import { KeeperError, messageOf } from '../base/errors.ts'
import { addressSchema } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { SECONDS_PER_HOUR, isoTime, parseIso, startOfHour } from '../base/time.ts'
import type { Hour } from '../base/time.ts'
import { onlineIn, readBeats } from './beats.ts'
import { hexToWords } from './words.ts'

/** What a file says about an hour: addresses still to be looked up, or the bitmap itself. */
export type OnlineInput =
  | { form: 'beats' | 'list'; nodes: Address[]; file: string }
  | { form: 'bitmap'; words: bigint[]; file: string }

// A list of 131,072 node addresses, the most the contract takes, is 6 MB.
const MAX_LIST_BYTES = 16 * 1024 * 1024
const MAX_FAULTS_LISTED = 100
const NODE_COLUMNS = ['node', 'validator', 'address']
// hour < 2^27 is the year 17,281; unix seconds of the last decades are far above it.
const MAX_HOUR_NUMBER = 2 ** 27
const HEAD_BYTES = 200

/** The four forms of `--from`: beats CSV (also .gz), node addresses (text, CSV, JSON), bitmap in hex. */
export async function readOnline(file: string, hour: Hour): Promise<OnlineInput> {
  if (await isBeatsFile(file)) return readFromBeats(file, hour)
  const text = await readText(file)
  const words = hexToWords(text)
  if (words !== undefined) return { form: 'bitmap', words, file }
  return {
    form: 'list',
    nodes: text.trimStart().startsWith('[') ? fromJson(text, file) : fromText(text, file),
    file,
  }
}

async function isBeatsFile(file: string): Promise<boolean> {
  if (file.endsWith('.gz')) return true
  const head = await readHead(file)
  return head.includes('beats_seen')
}

async function readFromBeats(file: string, hour: Hour): Promise<OnlineInput> {
  const beats = (await readBeats(file)).of(hour)
  if (beats === undefined) throw invalid(file, [`no beats of hour ${hour}`])
  return { form: 'beats', nodes: onlineIn(beats), file }
}

/** An hour number, unix seconds, or an ISO time; anything inside an hour is refused with both neighbours. */
export function parseHour(text: string): Hour {
  const seconds = secondsOf(text.trim())
  const hour = Math.floor(seconds / SECONDS_PER_HOUR)
  if (seconds % SECONDS_PER_HOUR === 0) return hour
  const [hourStart, nextStart] = [isoTime(startOfHour(hour)), isoTime(startOfHour(hour + 1))]
  throw new KeeperError('HOUR_MISALIGNED', { text, hourStart, nextStart })
}

function secondsOf(text: string): number {
  if (!/^\d{1,11}$/.test(text)) return secondsOfIso(text)
  const number = Number(text)
  return number < MAX_HOUR_NUMBER ? number * SECONDS_PER_HOUR : number
}

function secondsOfIso(text: string): number {
  try {
    return parseIso(text)
  } catch {
    throw new KeeperError('HOUR_INVALID', { text })
  }
}

function fromJson(text: string, file: string): Address[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (error) {
    throw invalid(file, [messageOf(error)])
  }
  if (!Array.isArray(entries)) throw invalid(file, ['not a JSON array of node addresses'])
  return checked(
    file,
    entries.map((value: unknown, i) => ({ where: `entry ${i}`, value })),
  )
}

function fromText(text: string, file: string): Address[] {
  let rows: { info: { lines: number }; record: string[] }[]
  try {
    const options = { bom: true, trim: true, info: true, relax_column_count: true }
    rows = parse(text, {
      ...options,
      skip_empty_lines: true,
      comment: '#',
    }) as unknown as typeof rows
  } catch (error) {
    throw invalid(file, [messageOf(error)])
  }
  const header = rows[0]?.record.map((name) => name.toLowerCase()) ?? []
  const column = header.findIndex((name) => NODE_COLUMNS.includes(name))
  const body = column === -1 ? rows : rows.slice(1)
  return checked(
    file,
    body.map(({ info, record }) => ({
      where: `line ${info.lines}`,
      value: record[Math.max(0, column)],
    })),
  )
}

/** Listed twice counts once (Z-03), but every value must be an address. */
function checked(file: string, values: { where: string; value: unknown }[]): Address[] {
  const nodes = new Set<Address>()
  const faults: string[] = []
  for (const { where, value } of values) {
    const { data } = addressSchema.safeParse(value)
    if (data === undefined) faults.push(`${where}: ${JSON.stringify(value)} is not an address`)
    else nodes.add(data)
  }
  if (faults.length > 0) throw invalid(file, faults)
  return [...nodes]
}

async function readHead(file: string): Promise<string> {
  try {
    const handle = await open(file)
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}

async function readText(file: string): Promise<string> {
  if ((await stat(file)).size > MAX_LIST_BYTES) {
    throw invalid(file, [`longer than ${MAX_LIST_BYTES} bytes`])
  }
  return readFile(file, 'utf8')
}

function invalid(file: string, faults: string[]): KeeperError {
  const listed = faults.slice(0, MAX_FAULTS_LISTED)
  return new KeeperError('SNAPSHOT_INPUT_INVALID', { file, faults: listed, total: faults.length })
}
