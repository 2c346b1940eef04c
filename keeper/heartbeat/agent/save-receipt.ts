import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KeeperError, ensure } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Address } from '../../base/schema.ts'
import type { HelloFacts } from '../intake/frames.ts'
import type { Receipt } from '../receipts/receipt.ts'

export interface ReceiptPlace {
  dir: string
  node: Address
}

// Enough of a root to tell two of them apart in a file's name.
const ROOT_DIGITS = 8

/**
 * Keeps a receipt that proves something: ours, of the reporter that the intake said it speaks for, and
 * signed by him. One file an hour and reporter; a second root of the same hour is a second file, because
 * the two together prove that the reporter said both.
 */
export async function saveReceipt(
  value: object,
  hello: HelloFacts,
  { dir, node }: ReceiptPlace,
): Promise<string> {
  // The tree and the hashes are loaded when there is something to check, once an hour.
  const { checkReceipt } = await import('../receipts/receipt.ts')
  const receipt = checkReceipt(value)
  const isOurs =
    receipt.node === node &&
    receipt.chainId === hello.chainId &&
    receipt.registry === hello.registry &&
    receipt.reporter === hello.reporter
  ensure(isOurs, 'RECEIPT_INVALID', { reason: 'it is of another node, registry or reporter' })
  const file = join(dir, nameOf(receipt))
  await writeWhole(file, `${toJson(receipt)}\n`).catch((error: unknown) => {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: String(error) }, error)
  })
  return file
}

function nameOf({ hour, reporter, root }: Receipt): string {
  return `receipt-${hour}-${reporter}-${root.slice(2, 2 + ROOT_DIGITS)}.json`
}

/** Whole or not at all: two agents, or a crash, never leave half a file. */
async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(4).toString('hex')}.new`
  try {
    const handle = await open(draft, 'wx', 0o600)
    await handle.writeFile(text)
    await handle.sync()
    await handle.close()
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
