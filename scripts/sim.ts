// `npm run sim`: random fault schedules over a model chain, through the real sending path (keeper.md G1).
// --seeds N schedules from --first on, in --jobs processes; --seed N: one of them, with its trace;
// --mutants: the keeper without one safeguard at a time, each of which has to be caught.
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { MUTANTS } from '../test/sim/mutants.ts'
import { catchMutant } from '../test/sim/mutate.ts'
import type { Range, Summary } from '../test/sim/sim-seeds.ts'
import { EMPTY, add, isClean, runSeeds, showRun } from '../test/sim/sim-seeds.ts'
import { runSchedule } from '../test/sim/sim-run.ts'
import { openSimStore } from '../test/sim/sim-store.ts'
import { systemClock } from '../keeper/base/time.ts'

const DEFAULT_SEEDS = 500
// Each job holds a store of its own, about half a GB.
const MAX_JOBS = 8
// After that many failing seeds the rest would only repeat them.
const MAX_FAILED = 20
const MAX_MUTANT_SEEDS = 500
const SEEDS_A_REPORT = 1_000

let told = 0

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: String(DEFAULT_SEEDS) },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    /** Stops at the first failing seed, as a mutant's run does. */
    'stop-early': { type: 'boolean', default: false },
  },
})

process.exit(await main())

async function main(): Promise<number> {
  if (values.seed !== undefined) return showOne(numberOf(values.seed))
  if (values.mutants) return huntMutants()
  const range = { first: numberOf(values.first), count: numberOf(values.seeds) }
  const maxFailed = values['stop-early'] ? 1 : MAX_FAILED
  const startMs = systemClock.nowMs()
  const summary = process.send
    ? await runSeeds(range, maxFailed, report)
    : await runJobs(range, Math.min(MAX_JOBS, numberOf(values.jobs)), maxFailed)
  summary.seconds = Math.round((systemClock.nowMs() - startMs) / 1000)
  if (process.send) await sendUp(summary)
  else print(summary)
  return isClean(summary) ? 0 : 1
}

function numberOf(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${text} is not a whole number`)
  return number
}

/** One schedule with everything that happened in it. */
async function showOne(seed: number): Promise<number> {
  const store = await openSimStore()
  const run = await runSchedule(seed, store, (line) => console.log(line))
  console.log(values.json ? JSON.stringify(run) : showRun(run))
  return run.faults.length === 0 ? 0 : 1
}

/** Every job takes each n-th seed: the slow ones are spread. */
async function runJobs(range: Range, jobs: number, maxFailed: number): Promise<Summary> {
  const share = Math.ceil(range.count / jobs)
  const parts = Array.from({ length: jobs }, (_, job) => {
    const first = range.first + job * share
    return { first, count: Math.min(share, range.first + range.count - first) }
  }).filter(({ count }) => count > 0)
  if (parts.length < 2) return runSeeds(range, maxFailed, report)
  const summaries = await Promise.all(parts.map((part) => runJob(part)))
  return summaries.reduce(add, EMPTY)
}

function runJob({ first, count }: Range): Promise<Summary> {
  const args = ['--first', String(first), '--seeds', String(count)]
  if (values['stop-early']) args.push('--stop-early')
  if (values.json) args.push('--json')
  const child = fork(import.meta.filename, args, { stdio: 'inherit' })
  return new Promise((done, fail) => {
    let summary: Summary | undefined
    child.on('message', (message) => {
      summary = message as Summary
    })
    child.on('exit', (code) => {
      if (summary) done(summary)
      else fail(new Error(`the job from seed ${first} ended with ${code}`))
    })
  })
}

function sendUp(summary: Summary): Promise<void> {
  return new Promise((done) => void process.send?.(summary, () => done()))
}

/** A failing seed is worth looking at while the others still run. */
function report({ schedules, failed }: Summary): void {
  const line = failed.at(-1)
  if (values.json) return
  if (line !== undefined && failed.length > told) process.stderr.write(`${line}\n`)
  else if (schedules % SEEDS_A_REPORT === 0) process.stderr.write(`${schedules} schedules\n`)
  told = failed.length
}

function print(summary: Summary): void {
  if (values.json) return console.log(JSON.stringify(summary))
  const { schedules, done, stopped, double, lost, other, steps, seconds } = summary
  console.log(
    `${schedules} schedules: ${double} double, ${lost} lost, ${other} other faults; ` +
      `${done} paid to the end, ${stopped} stopped for a true reason; ${steps} steps, ${seconds} s`,
  )
}

async function huntMutants(): Promise<number> {
  const wanted = MUTANTS.filter(({ name }) => name.includes(values.only ?? ''))
  let survivors = 0
  for (const mutant of wanted) {
    const caught = await catchMutant(mutant, MAX_MUTANT_SEEDS)
    if (!caught) survivors += 1
    const end = caught ? `caught at seed ${caught.seed}: ${caught.what}` : 'SURVIVED'
    console.log(`${mutant.name}: ${end}`)
  }
  console.log(`${wanted.length - survivors} of ${wanted.length} mutants caught`)
  return survivors === 0 ? 0 : 1
}
