// One part of the tests in a process of its own, as scripts/test.ts starts it: either Solidity tests or
// TypeScript ones. What is compiled is compiled before. Writes reports/NAME.json; exit code 0: none failed.
//   run-tests.ts --report NAME [--grep PATTERN] [--strict] FILES …
import { parseArgs } from 'node:util'
import hre from 'hardhat'
import { MochaReporter } from './mocha-reporter.ts'
import type { ReporterOptions } from './mocha-reporter.ts'
import type { TestRecord } from './reports.ts'
import { writeReport } from './reports.ts'

interface SolidityResult {
  suiteResults: {
    id: { name: string; source: string }
    durationNs: bigint
    testResults: { name: string; status: string; durationNs: bigint; reason?: string }[]
  }[]
}

const { values, positionals: testFiles } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string' },
    strict: { type: 'boolean', default: false },
    report: { type: 'string', default: 'part' },
  },
})

const isSolidity = testFiles.every((file) => file.endsWith('.t.sol'))
const success = isSolidity ? await runSolidity() : await runMocha()
// Not left to the event loop: a test that forgets to close a server must not hold the run.
process.exit(success ? 0 : 1)

async function runSolidity(): Promise<boolean> {
  const task = hre.tasks.getTask(['test', 'solidity'])
  const outcome = await task.run({ testFiles, grep: values.grep, noCompile: true })
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
  writeReport({ name: values.report, tests })
  return outcome.success
}

function stateOf(status: string): TestRecord['state'] {
  if (status === 'Success') return 'passed'
  return status === 'Skipped' ? 'pending' : 'failed'
}

async function runMocha(): Promise<boolean> {
  Object.assign(hre.config.test.mocha, {
    reporter: MochaReporter,
    reporterOptions: { reportName: values.report } satisfies ReporterOptions,
    forbidOnly: values.strict,
    forbidPending: values.strict,
  })
  const task = hre.tasks.getTask(['test', 'mocha'])
  const outcome = await task.run({ testFiles, grep: values.grep, noCompile: true })
  return outcome.success
}
