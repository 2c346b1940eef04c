import type { Alerts } from '../base/alerts.ts'
import { describe, isKeeperError } from '../base/errors.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Keeper } from '../keeper.ts'
import type { Trigger } from '../validators/action-log.ts'
import type { Job, JobContext } from './jobs.ts'
import { keepPlan, planSlot } from './plan.ts'
import { completeSlot, delaySlot, exclusively, findSlot, startSlot } from './slots.ts'
import type { SlotKey } from './slots.ts'

// A wake-up comes at most 15 s after the slot and a try again after a minute: five minutes are not usual.
const LATE_AFTER_SECONDS = 300

/** Claims the slot, runs the job, and records how it ended; rethrows what went wrong. */
export async function runSlot<T extends object>(
  keeper: Keeper,
  job: Job,
  slot: UnixSeconds,
  context: JobContext,
  run: (room: Keeper) => Promise<T> = (room) => job.run(room, slot, context) as Promise<T>,
): Promise<T> {
  const { db, clock } = keeper
  const key = { job: job.name, slot }
  return exclusively(db, key, async () => {
    const { batchSize } = await claim(keeper, job, key, context.trigger)
    try {
      const facts = await run({ ...keeper, batchSize })
      await completeSlot(db, clock, key, facts)
      keeper.log.info({ ...key, trigger: context.trigger }, 'slot-completed')
      return facts
    } catch (error) {
      // Whoever leads now has the slot, and its row.
      if (keeper.leases?.lost.aborted) throw error
      const status = canWait(error) ? 'available' : 'failed'
      await delaySlot(db, key, status, describe(error).message)
      throw error
    }
  })
}

async function claim(
  keeper: Keeper,
  job: Job,
  key: SlotKey,
  trigger: Trigger,
): Promise<{ batchSize: number }> {
  const { db, clock, log } = keeper
  await keeper.leases?.check()
  const known = await findSlot(db, key)
  const plan = keepPlan(key, known?.plan, planSlot(keeper, job, key.slot))
  const lateReason = trigger === 'schedule' ? reasonIfLate(key.slot, clock.now()) : undefined
  await startSlot(db, clock, key, { plan, trigger, lateReason })
  const { cycle, batchSize } = plan
  log.info({ ...key, trigger, cycle, batchSize, isResumed: known !== undefined }, 'slot-started')
  return plan
}

/** S-36, S-37: what was due and is run long after its time says so in its row, also when all goes well. */
function reasonIfLate(slot: UnixSeconds, now: UnixSeconds): string | undefined {
  const late = now - slot
  return late > LATE_AFTER_SECONDS ? `started ${late} s after its time` : undefined
}

/** True: done, or nothing to be gained by trying again soon. */
export async function runDue(
  keeper: Keeper,
  alerts: Alerts,
  job: Job,
  slot: UnixSeconds,
  context: JobContext,
): Promise<boolean> {
  const alert = { key: `${job.name} ${slot}`, job: job.name, slot }
  const late = reasonIfLate(slot, keeper.clock.now())
  if (late !== undefined) alerts.raise('slot-late', { ...alert, reason: late })
  try {
    await runSlot(keeper, job, slot, context)
    alerts.clear('slot-late', alert.key)
    alerts.clear('slot-failed', alert.key)
    return true
  } catch (error) {
    const { code, message } = describe(error)
    if (keeper.leases?.lost.aborted) {
      keeper.log.warn({ job: job.name, slot, code }, 'slot-left-to-leader')
      alerts.clear('slot-late', alert.key)
      return true
    }
    // A stop is somebody's wish: the row waits for the next start, and nobody is called.
    if (isKeeperError(error, 'STOPPED')) {
      keeper.log.info({ job: job.name, slot }, 'slot-left-to-next-start')
      return true
    }
    keeper.log.error({ job: job.name, slot, code, message }, 'slot-late')
    alerts.raise(canWait(error) ? 'slot-late' : 'slot-failed', { ...alert, code, reason: message })
    return !canWait(error)
  }
}

function canWait(error: unknown): boolean {
  return isKeeperError(error) && error.row.retry === true
}
