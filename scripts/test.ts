// `./muster test`: runs the tests in a process of its own (run-tests.ts), keeps every log of the run in
// reports/logs/, and in the end searches them for secrets (test/secrets.last.ts, S-48).
//   ./muster test                          everything
//   ./muster test test/keeper/base         the tests of a folder or file (.ts and .t.sol)
//   ./muster test --grep 'R-30|R30'        the tests whose titles match
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { pathToFileURL } from 'node:url'
import Mocha from 'mocha'
import { MochaReporter } from './mocha-reporter.ts'
import type { ReporterOptions } from './mocha-reporter.ts'
import { REPORTS, removeReport } from './reports.ts'

const ROOT = resolve(import.meta.dirname, '..')
const USAGE = `Usage: ./muster test [files or folders …] [--grep PATTERN] [--strict] [--report NAME]

  --grep PATTERN   run only tests whose title matches this text or regular expression
  --strict         refuse .only and .skip, as CI does
  --report NAME    name of the report in reports/ (default: mocha; a selection writes none)`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string' },
    strict: { type: 'boolean', default: false },
    report: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

const isPartial = positionals.length > 0 || values.grep !== undefined
const name = values.report ?? (isPartial ? 'selection' : 'mocha')
// The search of a selection has no report of its own, as the selection has none.
const secretsReport = name === 'mocha' ? 'secrets' : `${name}-secrets`
const logs = join(REPORTS, 'logs', name)
// Written by tests that make a secret up; beside the logs, not among them.
const secrets = `${logs}.secrets`

process.exit(await main())

async function main(): Promise<number> {
  rmSync(logs, { recursive: true, force: true })
  rmSync(secrets, { force: true })
  mkdirSync(logs, { recursive: true })
  Object.assign(process.env, { MUSTER_TEST_LOGS: logs, MUSTER_TEST_SECRETS: secrets })
  const exitCode = await runTests()
  if (isPartial && values.report === undefined) return exitCode
  const failures = await searchLogs()
  return exitCode === 0 && failures > 0 ? 1 : exitCode
}

/** All that it and its children write goes to the terminal and into the logs. */
async function runTests(): Promise<number> {
  const keeper = pathToFileURL(join(ROOT, 'test', 'helpers', 'keep-logs.ts')).href
  const script = join(ROOT, 'scripts', 'run-tests.ts')
  const flags = ['--disable-warning=ExperimentalWarning', script, ...process.argv.slice(2)]
  const colour = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {}
  const child = spawn(process.execPath, flags, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...colour, NODE_OPTIONS: `--import=${keeper}` },
  })
  const file = createWriteStream(join(logs, 'run.log'))
  // A supervisor that gives up on us gives up on the tests.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => child.kill(signal))
  child.stdout.pipe(process.stdout, { end: false })
  child.stderr.pipe(process.stderr, { end: false })
  child.stdout.on('data', (chunk: Buffer) => file.write(chunk))
  child.stderr.on('data', (chunk: Buffer) => file.write(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  file.end()
  await once(file, 'close')
  return code ?? 1
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
