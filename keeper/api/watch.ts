import { hostname } from 'node:os'
import { logSink, openAlerts } from '../base/alerts.ts'
import type { AlertSink, Alerts } from '../base/alerts.ts'
import { KeeperError, describe } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { createMetrics } from '../base/metrics.ts'
import type { Metrics } from '../base/metrics.ts'
import { systemClock } from '../base/time.ts'
import type { Config } from '../config.ts'
import type { Keeper, KeeperDeps } from '../keeper.ts'
import type { Db } from '../store/db.ts'
import type { PayoutRouteOptions } from './admin/payout-routes.ts'
import { addAdminRoutes } from './admin/routes.ts'
import { createApp, listen } from './app.ts'
import type { JobFigures, PartnersPage, SlotFigures } from './gauges.ts'
import type { IntakeService } from './intake/service.ts'
import { lastSuccessFile } from './last-success.ts'
import { addOpsRoutes } from './ops.ts'
import { openPing } from './ping.ts'
import type { Ping } from './ping.ts'
import type { Role } from './readiness.ts'
import { openSelfCheck } from './self-check.ts'
import type { SelfCheck } from './self-check.ts'
import { stepMeter } from './step-meter.ts'
import { openWebhook } from './webhook.ts'
import type { Webhook } from './webhook.ts'

/** Everything by which a running keeper is watched: alerts, metrics, pages, signs of life. */
export interface Watch {
  alerts: Alerts
  metrics: Metrics
  /** Counts the sender's steps, then does what was asked before. */
  onStep(then: KeeperDeps['onStep']): NonNullable<KeeperDeps['onStep']>
  onJournalWrite(seconds: number): void
  /** A standby has no keeper to look at: the one it had is closed. */
  setRole(role: Role): void
  /** From now on there is a keeper to look at, and its settled days are told. */
  follow(keeper: Keeper, read: (keeper: Keeper) => Promise<SlotFigures[]>): void
  /** While it is open, its figures are on the page. */
  followIntake(intake: IntakeService | undefined): void
  /** Undefined when MUSTER_OPS_PORT is not set. */
  port: number | undefined
  close(): Promise<void>
}

// The sign of life comes that much after the settlement at most: one query of an index.
const LOOK_EVERY_MS = 3_000
// The job whose slots a dead man's switch waits for.
const DAILY_JOB = 'settle-day'

export interface WatchDeps {
  /** Of the programs. */
  readJobs?: (db: Db) => Promise<JobFigures & object>
  redriveJob?: PayoutRouteOptions['redriveJob']
  readPartners?: (db: Db) => Promise<PartnersPage>
}

interface State {
  role: Role
  keeper: Keeper | undefined
  intake: IntakeService | undefined
  readSlots: (keeper: Keeper) => Promise<SlotFigures[]>
  ping: Ping | undefined
  selfCheck: SelfCheck | undefined
}

/** Opened before the keeper, so that a start that hangs, or a standby, can be seen too. */
export async function openWatch(
  config: Config,
  log: Logger,
  given: WatchDeps = {},
): Promise<Watch> {
  const name = config.name ?? hostname()
  const deps = { readJobs: async () => ({ deadLettersTotal: 0 }), redriveJob: noQueue, ...given }
  const metrics = beginAtZero(createMetrics({ withProcess: true }))
  const state: State = {
    role: 'starting',
    keeper: undefined,
    intake: undefined,
    readSlots: async () => [],
    ping: undefined,
    selfCheck: undefined,
  }
  const webhook = webhookOf(config, name, log, metrics)
  const sinks = sinksOf(log, metrics, webhook, state)
  const alerts = openAlerts({ clock: systemClock, sinks })
  state.selfCheck = openSelfCheck(alerts, systemClock, deps.readJobs)
  const pages = await openPages(config, log, { ...deps, alerts, metrics, state })
  const stop = new AbortController()
  let looking: Promise<void> | undefined
  return {
    alerts,
    metrics,
    port: pages.port,
    onStep: (then) => stepMeter(metrics, then),
    onJournalWrite: (seconds) => metrics.journalWriteSeconds.observe(seconds),
    setRole: (role) => {
      state.role = role
      if (role === 'standby') state.keeper = undefined
    },
    follow: (keeper, read) => {
      state.keeper = keeper
      state.readSlots = read
      const { chainId } = keeper.client
      const [file, url] = [lastSuccessFile(config), config.pingUrl]
      state.ping = openPing({ file, url, name, chainId, log })
      metrics.info.set({ chain_id: chainId, roles: keeper.roles.toSorted().join('+') }, 1)
      looking ??= lookOften(state, log, stop.signal)
    },
    followIntake: (intake) => {
      state.intake = intake
    },
    close: async () => {
      stop.abort()
      await looking
      await pages.close()
      await webhook?.close()
    },
  }
}

