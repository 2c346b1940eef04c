import type { Alerts } from '../base/alerts.ts'
import { describe } from '../base/errors.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import type { Keeper } from '../keeper.ts'
import { watchClock } from './clock-watch.ts'
import type { ClockWatch } from './clock-watch.ts'
import { dueSlots, latestSlot } from './due.ts'
import { jobsOf } from './jobs.ts'
import type { Job } from './jobs.ts'
import { runDue } from './run-slot.ts'
import { findSlot, lastFinished, openSlots, skipSlot } from './slots.ts'

export interface Turns {
  /** Runs everything that is due now. */
  wake(): Promise<void>
  /** The same, when a slot's time passed since the last turn began: for a wake-up that got lost. */
  wakeIfPassed(): Promise<void>
  /** No new slot; resolves when the one that runs has ended. */
  stop(): Promise<void>
}

interface TurnOptions {
  evidence?: Evidence | undefined
  alerts: Alerts
}

// A slot that waits (for evidence, for a fee, for the node) is tried again after a minute: an hour's
// window is 4 h, and the last thing it waits for is usually a push that is minutes away.
const RETRY_AFTER_MS = 60_000

/** One turn at a time; a wake-up during a turn makes one more turn after it (S-41). */
export function takeTurns(keeper: Keeper, options: TurnOptions): Turns {
  const state = { isStopped: false, isWanted: false, lastTurn: 0 }
  const watch = watchClock(keeper, options.alerts)
  let current: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  const loop = async (): Promise<void> => {
    while (state.isWanted && !state.isStopped) {
      state.isWanted = false
      clearTimeout(retry)
      state.lastTurn = keeper.clock.now()
      const isOver = (): boolean => state.isStopped || keeper.signal?.aborted === true
      const isDone = await tryTurn(keeper, options, watch, isOver)
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
    wakeIfPassed: async () => {
      if (current === undefined && hasPassed(keeper, state.lastTurn)) await wake()
    },
    stop: async () => {
      state.isStopped = true
      clearTimeout(retry)
      await current
    },
  }
}

function hasPassed(keeper: Keeper, since: UnixSeconds): boolean {
  const { config, clock } = keeper
  return jobsOf(keeper).some((job) => latestSlot(job.schedule(config), clock.now()) > since)
}

/** What fails outside a slot (the store, say) is told and tried again: the next slot must find us alive. */
async function tryTurn(...given: Parameters<typeof turn>): Promise<boolean> {
  const [{ log }, { alerts }] = given
  const key = 'turn'
  try {
    const isDone = await turn(...given)
    alerts.clear('slot-failed', key)
    return isDone
  } catch (error) {
    const { code, message } = describe(error)
    log.error({ code, message }, 'turn-failed')
    alerts.raise('slot-failed', { key, code, reason: message })
    return false
  }
}

/** Every due slot of every job, in the order of their instants. False: something should be tried again. */
async function turn(
  keeper: Keeper,
  { evidence, alerts }: TurnOptions,
  watch: ClockWatch,
  isStopped: () => boolean,
): Promise<boolean> {
  if (!(await watch.isTrusted())) return false
  let isDone = true
  for (const { job, slot } of await readDue(keeper)) {
    if (isStopped()) return true
    if (!(await watch.isTrusted())) return false
    isDone = (await runDue(keeper, alerts, job, slot, { trigger: 'schedule', evidence })) && isDone
    // One that could not even be claimed has no row: a later one that ends would pass over it for good.
    if (!(await findSlot(keeper.db, { job: job.name, slot }))) return false
  }
  return isDone
}

async function readDue(keeper: Keeper): Promise<{ job: Job; slot: UnixSeconds }[]> {
  const { db, clock, config, log } = keeper
  const all: { job: Job; slot: UnixSeconds }[] = []
  for (const job of jobsOf(keeper)) {
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
