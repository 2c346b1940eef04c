import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import type { Shown } from '../verify/audit-receipts.ts'
import type { ReceiptCounts } from '../verify/verify.ts'

// A file an hour of one validator for eleven years, or an hour's worth of 100,000 validators.
const MAX_FILES = 100_000
const MAX_RECEIPTS = 1_000_000
// 100,000 receipts of 1.6 KB, which a tool may have written into one file.
const MAX_FILE_BYTES = 256 * 1024 * 1024
const IS_RECEIPTS = /\.jsonl?$/

/** Of each path: a file, or every .json and .jsonl file in a folder and in those below it. */
export async function readReceipts(paths: readonly string[]): Promise<Shown[]> {
  const files: string[] = []
  for (const path of paths) {
    for (const file of await filesIn(path)) files.push(file)
    if (files.length > MAX_FILES) throw unreadable(path, `more than ${MAX_FILES} files`)
  }
  const shown: Shown[] = []
  for (const file of files) {
    for (const each of await readOne(file)) shown.push(each)
    if (shown.length > MAX_RECEIPTS) throw unreadable(file, `more than ${MAX_RECEIPTS} receipts`)
  }
  return shown
}

async function filesIn(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = await readdir(path, { recursive: true })
    const files = names.filter((name) => IS_RECEIPTS.test(name)).sort()
    if (files.length === 0) throw unreadable(path, 'it holds no .json or .jsonl file')
    return files.map((name) => join(path, name))
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw unreadable(path, messageOf(error))
  }
}

/** One receipt, a list of them, an answer of an intake, or a line each. */
async function readOne(file: string): Promise<Shown[]> {
  const text = await readText(file)
  const whole = parse(text)
  if (whole !== undefined) {
    const list = listIn(whole)
    return list.map((value, i) => ({ from: list.length > 1 ? `${file}#${i + 1}` : file, value }))
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  // A line that is no JSON is shown as it is: whoever judges it names it.
  return lines.map((line, i) => ({ from: `${file}:${i + 1}`, value: parse(line) ?? line }))
}

function listIn(whole: unknown): unknown[] {
  if (Array.isArray(whole)) return whole
  const { receipts } = (whole ?? {}) as { receipts?: unknown }
  return Array.isArray(receipts) ? receipts : [whole]
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > MAX_FILE_BYTES) throw unreadable(file, `it has more than ${MAX_FILE_BYTES} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw unreadable(file, messageOf(error))
  }
}

function unreadable(file: string, reason: string): KeeperError {
  return new KeeperError('FILE_UNREADABLE', { file, reason })
}

/** '20 kept, 1 contradicted'. */
export function countsText(counts: ReceiptCounts): string {
  const parts = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`)
  return parts.length > 0 ? parts.join(', ') : 'none'
}
