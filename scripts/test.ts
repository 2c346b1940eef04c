// `./muster test`: compiles, runs the tests in parts side by side (test-parts.ts, run-tests.ts), keeps every
// log of the run in reports/logs/, and in the end searches them for secrets (test/secrets.last.ts, S-48).
//   ./muster test                          everything
//   ./muster test test/keeper/base         the tests of a folder or file (.ts and .t.sol)
//   ./muster test --grep 'R-30|R30'        the tests whose titles match
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'
import Mocha from 'mocha'
import { MochaReporter } from './mocha-reporter.ts'
import type { ReporterOptions } from './mocha-reporter.ts'
import { startChild } from './child.ts'
import type { Child, ChildOptions } from './child.ts'
import { REPORTS, countTests, readReport, removeReport, writeReport } from './reports.ts'
import type { TestRecord } from './reports.ts'
import { findTests, splitTests, withoutServers } from './test-parts.ts'
import type { TestPart } from './test-parts.ts'

const ROOT = resolve(import.meta.dirname, '..')
// A part waits for half of its time; more than four take 1 GB each for little.
const MAX_SIDE_BY_SIDE = 4
const USAGE = `Usage: ./muster test [files or folders …] [--grep PATTERN] [--strict] [--report NAME] [--jobs N]

  --grep PATTERN   run only tests whose title matches this text or regular expression
  --strict         refuse .only and .skip, as CI does
  --report NAME    name of the report in reports/ (default: mocha; a selection writes none)
  --jobs N         parts that run side by side (default: one a core, at most ${MAX_SIDE_BY_SIDE})`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string' },
    strict: { type: 'boolean', default: false },
    report: { type: 'string' },
    jobs: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

interface Outcome {
  part: TestPart
  tests: TestRecord[]
  /** Why the part itself failed, whatever its tests did. */
  fault?: string
}

const isPartial = positionals.length > 0 || values.grep !== undefined
const name = values.report ?? (isPartial ? 'selection' : 'mocha')
// The search of a selection has no report of its own, as the selection has none.
const secretsReport = name === 'mocha' ? 'secrets' : `${name}-secrets`
const logs = join(REPORTS, 'logs', name)
// Written by tests that make a secret up; beside the logs, not among them.
const secrets = `${logs}.secrets`
const running = new Set<Child>()
const stopping = new AbortController()

process.exit(await main())

async function main(): Promise<number> {
  const parts = splitTests(wantedFiles(), ROOT)
  const jobs = sideBySide()
  rmSync(logs, { recursive: true, force: true })
  rmSync(secrets, { force: true })
  mkdirSync(logs, { recursive: true })
  for (const report of wholeReports()) removeReport(report)
  // As the launcher has it: most of the time of a short command is the loading of its files.
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, '.node', 'compile-cache')
  Object.assign(process.env, { MUSTER_TEST_LOGS: logs, MUSTER_TEST_SECRETS: secrets })
  // A supervisor that gives up on us gives up on what we started.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      stopping.abort()
      for (const child of running) child.stop(signal)
    })
  const log = createWriteStream(join(logs, 'run.log'))
  const failed = (await compile()) ? await runParts(parts, jobs, log) : 1
  await new Promise<void>((done) => log.end(done))
  if (stopping.signal.aborted) return quit('The tests were stopped.')
  if (isPartial && values.report === undefined) return failed > 0 ? 1 : 0
  return failed + (await searchLogs()) > 0 ? 1 : 0
}

function wantedFiles(): string[] {
  if (positionals.length === 0) return withoutServers(findTests(join(ROOT, 'test')) ?? [], ROOT)
  return positionals.flatMap((path) => {
    const files = findTests(path)
    if (files !== undefined && files.length > 0) return files
    return quit(`There are no tests in ${path}. Name a file or folder below test/.`)
  })
}

function sideBySide(): number {
  const wanted = values.jobs ?? String(Math.min(availableParallelism(), MAX_SIDE_BY_SIDE))
  if (/^[1-9]\d?$/.test(wanted)) return Number(wanted)
  return quit(`--jobs takes a number from 1 to 99, not ${wanted}.`)
}

function quit(reason: string): never {
  console.error(reason)
  process.exit(1)
}

/** Once, with the Solidity tests: the parts read what is compiled and write nothing there. */
async function compile(): Promise<boolean> {
  const hardhat = join(ROOT, 'node_modules', 'hardhat', 'dist', 'src', 'cli.js')
  const { code } = await run([hardhat, 'build', '--quiet'], { cwd: ROOT, isShown: true })
  if (code === 0) return true
  console.error('The contracts do not compile (see above): no test was run.')
  return false
}

