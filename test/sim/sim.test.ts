import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { MUTANTS } from './mutants.ts'
import { catchMutant } from './mutate.ts'
import { runSchedule } from './sim-run.ts'
import type { Summary } from './sim-seeds.ts'
import { openSimStore } from './sim-store.ts'

const SCRIPT = join(import.meta.dirname, '..', '..', 'scripts', 'sim.ts')
const SEEDS = 500
const MAX_OUTPUT = 16 * 1024 * 1024

describe('the simulation', function () {
  this.timeout(15 * 60_000)

  it('S-50 in 500 random fault schedules over a model chain nothing is paid twice and nothing lost', async () => {
    const args = [SCRIPT, '--seeds', String(SEEDS), '--jobs', '2', '--json']
    const options = { maxBuffer: MAX_OUTPUT }
    // A failing run exits 1 and tells on stdout which seeds failed.
    const { stdout } = await promisify(execFile)(process.execPath, args, options).catch(
      (error: unknown) => error as { stdout: string },
    )
    const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Summary
    expect(summary.failed).to.deep.equal([])
    expect(summary).to.include({ schedules: SEEDS, double: 0, lost: 0, other: 0 })
    expect(summary.done + summary.stopped).to.equal(SEEDS)
    // Most have to be paid to the end: a queue that always stops would lose nothing either.
    expect(summary.done).to.be.greaterThan(summary.stopped * 5)
  })

  it('S-50 the same seed gives the same schedule, step by step', async () => {
    const store = await openSimStore()
    const traceOf = async (): Promise<string[]> => {
      const lines: string[] = []
      await runSchedule(58, store, (line) => lines.push(line))
      return lines
    }
    const first = await traceOf()
    expect(first.length).to.be.greaterThan(10)
    expect(await traceOf()).to.deep.equal(first)
    await store.close()
  })

  for (const mutant of MUTANTS) {
    const { name, because } = mutant
    it(`S-50 a keeper without "${name}" is caught within 500 schedules: ${because}`, async () => {
      expect(await catchMutant(mutant, SEEDS)).to.not.equal(undefined)
    })
  }
})
