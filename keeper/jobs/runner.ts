import { schedule } from 'node-cron'
import type { ScheduledTask } from 'node-cron'
import { describe, isKeeperError } from '../base/errors.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import { checkZoneAgainstGrid } from '../base/zone.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import type { Keeper } from '../keeper.ts'
import { dueCycle, runDay } from '../validators/day.ts'
import type { DayOptions, DayReport } from '../validators/day.ts'
import { dueSlots } from './due.ts'
import { JOBS, SETTLE_DAY, slotOfCycle } from './jobs.ts'
import type { Job, JobContext } from './jobs.ts'
import {
  completeSlot,
  delaySlot,
  exclusively,
  lastFinished,
  openSlots,
  skipSlot,
  startSlot,
} from './slots.ts'

export interface Runner {
  /** Runs everything that is due now; called by the clock, and by tests. */
  wake(): Promise<void>
  /** No new slot; resolves when the one that runs has ended. */
  stop(): Promise<void>
}

export interface RunnerOptions {
  evidence?: Evidence | undefined
}

// A slot that waits (for evidence, for a fee, for the node) is tried again after a minute: an hour's
// window is 4 h, and the last thing it waits for is usually a push that is minutes away.
const RETRY_AFTER_MS = 60_000

/** node-cron only wakes us: what is due is read from the rows, so a lost wake-up loses nothing. */
export function startRunner(keeper: Keeper, options: RunnerOptions = {}): Runner {
  const { config, contracts, log, clock } = keeper
  const { firstCut } = contracts.deployment
  const { maxLagSeconds } = checkZoneAgainstGrid(
    config.zone,
    config.dailyTime,
    firstCut,
    clock.now(),
  )
  const { zone, dailyTime } = config
  log.info({ zone, dailyTime, maxLagSeconds }, 'runner-started')
  const turns = turnsOf(keeper, options)
  const tasks = JOBS.map((job) => wakeBy(job, keeper, turns.wake))
  return {
    wake: turns.wake,
    stop: async () => {
      for (const task of tasks) await task.destroy()
      await turns.stop()
    },
  }
}

function wakeBy(job: Job, { config, log }: Keeper, wake: () => Promise<void>): ScheduledTask {
  const { expression, timezone } = job.cron(config)
  const name = job.name
  return schedule(expression, wake, { timezone, name, noOverlap: true, logger: quiet(log) })
}

/** node-cron's own warnings, as ours. */
function quiet(log: Keeper['log']) {
  const tell = (message: string | Error): void => log.warn({ message: String(message) }, 'cron')
  return { info: () => {}, debug: () => {}, warn: tell, error: tell }
}

/** One turn at a time; a wake-up during a turn makes one more turn after it (S-41). */
function turnsOf(keeper: Keeper, options: RunnerOptions): Runner {
  const state = { isStopped: false, isWanted: false }
  let current: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  const loop = async (): Promise<void> => {
    while (state.isWanted && !state.isStopped) {
      state.isWanted = false
      clearTimeout(retry)
      const isDone = await turn(keeper, options, () => state.isStopped)
      if (!isDone && !state.isStopped) retry = setTimeout(() => void wake(), RETRY_AFTER_MS).unref()
    }
  }
  const wake = async (): Promise<void> => {
    state.isWanted = true
    current ??= loop().finally(() => {
      current = undefined
    })
    await current
  }
  return {
    wake,
    stop: async () => {
      state.isStopped = true
      clearTimeout(retry)
      await current
    },
  }
}

/** Every due slot of every job, in the order of their instants. False: something should be tried again. */
async function turn(
  keeper: Keeper,
  { evidence }: RunnerOptions,
  isStopped: () => boolean,
): Promise<boolean> {
  let isDone = true
  for (const { job, slot } of await readDue(keeper)) {
    if (isStopped()) return true
    isDone = (await runDue(keeper, job, slot, { trigger: 'schedule', evidence })) && isDone
  }
  return isDone
}

async function readDue(keeper: Keeper): Promise<{ job: Job; slot: UnixSeconds }[]> {
  const { db, clock, config, log } = keeper
  const all: { job: Job; slot: UnixSeconds }[] = []
  for (const job of JOBS) {
    const usefulSeconds = job.usefulSeconds?.(keeper)
    const due = dueSlots({
      schedule: job.schedule(config),
      now: clock.now(),
      lastFinished: await lastFinished(db, job.name),
      open: await openSlots(db, job.name),
      policy: config.missedSlots,
      ...(usefulSeconds === undefined ? {} : { usefulSeconds }),
    })
    for (const { slot, reason } of due.skip) {
      await skipSlot(db, clock, { job: job.name, slot }, reason)
      log.warn({ job: job.name, slot, reason }, 'slot-skipped')
    }
    all.push(...due.run.map((slot) => ({ job, slot })))
  }
  // Stable: at the same instant the jobs keep the order of their table.
  return all.sort((a, b) => a.slot - b.slot)
}

/** True: done, or nothing to be gained by trying again soon. */
async function runDue(
  keeper: Keeper,
  job: Job,
  slot: UnixSeconds,
  context: JobContext,
): Promise<boolean> {
  try {
    await runSlot(keeper, job, slot, context)
    return true
  } catch (error) {
    const { code, message } = describe(error)
    keeper.log.error({ job: job.name, slot, code, message }, 'slot-late')
    return !(isKeeperError(error) && error.row.retry === true)
  }
}

/** Claims the slot, runs the job, and records how it ended; rethrows what went wrong. */
export async function runSlot<T extends object>(
  keeper: Keeper,
  job: Job,
  slot: UnixSeconds,
  context: JobContext,
  run: () => Promise<T> = () => job.run(keeper, slot, context) as Promise<T>,
): Promise<T> {
  const { db, clock } = keeper
  const key = { job: job.name, slot }
  return exclusively(db, key, async () => {
    await startSlot(db, clock, key, { cycle: job.cycleOf(keeper, slot), trigger: context.trigger })
    try {
      const facts = await run()
      await completeSlot(db, clock, key, facts)
      return facts
    } catch (error) {
      const canWait = isKeeperError(error) && error.row.retry === true
      await delaySlot(db, key, canWait ? 'available' : 'failed', describe(error).message)
      throw error
    }
  })
}

/** `run-day` by hand: the same slot row as the schedule's, so that the two are one run (S-44). */
export async function runDaySlot(keeper: Keeper, options: DayOptions = {}): Promise<DayReport> {
  const cycle: Cycle = options.cycle ?? (await dueCycle(keeper))
  const trigger = options.trigger ?? 'manual'
  const slot = slotOfCycle(keeper, cycle)
  const run = (): Promise<DayReport> => runDay(keeper, { ...options, cycle, trigger })
  return runSlot(keeper, SETTLE_DAY, slot, { ...options, trigger }, run)
}
