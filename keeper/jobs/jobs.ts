import { KeeperError } from '../base/errors.ts'
import { cycleOfHour, cutOf, hourOf, latestClosedCycle } from '../base/time.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import { nextSlotInstant } from '../base/zone.ts'
import type { Config } from '../config.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import type { Keeper, SigningRole } from '../keeper.ts'
import type { Trigger } from '../validators/action-log.ts'
import { MAX_LOOK_BACK, runDay } from '../validators/day.ts'
import type { DayProgress, DayReport } from '../validators/day.ts'
import { pushHours } from '../validators/push-hours.ts'
import type { PushedHours } from '../validators/push-hours.ts'
import { isEarly } from '../validators/push-right.ts'
import type { Schedule } from './due.ts'

export interface JobContext {
  trigger: Trigger
  evidence?: Evidence | undefined
  onProgress?: ((progress: DayProgress) => void) | undefined
}

export interface Job {
  name: string
  about: string
  /** A process that was not given this key does not have the job. */
  role: SigningRole
  schedule(config: Pick<Config, 'zone' | 'dailyTime'>): Schedule
  /** When node-cron wakes: shortly after the slot, so that the clock is surely past it. */
  cron(config: Config): { expression: string; timezone: string }
  /** After this long a slot cannot do anything any more; undefined: it always can. */
  usefulSeconds?(keeper: Keeper): number
  cycleOf(keeper: Keeper, slot: UnixSeconds): Cycle
  /** May be called again for the same slot at any time. What it returns is kept in the slot's row. */
  run(keeper: Keeper, slot: UnixSeconds, context: JobContext): Promise<object>
}

const PUSH_HOURS: Job = {
  name: 'push-hours',
  about: 'pushes the hour that has just closed, and earlier ones of its cycle that are missing',
  role: 'reporter',
  schedule: () => ({ every: 'hour' }),
  cron: () => ({ expression: '5 0 * * * *', timezone: 'UTC' }),
  usefulSeconds: ({ contracts }) => contracts.deployment.pushWindow,
  cycleOf: ({ contracts }, slot) =>
    cycleOfHour(hourOf(contracts.deployment.firstCut), hourOf(slot) - 1),
  run: pushSlot,
}

export const SETTLE_DAY: Job = {
  name: 'settle-day',
  about: 'settles every closed cycle that is not done, oldest first: extract, then transfers',
  role: 'keeper',
  schedule: ({ zone, dailyTime }) => ({ every: 'day', zone, time: dailyTime }),
  // Ten seconds after the hourly wake-up; the order does not rest on it.
  cron: ({ zone, dailyTime }) => {
    const [hour, minute] = dailyTime.split(':').map(Number)
    return { expression: `15 ${minute} ${hour} * * *`, timezone: zone }
  },
  cycleOf: ({ contracts }, slot) => latestClosedCycle(contracts.deployment.firstCut, slot),
  run: settleSlot,
}

/** The day as a table. At the same instant the earlier row runs first: the hour before the day (A2). */
export const JOBS: readonly Job[] = [PUSH_HOURS, SETTLE_DAY]

/** A monitor only pushes; a keeper beside an intake of its own only settles. */
export function jobsOf({ roles }: Pick<Keeper, 'roles'>): readonly Job[] {
  return JOBS.filter(({ role }) => roles.includes(role))
}

/** The slot in which a cycle is settled: the first one at or after its cut. */
export function slotOfCycle({ config, contracts }: Keeper, cycle: Cycle): UnixSeconds {
  const cut = cutOf(contracts.deployment.firstCut, cycle)
  return nextSlotInstant(config.zone, config.dailyTime, cut - 1)
}

async function pushSlot(
  keeper: Keeper,
  slot: UnixSeconds,
  { trigger, evidence }: JobContext,
): Promise<object> {
  const cycle = PUSH_HOURS.cycleOf(keeper, slot)
  if (cycle === 0) return { skipped: 'before the first cut' }
  const settled = Number(await keeper.contracts.registry.settledThrough())
  if (cycle <= settled) return { skipped: 'its cycle is decided' }
  const hour = hourOf(slot) - 1
  const result = await pushIfOurs(keeper, cycle, { trigger, evidence })
  if ('skipped' in result) return result
  const { missing, unheard, late, lost } = result
  // Without a source of beats the hours are pushed by hand: then it is reported, not waited for. Nor is an hour
  // in which nobody looked.
  if (evidence && missing.includes(hour) && !unheard.includes(hour)) {
    throw new KeeperError('HOUR_UNHEARD', { hour, source: evidence.name })
  }
  if (missing.length > 0) keeper.log.warn({ cycle, missing, unheard }, 'hours-missing')
  return { pushed: result.pushed.map((each) => each.hour), late, missing, unheard, lost }
}

/** A monitor may be there before its first cycle: its hours are skipped, and the log says from when on. */
async function pushIfOurs(
  keeper: Keeper,
  cycle: Cycle,
  { trigger, evidence }: JobContext,
): Promise<PushedHours | { skipped: string }> {
  try {
    return await pushHours(keeper, cycle, { job: PUSH_HOURS.name, trigger, evidence })
  } catch (error) {
    if (!isEarly(error)) throw error
    keeper.log.info(error.facts, 'reporter-not-due-yet')
    return { skipped: String(error.facts['reason']) }
  }
}

async function settleSlot(keeper: Keeper, slot: UnixSeconds, context: JobContext): Promise<object> {
  const last = SETTLE_DAY.cycleOf(keeper, slot)
  const reports: DayReport[] = []
  for (const cycle of await undoneCycles(keeper, last)) {
    reports.push(await runDay(keeper, { ...context, cycle }))
  }
  return { cycles: reports.map(rowFacts) }
}

/** The slot's row keeps the figures; the journal has the transactions, the chain the refusals. */
function rowFacts(report: DayReport): object {
  const { cycle, state, eligible, pool, paid, credited, carried, unpaid, batches } = report
  const { batchSize, txs, strangers } = report
  return {
    cycle,
    state,
    eligible,
    pool,
    paid,
    credited,
    carried,
    unpaid,
    batches,
    batchSize,
    sent: txs.length,
    strangers,
  }
}

/** The chain decides cycles in order, so one that was missed comes before this slot's own. */
async function undoneCycles({ contracts }: Keeper, last: Cycle): Promise<Cycle[]> {
  const { rewards } = contracts
  const next = Number(await rewards.nextCycle())
  const oldest = Math.max(1, next - MAX_LOOK_BACK)
  const unpaid: Cycle[] = []
  for (let from = oldest; from < next && from <= last;) {
    const found = Number(await rewards.oldestUnpaid(from, next - 1))
    if (found === 0 || found > last) break
    unpaid.push(found)
    from = found + 1
  }
  const undecided = Array.from({ length: Math.max(0, last - next + 1) }, (_, i) => next + i)
  return [...unpaid, ...undecided]
}
