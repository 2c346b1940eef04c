import { readFile, stat } from 'node:fs/promises'
import { isAddress } from 'ethers'
import { z } from 'zod'
import { parseCsv } from '../base/csv.ts'
import type { CsvFault, CsvRow } from '../base/csv.ts'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import { addressSchema, faultsOf } from '../base/schema.ts'
import { WORD } from '../heartbeat/words.ts'
import type { Roster } from './roster.ts'
import { FOREVER } from './roster.ts'

// 131,072 validators, the most the contract takes, are 13 MB.
const MAX_FILE_BYTES = 32 * 1024 * 1024
const MAX_FAULTS_LISTED = 100
// The contract keeps a weight in 96 bits.
const MAX_WEIGHT = 2n ** 96n - 1n

const payableAddress = z
  .string({ required_error: 'is missing' })
  .superRefine((text, context) => {
    const fault = addressFault(text)
    if (fault !== undefined) context.addIssue({ code: z.ZodIssueCode.custom, message: fault })
  })
  .pipe(addressSchema)

const weight = z
  .union([z.string(), z.number().int().nonnegative()])
  .transform(String)
  .refine(
    (text) => /^\d{1,29}$/.test(text) && BigInt(text) <= MAX_WEIGHT,
    'not a whole number below 2^96',
  )
  .transform(BigInt)

const rowSchema = z.object({
  node: payableAddress,
  fund: payableAddress,
  weight: weight.default('1'),
})

/** A validator as a file names it; without the column every weight is 1. */
export type RosterRow = z.output<typeof rowSchema>

function addressFault(text: string): string | undefined {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return 'not an address (0x and 40 hex digits)'
  if (!isAddress(text)) return 'its checksum is wrong (write it in lower case, or correct it)'
  return /^0x0{40}$/.test(text) ? 'the zero address' : undefined
}

export async function readRosterFile(file: string): Promise<RosterRow[]> {
  let text: string
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) throw invalid(file, [`longer than ${MAX_FILE_BYTES} bytes`])
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
  return parseRosterFile(text, file)
}

/** CSV with the header node,fund,weight, or a JSON array of such objects. All faults, or all rows. */
export function parseRosterFile(text: string, file: string): RosterRow[] {
  if (/^\s*[[{]/.test(text)) return parseJson(text, file)
  const rows = parseCsv(text, { file, rowSchema, columns: ['node', 'fund'], check: duplicatesOf })
  if (rows.length === 0) throw invalid(file, ['it names no validators'])
  return rows.map(({ value }) => value)
}

function parseJson(text: string, file: string): RosterRow[] {
  let entries: unknown
  try {
    entries = JSON.parse(text)
  } catch (error) {
    throw invalid(file, [messageOf(error)])
  }
  if (!Array.isArray(entries)) throw invalid(file, ['not a JSON array'])
  if (entries.length === 0) throw invalid(file, ['it names no validators'])
  const rows: CsvRow<RosterRow>[] = []
  const faults: string[] = []
  for (const [i, entry] of entries.entries()) {
    const result = rowSchema.safeParse(entry)
    if (result.success) rows.push({ line: i + 1, value: result.data })
    else faults.push(...faultsOf(result.error).map((fault) => `entry ${i + 1}: ${fault}`))
  }
  faults.push(...duplicatesOf(rows).map(({ line, fault }) => `entry ${line}: ${fault}`))
  if (faults.length > 0) throw invalid(file, faults)
  return rows.map(({ value }) => value)
}

/** Several nodes may share a fund address; a node has one entry. */
function duplicatesOf(rows: CsvRow<RosterRow>[]): CsvFault[] {
  const first = new Map<string, number>()
  return rows.flatMap(({ line, value: { node } }) => {
    const earlier = first.get(node)
    if (earlier !== undefined)
      return [{ line, fault: `node: ${node} is in line ${earlier} already` }]
    first.set(node, line)
    return []
  })
}

function invalid(file: string, faults: string[]): KeeperError {
  const listed = faults.slice(0, MAX_FAULTS_LISTED)
  return new KeeperError('ROSTER_INVALID', { file, faults: listed, total: faults.length })
}

/** Before anything is sent: a known node would make the whole transaction revert. */
export function refuseKnown(rows: readonly RosterRow[], { byNode }: Roster): void {
  const known = rows.filter(({ node }) => byNode.get(node)?.activeTo === FOREVER)
  if (known.length === 0) return
  const nodes = known.slice(0, MAX_FAULTS_LISTED).map(({ node }) => node)
  throw new KeeperError('NODE_KNOWN', { nodes, total: known.length })
}

/**
 * One transaction a roster word: a change rewrites a word's page, so a batch that straddles two words
 * would pay for two pages. The first one fills up the word that is begun.
 */
export function toBatches(rows: readonly RosterRow[], firstIndex: number): RosterRow[][] {
  const batches: RosterRow[][] = []
  for (let done = 0; done < rows.length;) {
    const room = WORD - ((firstIndex + done) % WORD)
    batches.push(rows.slice(done, done + room))
    done += room
  }
  return batches
}

/** For a move to a new deployment: the validators that count from now on. */
export function rosterCsv({ entries }: Roster): string {
  const rows = entries.filter(({ activeTo }) => activeTo === FOREVER)
  const lines = rows.map(({ node, fund, weight }) => `${node},${fund},${weight}`)
  return `${['node,fund,weight', ...lines].join('\n')}\n`
}
