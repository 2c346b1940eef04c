import { runSchedule } from './sim-run.ts'
import type { Run } from './sim-run.ts'
import { openSimStore } from './sim-store.ts'

export interface Range {
  first: number
  count: number
}

export interface Summary {
  schedules: number
  /** Everybody was paid and all is final. */
  done: number
  /** The queue stands still for something that really happened. */
  stopped: number
  /** Schedules with a payment that happened or was tried twice. */
  double: number
  lost: number
  other: number
  /** Times a process touched the store, a node or the side log. */
  steps: number
  seconds: number
  /** One line a failing seed; the first command in it reproduces it. */
  failed: string[]
  firstFailed: { seed: number; what: string } | undefined
}

export const EMPTY: Summary = {
  schedules: 0,
  done: 0,
  stopped: 0,
  double: 0,
  lost: 0,
  other: 0,
  steps: 0,
  seconds: 0,
  failed: [],
  firstFailed: undefined,
}

// PGlite keeps what was deleted until it is tidied up; its memory would grow over thousands of schedules.
const SEEDS_A_STORE = 1_000

export async function runSeeds(
  { first, count }: Range,
  maxFailed: number,
  report: (soFar: Summary) => void,
): Promise<Summary> {
  let summary = EMPTY
  let store = await openSimStore()
  for (let index = 0; index < count; index += 1) {
    if (index > 0 && index % SEEDS_A_STORE === 0) {
      await store.close()
      store = await openSimStore()
    }
    summary = add(summary, summaryOf(await runSchedule(first + index, store)))
    report(summary)
    if (summary.failed.length >= maxFailed) break
  }
  await store.close()
  return summary
}

function summaryOf(run: Run): Summary {
  const { faults, outcome, touches, seed } = run
  const has = (kind: string): number => (faults.some((fault) => fault.kind === kind) ? 1 : 0)
  const [worst] = faults
  const isOther = worst !== undefined && has('double') === 0 && has('lost') === 0
  return {
    schedules: 1,
    done: outcome.end === 'done' ? 1 : 0,
    stopped: outcome.end === 'stopped' ? 1 : 0,
    double: has('double'),
    lost: has('lost'),
    other: isOther ? 1 : 0,
    steps: touches,
    seconds: 0,
    failed: worst ? [showRun(run)] : [],
    firstFailed: worst && { seed, what: `${worst.kind}: ${worst.what.split('\n')[0]}` },
  }
}

export function add(a: Summary, b: Summary): Summary {
  return {
    schedules: a.schedules + b.schedules,
    done: a.done + b.done,
    stopped: a.stopped + b.stopped,
    double: a.double + b.double,
    lost: a.lost + b.lost,
    other: a.other + b.other,
    steps: a.steps + b.steps,
    seconds: a.seconds + b.seconds,
    failed: [...a.failed, ...b.failed],
    firstFailed: a.firstFailed ?? b.firstFailed,
  }
}

export function isClean({ failed }: Summary): boolean {
  return failed.length === 0
}

// A stack trace is for the run of the one seed.
const MAX_SHOWN = 300

export function showRun({ seed, faults, outcome, touches, processes }: Run): string {
  const ends = `${outcome.end} after ${touches} steps in ${processes} processes`
  if (faults.length === 0) return `seed ${seed}: ${ends}`
  const told = faults.map(({ kind, what }) => `${kind}: ${what}`).join(' | ')
  const line = told.replaceAll(/\s+/g, ' ').slice(0, MAX_SHOWN)
  return `npm run sim -- --seed ${seed}  # ${ends}: ${line}`
}
