import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { toJson } from '../../base/json.ts'
import type { JournalHead, SideLine, SideLines } from './side-log.ts'

// {"sum":"0123456789abcdef","entry":…}: the checksum is of the bytes of the entry as they stand there.
const SUM_DIGITS = 16
const SUM_AT = '{"sum":"'.length
const ENTRY_AT = SUM_AT + SUM_DIGITS + '","entry":'.length

export function formatLine(line: SideLine): string {
  const entry = toJson(line)
  return `{"sum":"${sumOf(entry)}","entry":${entry}}\n`
}

function sumOf(entry: string): string {
  return createHash('sha256').update(entry).digest('hex').slice(0, SUM_DIGITS)
}

/** Undefined: torn or damaged. */
export function parseLine(text: string): SideLine | undefined {
  const entry = text.slice(ENTRY_AT, -1)
  if (text.slice(SUM_AT, SUM_AT + SUM_DIGITS) !== sumOf(entry)) return undefined
  const line = JSON.parse(entry) as Record<string, unknown>
  for (const name of ['head', 'lost']) {
    const head = line[name] as { seq: string; hash: string } | undefined
    if (head) line[name] = { ...head, seq: BigInt(head.seq) } satisfies JournalHead
  }
  return line as unknown as SideLine
}

/** A line that a crash tore is the last of all, or an 'open' follows it; any other was damaged later. */
export function readFiles(dir: string, names: readonly string[]): SideLines {
  const lines: SideLine[] = []
  const damaged: string[] = []
  let bad: string | undefined
  for (const name of names) {
    for (const [index, text] of textLines(join(dir, name)).entries()) {
      const line = parseLine(text)
      if (bad !== undefined && line?.type !== 'open') damaged.push(bad)
      bad = line ? undefined : `${name}:${index + 1}`
      if (line) lines.push(line)
    }
  }
  return { lines, damaged }
}

function textLines(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((text) => text !== '')
}