async function noQueue(): Promise<never> {
  throw new KeeperError('NOT_READY', { reason: 'it has no queue' })
}

/** Prometheus sees an increase only from a number that was there: the first failure must count. */
function beginAtZero(metrics: Metrics): Metrics {
  metrics.leader.set(0)
  for (const outcome of ['delivered', 'failed', 'dropped']) metrics.alertPosts.inc({ outcome }, 0)
  for (const purpose of ['send', 'bump', 'cancel']) metrics.txAttempts.inc({ purpose }, 0)
  return metrics
}

function webhookOf(
  { alertUrl: url }: Config,
  name: string,
  log: Logger,
  metrics: Metrics,
): Webhook | undefined {
  if (url === undefined) return undefined
  return openWebhook({
    url,
    name,
    log,
    onOutcome: (outcome) => metrics.alertPosts.inc({ outcome }),
  })
}

function sinksOf(
  log: Logger,
  metrics: Metrics,
  webhook: Webhook | undefined,
  state: State,
): AlertSink[] {
  const count: AlertSink = ({ kind, state: told }) => {
    if (told === 'raised') metrics.alertsRaised.inc({ kind })
  }
  const fail: AlertSink = (notice) => state.ping?.sink(notice)
  return [logSink(log), count, ...(webhook ? [webhook.sink] : []), fail]
}

type PagesOf = WatchDeps &
  Required<Pick<WatchDeps, 'readJobs' | 'redriveJob'>> & {
    alerts: Alerts
    metrics: Metrics
    state: State
  }

interface Pages {
  port: number | undefined
  close(): Promise<void>
}

async function openPages(
  config: Config,
  log: Logger,
  { alerts, metrics, state, readJobs, redriveJob, readPartners }: PagesOf,
): Promise<Pages> {
  const { opsHost: host, opsPort } = config
  if (opsPort === undefined) return { port: undefined, close: async () => {} }
  const app = createApp(log)
  addOpsRoutes(app, {
    metrics,
    alerts,
    log,
    clock: systemClock,
    successFile: lastSuccessFile(config),
    role: () => state.role,
    keeper: () => state.keeper,
    intake: () => state.intake,
    slots: (keeper) => state.readSlots(keeper),
    jobs: readJobs,
    ...(readPartners ? { partners: readPartners } : {}),
  })
  addAdminRoutes(app, {
    log,
    clock: systemClock,
    readJobs,
    redriveJob,
    ...(config.partners === 'off' ? {} : { partners: { alerts, zone: config.partnersZone } }),
    room: () => state.keeper && { db: state.keeper.db, configKeys: config.configKeys },
  })
  const port = await listen(app, host, opsPort)
  log.info({ host, port, pages: ['/healthz', '/readyz', '/metrics'] }, 'ops-listening')
  return { port, close: () => app.close() }
}

/** A settlement is found in the rows, whoever made it: the schedule, a person, or the process before us. */
async function lookOften(state: State, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await look(state).catch((error: unknown) => {
      log.warn({ reason: describe(error).message }, 'slots-not-read')
    })
    await systemClock.sleep(LOOK_EVERY_MS, signal).catch(() => {})
  }
  // The settlement that ended with the stop is told, too.
  await look(state).catch(() => {})
}

async function look({ keeper, readSlots, ping, selfCheck, role }: State): Promise<void> {
  if (!keeper || !ping || role === 'standby') return
  const figures = await readSlots(keeper)
  await ping.tell(figures.find(({ job }) => job === DAILY_JOB)?.lastDone)
  if (role === 'leader') await selfCheck?.look(keeper)
}
