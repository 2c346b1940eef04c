// The tests themselves, as scripts/test.ts starts them: the Solidity tests, then the TypeScript ones, a
// summary, and reports/*.json. Its arguments are those of scripts/test.ts.
import { existsSync, globSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import hre from 'hardhat'
import { MochaReporter } from './mocha-reporter.ts'
import type { ReporterOptions } from './mocha-reporter.ts'
import type { TestRecord } from './reports.ts'
import { countTests, readReport, removeReport, writeReport } from './reports.ts'

const ROOT = resolve(import.meta.dirname, '..')
interface SolidityResult {
  suiteResults: {
    id: { name: string; source: string }
    durationNs: bigint
    testResults: { name: string; status: string; durationNs: bigint; reason?: string }[]
  }[]
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string' },
    strict: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
})

const partial = positionals.length > 0 || values.grep !== undefined
const mochaReport = values.report ?? (partial ? undefined : 'mocha')
const files = positionals.length === 0 ? findTests('test') : positionals.flatMap(findTests)
const faults = files.length === 0 ? ['no test files found'] : []
const summary: string[] = []

await hre.tasks.getTask('build').run({ quiet: true })
await runSolidity(files.filter((file) => file.endsWith('.t.sol')))
await runMocha(files.filter((file) => file.endsWith('.test.ts')))

console.log(`${[...summary, ...faults].join('\n')}\n`)
// Not left to the event loop: a test that forgets to close a server must not hold the run.
process.exit(faults.length > 0 ? 1 : 0)

function findTests(path: string): string[] {
  const absolute = resolve(path)
  if (!existsSync(absolute)) {
    console.error(`There is no ${path}. Name a file or folder below test/.`)
    process.exit(1)
  }
  if (!statSync(absolute).isDirectory()) return [absolute]
  const found = globSync(['**/*.test.ts', '**/*.t.sol'], { cwd: absolute })
  return found.toSorted().map((file) => join(absolute, file))
}

async function runSolidity(testFiles: string[]): Promise<void> {
  if (!partial) removeReport('solidity')
  if (testFiles.length === 0) return
  const task = hre.tasks.getTask(['test', 'solidity'])
  const outcome = await task.run({ testFiles, grep: values.grep, noCompile: false })
  const result = (outcome.success ? outcome.value : outcome.error) as SolidityResult
  const tests = result.suiteResults.flatMap((suite) =>
    suite.testResults.map((test): TestRecord => ({
      title: `${suite.id.name} › ${test.name}`,
      file: suite.id.source.replace(/^project\//, ''),
      state: stateOf(test.status),
      ms: Number(test.durationNs / 1_000_000n),
      ...(test.reason === undefined ? {} : { error: test.reason }),
    })),
  )
  if (!partial) writeReport({ name: 'solidity', tests })
  note('Solidity', tests, outcome.success)
}

function stateOf(status: string): TestRecord['state'] {
  if (status === 'Success') return 'passed'
  return status === 'Skipped' ? 'pending' : 'failed'
}

async function runMocha(testFiles: string[]): Promise<void> {
  if (mochaReport !== undefined) removeReport(mochaReport)
  if (testFiles.length === 0) return
  const name = mochaReport ?? 'selection'
  Object.assign(hre.config.test.mocha, {
    reporter: MochaReporter,
    reporterOptions: { reportName: name } satisfies ReporterOptions,
    forbidOnly: values.strict,
    forbidPending: values.strict,
  })
  const task = hre.tasks.getTask(['test', 'mocha'])
  const outcome = await task.run({ testFiles, grep: values.grep, noCompile: true })
  const report = readReport(name)
  if (mochaReport === undefined) removeReport(name)
  note('TypeScript', report?.tests ?? [], outcome.success && report !== undefined)
}

function note(language: string, tests: TestRecord[], success: boolean): void {
  const { passed, failed } = countTests(tests)
  summary.push(`${language}: ${passed} passed, ${failed} failed`)
  const reported = tests.filter((test) => test.state === 'failed')
  for (const test of reported) faults.push(`  failed: ${test.title} (${relative(ROOT, test.file)})`)
  if (!success && reported.length === 0) faults.push(`  failed: the ${language} run itself`)
}
