import type { Alerts } from '../../base/alerts.ts'
import { describe, isKeeperError } from '../../base/errors.ts'
import { hourOf, isoTime, startOfHour } from '../../base/time.ts'
import type { Hour } from '../../base/time.ts'
import type { Config } from '../../config.ts'
import type { Keeper } from '../../keeper.ts'
import { openSource, pull } from '../../programs/partners/intake/pull.ts'
import { readSourceFile } from '../../programs/partners/intake/source-file.ts'
import { PARTNERS } from '../../programs/partners/names.ts'
import type { PartnersRoom } from '../../programs/partners/room.ts'
import { dueThrough } from '../../programs/partners/rules/plan-steps.ts'
import { readRuleset } from '../../programs/partners/ruleset.ts'
import { runPartners } from '../../programs/partners/distribution/run.ts'
import type { Done } from '../../programs/partners/distribution/run.ts'
import { sendSpecial } from '../../programs/partners/special/send.ts'
import { openSpecial } from '../../programs/partners/special/target.ts'
import { beginAt, readState } from '../../programs/partners/distribution/state.ts'
import { laneName } from './lanes.ts'
import { dueAt, wakeUpsOf } from './partner-times.ts'
import type { PartnersTimes } from './partner-times.ts'
import { PAY_LANE } from './pay-jobs.ts'
import type { ProgramJob, Task } from './queue.ts'
import { isLaneFree } from './read-queue.ts'

/** Takes in what the source has, then distributes what is due, hour by hour and day by day. */
export const DISTRIBUTE_LANE = 'distribute'
/** Brings the hourly sums of special partners to the second database. */
export const SPECIAL_LANE = 'special'
/** Finds what a lost wake-up left, and says when hours wait. */
const WATCH_LANE = 'watch'
// The source is back, or a wake-up got lost: who waits for that waits five minutes more at most.
const WATCH_EVERY = '*/5 * * * *'
// One is late by a slow source; two that are due and wait stop by nothing that ends by itself within minutes.
const BEHIND_HOURS = 2

/** Nothing where partners are off; elsewhere is where the payer's key is. */
export function partnerJobs(keeper: Keeper, alerts: Alerts): ProgramJob[] {
  const { config, log, payouts } = keeper
  const { partners: mode } = config
  if (mode === 'off') return []
  if (!payouts) {
    log.warn({ mode }, 'partners-elsewhere')
    return []
  }
  const asset = payouts.assetId
  const jobs = [distributeJob(keeper, alerts, asset), watchJob(keeper, alerts)]
  return mode === 'pay' ? [...jobs, specialJob(keeper, alerts)] : jobs
}

function distributeJob(keeper: Keeper, alerts: Alerts, asset: string): ProgramJob {
  const { config, log, signal } = keeper
  return {
    program: PARTNERS,
    lane: DISTRIBUTE_LANE,
    wakes: wakeUpsOf(config),
    isAtStart: true,
    run: async (task) => {
      try {
        await sendOn(await distribute(keeper, alerts, { asset, signal: task.signal }), task, config)
        alerts.clear('partners-behind')
      } catch (error) {
        // The step that ran was ended or undone; the next term begins where the rows are.
        if (signal?.aborted === true) return log.info({}, 'partners-stopped')
        const { code, message: reason } = describe(error)
        await tellBehind(keeper, alerts, { code, reason })
        // What ends by itself is no failure: the next look tries again, however long it takes.
        if (!isKeeperError(error) || error.row.retry !== true) throw error
        log.warn({ code, reason }, 'partners-wait')
      }
    },
  }
}

async function distribute(
  keeper: Keeper,
  alerts: Alerts,
  { asset, signal }: { asset: string; signal: AbortSignal },
): Promise<Done[]> {
  const { config, clock, db, log } = keeper
  // Before the votes are taken in: what is due only then waits for votes of its own.
  const due = dueAt(clock.now(), config)
  const signals = keeper.signal ? [keeper.signal, signal] : [signal]
  const room: PartnersRoom = {
    db,
    clock,
    log,
    alerts,
    asset,
    zone: config.partnersZone,
    ruleset: await readRuleset(config.partnersRules),
    special: new Set(config.partnersSpecial),
    shadow: config.partners === 'shadow',
    signal: AbortSignal.any(signals),
  }
  // Hours that begin while the source is away are not passed over for it.
  await beginAt(db, room, config.partnersFrom ?? hourOf(due.at))
  await takeIn(room, config)
  return runPartners(room, { due })
}

/** Never an hour without its votes: where the source is away, nothing is distributed. */
async function takeIn(room: PartnersRoom, config: Config): Promise<void> {
  const { partnersSource: file, partnersSourceUrl: url } = config
  if (file === undefined) return
  const source = await openSource(await readSourceFile(file), url)
  try {
    await pull(room, source, room.signal ? { signal: room.signal } : {})
  } finally {
    await source.close()
  }
}

/** What a distribution sets off; in the shadow nothing is owed. */
async function sendOn(done: readonly Done[], { send }: Task, config: Config): Promise<void> {
  if (config.partners !== 'pay') return
  const isNew = (kind: Done['kind']): boolean =>
    done.some((each) => each.kind === kind && each.isNew)
  if (isNew('hour')) await send(PARTNERS, SPECIAL_LANE)
  if (isNew('day')) await send(PARTNERS, PAY_LANE)
}

function watchJob(keeper: Keeper, alerts: Alerts): ProgramJob {
  const { db } = keeper
  return {
    program: PARTNERS,
    lane: WATCH_LANE,
    every: WATCH_EVERY,
    run: async ({ send }) => {
      if (await isLaneFree(db, laneName(PARTNERS, DISTRIBUTE_LANE))) {
        await send(PARTNERS, DISTRIBUTE_LANE)
      }
      await tellBehind(keeper, alerts)
    },
  }
}

/** By the watch, and after a failure: then also before anything was ever distributed. */
async function tellBehind(
  { db, clock, config }: Keeper,
  alerts: Alerts,
  failure?: { code: string; reason: string },
): Promise<void> {
  const { firstHour, lastHour } = await readState(db, config.partners === 'shadow')
  const last = lastHour ?? (firstHour === undefined ? undefined : firstHour - 1)
  const hours = last === undefined ? 0 : hoursBehind(last, clock.now(), config)
  const isNew = lastHour === undefined && failure !== undefined
  if (hours < BEHIND_HOURS && !isNew) return
  const through = last === undefined ? null : isoTime(startOfHour(last + 1))
  // The watch knows no reason: what the failed job told stays with the alert.
  const known = alerts.active().find(({ kind }) => kind === 'partners-behind')?.facts
  alerts.raise('partners-behind', { ...known, ...failure, hours, through })
}

function hoursBehind(last: Hour, now: number, config: PartnersTimes): number {
  return Math.max(0, dueThrough(config.partnersZone, dueAt(now, config)).hour - last)
}

function specialJob(keeper: Keeper, alerts: Alerts): ProgramJob {
  const { db, clock, log, config, signal: stop } = keeper
  const { partnersSpecialUrl: url, partnersSpecialTable: form } = config
  const target = url === undefined ? undefined : openSpecial(url, form)
  return {
    program: PARTNERS,
    lane: SPECIAL_LANE,
    every: WATCH_EVERY,
    isAtStart: true,
    run: async ({ signal }) => {
      const signals = stop ? [stop, signal] : [signal]
      await sendSpecial({ db, clock, log, alerts }, target, { signal: AbortSignal.any(signals) })
    },
  }
}
