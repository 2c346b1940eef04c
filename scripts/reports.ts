// The machine-readable test reports: what the test script writes and `npm run ids` and `check` read.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const REPORTS = join(import.meta.dirname, '..', 'reports')

export interface TestRecord {
  /** The whole sentence: the titles of the suites around the test, then its own. */
  title: string
  file: string
  state: 'passed' | 'failed' | 'pending'
  ms: number
  error?: string
}

export interface Report {
  /** What ran: mocha, solidity, postgres. One file of that name in reports/. */
  name: string
  tests: TestRecord[]
}

export function writeReport(report: Report): void {
  mkdirSync(REPORTS, { recursive: true })
  writeFileSync(fileOf(report.name), `${JSON.stringify(report, undefined, 1)}\n`)
}

/** A report of an earlier run must not stand in for one that crashed. */
export function removeReport(name: string): void {
  rmSync(fileOf(name), { force: true })
}

export function readReport(name: string): Report | undefined {
  return readReports().find((report) => report.name === name)
}

export function readReports(): Report[] {
  mkdirSync(REPORTS, { recursive: true })
  const files = readdirSync(REPORTS).filter((file) => file.endsWith('.json'))
  return files.map((file) => JSON.parse(readFileSync(join(REPORTS, file), 'utf8')) as Report)
}

export function countTests(tests: TestRecord[]): { passed: number; failed: number } {
  const failed = tests.filter((test) => test.state !== 'passed').length
  return { passed: tests.length - failed, failed }
}

function fileOf(name: string): string {
  return join(REPORTS, `${name}.json`)
}
