// `npm run ids`: every checklist id, rule and scenario with the passed tests whose titles name it.
// Exits 1 if an id of test/required-ids.json has none. `--json` prints the same as data.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Report } from './reports.ts'
import { readReports } from './reports.ts'

const REQUIRED = join(import.meta.dirname, '..', 'test', 'required-ids.json')

export interface IdLine {
  id: string
  required: boolean
  tests: string[]
}

/** Titles say R-30; Solidity names, which cannot hold a hyphen, say test_R30_… or invariant_R30_Z05_…. */
export function idsIn(title: string): string[] {
  const found = new Set<string>()
  for (const [, letter, digits] of title.matchAll(/(?<![A-Za-z0-9])([DRSZ])-(\d{2})(?!\d)/g)) {
    found.add(`${letter}-${digits}`)
  }
  for (const [, letter, digits] of title.matchAll(/(?<=_)([DRSZ])(\d{2})(?![A-Za-z0-9])/g)) {
    found.add(`${letter}-${digits}`)
  }
  return [...found]
}

export function linesOf(required: string[], reports: Report[]): IdLine[] {
  const proofs = new Map<string, Set<string>>(required.map((id) => [id, new Set()]))
  for (const test of reports.flatMap((report) => report.tests)) {
    if (test.state !== 'passed') continue
    for (const id of idsIn(test.title)) {
      const titles = proofs.get(id) ?? new Set()
      proofs.set(id, titles.add(test.title))
    }
  }
  const ids = [...proofs.keys()].toSorted()
  return ids.map((id) => ({
    id,
    required: required.includes(id),
    tests: [...(proofs.get(id) ?? [])],
  }))
}

function print(lines: IdLine[]): void {
  for (const { id, required, tests } of lines) {
    console.log(`${id}  ${tests.length}${tests.length === 0 && required ? '  NONE' : ''}`)
    for (const title of tests) console.log(`        ${title}`)
  }
}

function main(): number {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
  const required = JSON.parse(readFileSync(REQUIRED, 'utf8')) as string[]
  const reports = readReports()
  if (reports.length === 0) {
    console.error('There is no test report. Run `./muster test` first.')
    return 1
  }
  const lines = linesOf(required, reports)
  const missing = lines.filter((line) => line.required && line.tests.length === 0)
  if (values.json) console.log(JSON.stringify({ lines, missing: missing.map(({ id }) => id) }))
  else print(lines)
  const proven = required.length - missing.length
  console.error(`${proven} of ${required.length} required ids have a passed test.`)
  if (missing.length > 0) console.error(`Without one: ${missing.map(({ id }) => id).join(', ')}`)
  return missing.length > 0 ? 1 : 0
}

if (import.meta.main) process.exitCode = main()
