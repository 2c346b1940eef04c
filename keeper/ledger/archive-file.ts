import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { z } from 'zod'
import { KeeperError, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { TransferRow } from './chain.ts'
import { lineOf } from './chain.ts'

export interface EntryRow {
  transfer: bigint
  seq: bigint
  account: number
  amount: string
  balance: string
}

export type ArchiveRow = { kind: 'transfer'; row: TransferRow } | { kind: 'entry'; row: EntryRow }

const FORMAT = 'muster-ledger/1'

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  month: z.number().int(),
  transfers: z.coerce.bigint(),
  entries: z.coerce.bigint(),
  firstBatch: z.coerce.bigint(),
  lastBatch: z.coerce.bigint(),
  /** Hash of the batch before the first, and of the last: the file's place in the chain. */
  previousHash: z.string(),
  lastHash: z.string(),
  file: z.string(),
  /** Of the compressed file. */
  sha256: z.string(),
})

export type Manifest = Omit<z.infer<typeof manifestSchema>, 'format'>

export const fileName = (month: number): string => `ledger-${month}.tsv.gz`
export const manifestName = (month: number): string => `ledger-${month}.json`

/** Compressed lines, on the disk for good before the name is there; its SHA-256. */
export async function writeRows(file: string, rows: AsyncIterable<ArchiveRow>): Promise<string> {
  const part = `${file}.part`
  await pipeline(Readable.from(linesOf(rows)), createGzip(), createWriteStream(part))
  await settle(part, file)
  return sha256Of(file)
}

async function* linesOf(rows: AsyncIterable<ArchiveRow>): AsyncGenerator<string> {
  for await (const { kind, row } of rows) {
    yield kind === 'transfer' ? `t\t${lineOf(row)}\n` : `e\t${entryLineOf(row)}\n`
  }
}

function entryLineOf({ transfer, seq, account, amount, balance }: EntryRow): string {
  return [transfer, seq, account, amount, balance].join('\t')
}

export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  await writeFile(`${path}.part`, `${toJson({ format: FORMAT, ...manifest }, 2)}\n`)
  await settle(`${path}.part`, path)
}

/** LEDGER_ARCHIVE_DAMAGED when it is none. */
export async function readManifest(path: string): Promise<Manifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    throw damaged(path, messageOf(error))
  }
}

export function damaged(file: string, fault: string): KeeperError {
  return new KeeperError('LEDGER_ARCHIVE_DAMAGED', { file, fault })
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export async function* readRows(file: string): AsyncGenerator<ArchiveRow> {
  const source = createReadStream(file)
  const text = createGunzip().setEncoding('utf8')
  source.on('error', (error) => text.destroy(error))
  source.pipe(text)
  // Not by readline, which also breaks at U+2028: a key may have one.
  let rest = ''
  for await (const chunk of text as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield rowOf(file, line.split('\t'))
  }
  if (rest !== '') throw damaged(file, 'its last line is not whole')
}

function rowOf(file: string, [kind, ...fields]: string[]): ArchiveRow {
  const [first = '', second = '', third, fourth = '', fifth = ''] = fields
  if (kind === 'e' && fields.length === 5) {
    const row = { transfer: BigInt(first), seq: BigInt(second), account: Number(third) }
    return { kind: 'entry', row: { ...row, amount: fourth, balance: fifth } }
  }
  if (kind !== 't' || fields.length !== 10) throw damaged(file, `a line of kind ${kind}`)
  const [asset, amount = '', code = '', key = '', reverses = '-', reason = '-'] = fields.slice(4)
  const row = {
    id: BigInt(first),
    effectiveAt: BigInt(second),
    debit: Number(third),
    credit: Number(fourth),
    asset: Number(asset),
    amount,
    code,
    key,
    reverses: reverses === '-' ? null : reverses,
    reason: reason === '-' ? null : reason,
  }
  return { kind: 'transfer', row }
}

/** The months leave the database when their files are there: so they must outlast a power cut. */
async function settle(part: string, file: string): Promise<void> {
  await syncPath(part)
  await rename(part, file)
  await syncPath(dirname(file))
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
