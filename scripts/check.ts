// `npm run check`: all that CI checks, to the end even after a failure, and one last line
// `N passed, N failed`: every test counts, and every other step counts as one.
//   --ci      a part that cannot run here (PostgreSQL, MariaDB) counts as failed instead of being left out
//   --only X  just the steps in whose names X stands
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { countTests, readReport, removeReport } from './reports.ts'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules', '.bin')
// .ci/run has 60 minutes; the longest step (all tests) takes about 30 on 2 cores, set-up and the others 15.
const STEP_TIMEOUT_MS = 40 * 60_000

interface Step {
  name: string
  command: string[]
  /** Reports in reports/ whose tests are counted; a step without counts as one. */
  reports?: string[]
  env?: Record<string, string>
  /** Why the step cannot run here. */
  missing?: string
  /** Left out where it is missing, and said so, also by --ci. */
  isOptional?: boolean
}

interface Outcome {
  name: string
  passed: number
  failed: number
  seconds: number
}

function node(script: string, ...args: string[]): string[] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', join(ROOT, script), ...args]
}

function bin(name: string, ...args: string[]): string[] {
  return [process.execPath, join(BIN, name), ...args]
}

function steps(): Step[] {
  const solidity = ['contracts/**/*.sol', 'test/**/*.sol']
  return [
    { name: 'format', command: bin('prettier', '--check', '--log-level', 'warn', '.') },
    { name: 'lint', command: bin('oxlint', '--type-aware', '--deny-warnings') },
    { name: 'solhint', command: bin('solhint', '--disc', '--noPoster', '-w', '0', ...solidity) },
    { name: 'types', command: bin('tsc', '--noEmit') },
    { name: 'generated files are fresh', command: node('scripts/gen.ts', '--check') },
    // Before the tests: Slither reads the artifacts, and cannot read those of Solidity tests.
    ...slitherSteps(),
    {
      name: 'tests',
      command: node('scripts/test.ts', '--strict'),
      reports: ['solidity', 'mocha', 'secrets'],
    },
    postgresStep(),
    serversStep(),
    gethStep(),
    { name: 'gas goals and snapshots', command: node('scripts/bench-gas.ts', '--check') },
    { name: 'ids', command: node('scripts/ids.ts') },
  ]
}

// Whose store is chosen by DB=postgres. Tests that start processes run on both stores in the step before.
const STORE_ROOMS = [
  'store',
  'chain/journal',
  'chain/sending',
  'ledger',
  'payouts',
  'reconcile',
  'validators/bookings.test.ts',
  'office',
  'jobs/queue',
  'heartbeat/tally',
  'heartbeat/receipts',
  'commands/desk.test.ts',
  // Without the real files and the large set: they prove rules, and go through the same statements.
  'programs/partners/intake',
  'programs/partners/special',
  'programs/partners/correction',
  ...['run', 'kill', 'rollback'].map((name) => `programs/partners/distribution/${name}.test.ts`),
]

/** The rooms that write SQL for money once more, on the server that operators use. */
function postgresStep(): Step {
  const rooms = STORE_ROOMS.map((path) => `test/keeper/${path}`)
  const step: Step = {
    name: 'keeper tests on PostgreSQL',
    command: node('scripts/test.ts', '--strict', '--report', 'postgres', ...rooms),
    reports: ['postgres', 'postgres-secrets'],
    env: { DB: 'postgres' },
  }
  if (process.env.DATABASE_URL) return step
  return { ...step, missing: 'DATABASE_URL names no server' }
}

/** Partners' sources and the second database of special partners, as they are in the field: bash .ci/mariadb. */
function serversStep(): Step {
  const step: Step = {
    name: 'sources on MariaDB and PostgreSQL',
    command: node('scripts/test.ts', '--strict', '--report', 'servers', 'test/servers'),
    reports: ['servers', 'servers-secrets'],
  }
  const missing = ['MARIADB_URL', 'DATABASE_URL'].filter((name) => !process.env[name])
  if (missing.length === 0) return step
  return { ...step, missing: `${missing.join(' and ')}: no server is named` }
}

/** The same tests as against Hardhat's node and anvil; geth has to be built: scripts/install-geth.sh. */
function gethStep(): Step {
  const step: Step = {
    name: 'the day and the pool against geth',
    command: node('scripts/test.ts', '--strict', '--report', 'geth', 'test/nodes'),
    reports: ['geth', 'geth-secrets'],
    env: { NODES: 'geth' },
    isOptional: true,
  }
  return process.env.GETH ? step : { ...step, missing: 'GETH names no program' }
}

/** Only where .ci/run could install it: it comes from PyPI and is not needed to build. */
function slitherSteps(): Step[] {
  const slither = process.env.SLITHER
  if (!slither) return []
  return [{ name: 'slither', command: [slither, '.', '--ignore-compile', '--fail-high'] }]
}

function run(step: Step): Outcome {
  const started = performance.now()
  console.log(`\n── ${step.name}`)
  for (const report of step.reports ?? []) removeReport(report)
  const [command = '', ...args] = step.command
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: STEP_TIMEOUT_MS,
    env: { ...process.env, ...step.env },
  })
  if (error !== undefined) console.log(`${step.name}: ${error.message}`)
  const seconds = Math.round((performance.now() - started) / 1000)
  const counts = countStep(step, status === 0)
  return { name: step.name, ...counts, seconds }
}

function countStep(step: Step, ok: boolean): { passed: number; failed: number } {
  if (step.reports === undefined) return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 }
  const tests = step.reports.flatMap((name) => readReport(name)?.tests ?? [])
  const { passed, failed } = countTests(tests)
  // A run that broke without a failed test, or that ran nothing, must not look like a success.
  const broken = failed === 0 && (!ok || tests.length === 0)
  return { passed, failed: broken ? 1 : failed }
}

function main(): number {
  const { values } = parseArgs({
    options: { ci: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  })
  const outcomes: Outcome[] = []
  const leftOut: string[] = []
  for (const step of steps().filter(({ name }) => name.includes(values.only))) {
    const { name, missing, isOptional = false } = step
    if (missing === undefined) outcomes.push(run(step))
    else if (values.ci && !isOptional) outcomes.push({ name, passed: 0, failed: 1, seconds: 0 })
    if (missing === undefined) continue
    leftOut.push(`${name}: NOT RUN, ${missing}`)
    console.log(`\n── ${leftOut.at(-1)}`)
  }
  console.log('\n── summary')
  for (const { name, passed, failed, seconds } of outcomes) {
    console.log(
      `${failed > 0 ? '✗' : '✓'} ${name}: ${passed} passed, ${failed} failed (${seconds} s)`,
    )
  }
  for (const line of leftOut) console.log(`– ${line}`)
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0)
  console.log(`${passed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

process.exitCode = main()
