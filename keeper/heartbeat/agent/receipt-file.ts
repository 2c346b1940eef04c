import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KeeperError, ensure, messageOf } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Address } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import type { HelloFacts } from '../intake/frames.ts'
import type { Receipt } from '../receipts/receipt.ts'

export interface ReceiptPlace {
  dir: string
  node: Address
}

// Enough of a root to tell two of them apart in a file's name.
const ROOT_DIGITS = 8
const NAME = /^receipt-(\d{1,10})-(0x[0-9a-fA-F]{40})-[0-9a-f]{8}\.json$/

/**
 * Keeps a receipt that proves something: ours, of the reporter that the intake speaks for, and signed by it.
 * One file an hour and reporter; a second root of the same hour is a second file, because the two together
 * prove that the reporter said both.
 */
export async function saveReceipt(
  value: unknown,
  hello: HelloFacts,
  { dir, node }: ReceiptPlace,
): Promise<string> {
  // The tree and its hashes are loaded when there is something to check, once an hour.
  const { checkReceipt } = await import('../receipts/receipt.ts')
  const receipt = checkReceipt(value)
  const isOurs =
    receipt.node === node &&
    receipt.chainId === hello.chainId &&
    receipt.registry === hello.registry &&
    receipt.reporter === hello.reporter
  ensure(isOurs, 'RECEIPT_INVALID', { reason: 'it is of another node, registry or reporter' })
  const file = join(dir, nameOf(receipt))
  await writeWhole(file, `${toJson(receipt)}\n`)
  return file
}

/** Undefined when there is none of that reporter. */
export async function lastHourKept(dir: string, reporter: Address): Promise<Hour | undefined> {
  const names = await readdir(dir).catch(() => [])
  const hours = names.flatMap((name) => {
    const [, hour, of] = NAME.exec(name) ?? []
    return of === reporter ? [Number(hour)] : []
  })
  // Thousands of names are too many arguments for Math.max.
  return hours.length === 0 ? undefined : hours.reduce((last, hour) => Math.max(last, hour))
}

function nameOf({ hour, reporter, root }: Receipt): string {
  return `receipt-${hour}-${reporter}-${root.slice(2, 2 + ROOT_DIGITS)}.json`
}

/** Whole or not at all: neither a crash nor a second agent leaves half a file. */
async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.new`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}
