import { logAlerts } from '../base/alerts.ts'
import type { Alerts } from '../base/alerts.ts'
import type { Cycle } from '../base/time.ts'
import { checkZoneAgainstGrid } from '../base/zone.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import type { Keeper } from '../keeper.ts'
import { dueCycle, runDay } from '../validators/day.ts'
import type { DayOptions, DayReport } from '../validators/day.ts'
import { SETTLE_DAY, jobsOf, slotOfCycle } from './jobs.ts'
import { runSlot } from './run-slot.ts'
import { takeTurns } from './turns.ts'
import { wakeBy } from './wake-up.ts'

export interface Runner {
  /** Runs everything that is due now; called by the clock, and by tests. */
  wake(): Promise<void>
  /** No new slot; resolves when the one that runs has ended. */
  stop(): Promise<void>
}

export interface RunnerOptions {
  evidence?: Evidence | undefined
  alerts?: Alerts | undefined
}

// node-cron drops a wake-up that comes more than a second or two late: after a stopped process, a machine
// that slept or a clock that was set, this finds the slot instead (S-38). A comparison of two numbers.
const LOOK_EVERY_MS = 10_000

/** node-cron only wakes us: what is due is read from the rows, so a lost wake-up loses nothing. */
export function startRunner(keeper: Keeper, options: RunnerOptions = {}): Runner {
  const { config, contracts, log, clock } = keeper
  const { firstCut } = contracts.deployment
  const { zone, dailyTime } = config
  const { maxLagSeconds } = checkZoneAgainstGrid(zone, dailyTime, firstCut, clock.now())
  const jobs = jobsOf(keeper)
  const names = jobs.map(({ name }) => name)
  log.info({ zone, dailyTime, maxLagSeconds, jobs: names }, 'runner-started')
  const { evidence, alerts = logAlerts(log, clock) } = options
  const turns = takeTurns(keeper, { evidence, alerts })
  const tasks = jobs.map((job) => wakeBy(job.cron(config), { name: job.name, log }, turns.wake))
  const look = setInterval(() => void turns.wakeIfPassed(), LOOK_EVERY_MS).unref()
  return {
    wake: turns.wake,
    stop: async () => {
      clearInterval(look)
      for (const task of tasks) await task.destroy()
      await turns.stop()
    },
  }
}

/** `run-day` by hand: the same slot row as the schedule's, so that the two are one run (S-44). */
export async function runDaySlot(keeper: Keeper, options: DayOptions = {}): Promise<DayReport> {
  const cycle: Cycle = options.cycle ?? (await dueCycle(keeper))
  const trigger = options.trigger ?? 'manual'
  const slot = slotOfCycle(keeper, cycle)
  const run = (room: Keeper): Promise<DayReport> => runDay(room, { ...options, cycle, trigger })
  return runSlot(keeper, SETTLE_DAY, slot, { ...options, trigger }, run)
}