/** As many as `jobs` at once; what a part writes is shown whole at its end, or at once when it is alone. */
async function runParts(
  parts: readonly TestPart[],
  jobs: number,
  log: NodeJS.WritableStream,
): Promise<number> {
  const outcomes: Outcome[] = []
  const paced = [...parts.entries()].filter(([, { isPaced }]) => isPaced)
  const others = [...parts.entries()].filter(([, { isPaced }]) => !isPaced)
  const work = async (waiting: [number, TestPart][]): Promise<void> => {
    for (
      let next = waiting.shift();
      next !== undefined && !stopping.signal.aborted;
      next = waiting.shift()
    ) {
      const [index, part] = next
      const startedMs = performance.now()
      outcomes.push(await runPart(part, index, parts.length === 1, log))
      const seconds = Math.round((performance.now() - startedMs) / 1_000)
      if (parts.length > 1) showProgress(`${part.name} (${seconds} s)`, outcomes, parts.length)
    }
  }
  await work(paced)
  await Promise.all(Array.from({ length: jobs }, () => work(others)))
  return finish(outcomes)
}

async function runPart(
  part: TestPart,
  index: number,
  isAlone: boolean,
  log: NodeJS.WritableStream,
): Promise<Outcome> {
  const report = `part-${name}-${index}`
  removeReport(report)
  const { code, output } = await run(argumentsOf(part, report), {
    cwd: ROOT,
    isShown: isAlone,
    env: {
      NODE_OPTIONS: `--import=${pathToFileURL(join(ROOT, 'test/helpers/keep-logs.ts')).href}`,
    },
  })
  log.write(output)
  if (!isAlone) process.stdout.write(`\n── ${part.name}\n${output}`)
  const tests = readReport(report)?.tests
  removeReport(report)
  if (tests === undefined) return { part, tests: [], fault: 'it ended without a report' }
  const isBroken = code !== 0 && countTests(tests).failed === 0
  return { part, tests, ...(isBroken && { fault: `it ended with code ${code}` }) }
}

async function run(
  args: string[],
  options: ChildOptions,
): Promise<{ code: number; output: string }> {
  const child = startChild(args, options)
  running.add(child)
  const code = await child.ended
  running.delete(child)
  return { code, output: child.output() }
}

function argumentsOf({ files }: TestPart, report: string): string[] {
  const script = join(ROOT, 'scripts', 'run-tests.ts')
  const grep = values.grep === undefined ? [] : ['--grep', values.grep]
  const strict = values.strict ? ['--strict'] : []
  const flags = ['--disable-warning=ExperimentalWarning', script, '--report', report]
  return [...flags, ...grep, ...strict, ...files]
}

function showProgress(ended: string, outcomes: readonly Outcome[], parts: number): void {
  const { passed, failed } = countTests(outcomes.flatMap(({ tests }) => tests))
  const soFar = `${outcomes.length} of ${parts} parts, ${passed} passed, ${failed} failed`
  console.log(`── ${ended}: ${soFar}`)
}

/** What a run leaves in reports/ besides the search for secrets. */
function wholeReports(): string[] {
  if (!isPartial) return ['solidity', name]
  return values.report === undefined ? [] : [name]
}

/** The reports that `check` and `ids` read, and what went wrong, where one sees it: at the end. */
function finish(outcomes: readonly Outcome[]): number {
  const faults: string[] = []
  console.log()
  for (const language of ['Solidity', 'TypeScript'] as const) {
    const own = outcomes.filter(({ part }) => part.language === language)
    if (own.length === 0) continue
    const tests = own.flatMap((outcome) => outcome.tests)
    const { passed, failed } = countTests(tests)
    console.log(`${language}: ${passed} passed, ${failed} failed`)
    const report = language === 'Solidity' ? 'solidity' : name
    if (wholeReports().includes(report)) writeReport({ name: report, tests })
    for (const test of tests.filter(({ state }) => state !== 'passed'))
      faults.push(`  ${test.state}: ${test.title} (${relative(ROOT, resolve(ROOT, test.file))})`)
    for (const { part, fault } of own)
      if (fault !== undefined) faults.push(`  failed: the run of ${part.name}: ${fault}`)
  }
  console.log(`${faults.join('\n')}\n`)
  return faults.length
}

/** A run of its own after everything else: only then are the logs whole. */
async function searchLogs(): Promise<number> {
  removeReport(secretsReport)
  const reporterOptions: ReporterOptions = { reportName: secretsReport }
  const mocha = new Mocha({ reporter: MochaReporter, reporterOptions, forbidOnly: values.strict })
  mocha.addFile(join(ROOT, 'test', 'secrets.last.ts'))
  await mocha.loadFilesAsync()
  return new Promise((done) => void mocha.run(done))
}
