// Mocha's spec reporter on the console, and every test with its outcome in reports/<name>.json.
import Mocha from 'mocha'
import { relative } from 'node:path'
import type { TestRecord } from './reports.ts'
import { writeReport } from './reports.ts'

export interface ReporterOptions {
  reportName?: string
}

export class MochaReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    const { reportName } = (options.reporterOptions ?? {}) as ReporterOptions
    if (reportName === undefined) return
    const tests: TestRecord[] = []
    runner.on(Mocha.Runner.constants.EVENT_TEST_PASS, (test) => tests.push(record(test, 'passed')))
    // A failing hook arrives here too, as the failure of the hook.
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error: Error) =>
      tests.push({ ...record(test, 'failed'), error: error.message }),
    )
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test) =>
      tests.push(record(test, 'pending')),
    )
    runner.on(Mocha.Runner.constants.EVENT_RUN_END, () => writeReport({ name: reportName, tests }))
  }
}

function record(test: Mocha.Runnable, state: TestRecord['state']): TestRecord {
  const file = relative(process.cwd(), test.file ?? '')
  return { title: test.titlePath().join(' › '), file, state, ms: test.duration ?? 0 }
}
