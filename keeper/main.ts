import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startControl } from './api/control.ts'
import { openDoor } from './api/intake/door.ts'
import type { Door } from './api/intake/door.ts'
import { startIntakeService } from './api/intake/service.ts'
import type { IntakeService } from './api/intake/service.ts'
import { openWatch } from './api/watch.ts'
import type { Watch } from './api/watch.ts'
import type { Alerts } from './base/alerts.ts'
import { EXIT } from './base/catalogue-row.ts'
import { KeeperError, describe, exitCodeOf, isKeeperError } from './base/errors.ts'
import type { Logger } from './base/log.ts'
import { trackProcess } from './base/processes.ts'
import { systemClock } from './base/time.ts'
import { answerAtDesk } from './commands/desk.ts'
import type { Desk } from './commands/desk.ts'
import type { Config } from './config.ts'
import { fileEvidence } from './heartbeat/evidence.ts'
import type { Evidence } from './heartbeat/evidence.ts'
import { jobsOf } from './jobs/jobs.ts'
import { readQueue } from './jobs/queue/read-queue.ts'
import { payoutsRoomOf } from './jobs/queue/payouts-room.ts'
import type { ProgramQueue } from './jobs/queue/queue.ts'
import { redriveLetter } from './jobs/queue/redrive.ts'
import { startQueue } from './jobs/queue/start-queue.ts'
import { startRunner } from './jobs/runner.ts'
import { readSlotFigures } from './jobs/slot-figures.ts'
import { closeKeeper, loggerOf, openKeeper } from './keeper.ts'
import type { Keeper, KeeperDeps } from './keeper.ts'
import { readPartnersFigures } from './programs/partners/figures.ts'
import { lockDirectory } from './store/directory-lock.ts'

export interface DaemonDeps extends KeeperDeps {
  /** How many times faster than real time the clock runs: nodes are told to beat that much faster. */
  paceFactor?: number
}

/** Runs until a signal comes. Returns the exit code; throws what stops it from starting. */
export async function runDaemon(config: Config, deps: DaemonDeps = {}): Promise<number> {
  const log = deps.log ?? loggerOf(config)
  const stop = stopOnSignal(log)
  const untrack = trackProcess(config.home, commandOf(deps), systemClock)
  const watch = await openWatch(config, log, {
    readJobs: readQueue,
    redriveJob: redriveLetter,
    readPartners: readPartnersFigures,
  })
  const run: Run = {
    config,
    deps: { ...deps, log },
    log,
    watch,
    stop,
    door: undefined,
    keeper: undefined,
    isStandby: false,
    hasLed: false,
  }
  try {
    run.door = await openIntakeDoor(config, deps, log)
    return await withinLimit(run, live(run))
  } catch (error) {
    if (isKeeperError(error, 'STOPPED')) return EXIT.ok
    if (!run.keeper) throw error
    log.error(describe(error), 'keeper-failed')
    return exitCodeOf(error)
  } finally {
    stop.release()
    await watch.close()
    // Also after a failure: nothing waits for a block any more.
    stop.ask()
    await run.door?.close()
    if (run.keeper) await closeKeeper(run.keeper)
    untrack()
    log.info({}, 'keeper-stopped')
  }
}

function commandOf({ roles = ['keeper'] }: DaemonDeps): string {
  return roles.includes('keeper') ? 'keeper' : 'intake'
}

interface Run {
  config: Config
  deps: DaemonDeps
  log: Logger
  watch: Watch
  stop: Stop
  /** Open from the start where nodes beat: while another keeper leads, they are told so. */
  door: Door | undefined
  keeper: Keeper | undefined
  /** That it stands by has been told. */
  isStandby: boolean
  hasLed: boolean
}

/** Term after term: who loses the lease stands by for the next one, and whoever stops is done. */
async function live(run: Run): Promise<number> {
  await refuseSecond(run.config)
  while (!run.stop.signal.aborted) await lead(run).catch((error) => comeBack(run, error))
  return EXIT.ok
}

/** Who has led does not give up when the store or the nodes are away for a while: they come back. */
async function comeBack(run: Run, error: unknown): Promise<void> {
  const canWait = run.hasLed && !run.keeper && isKeeperError(error) && error.row.retry === true
  if (!canWait) throw error
  run.log.warn(describe(error), 'keeper-waits')
  await pause(run)
}

/**
 * S-43: a held embedded store is refused before a key is decrypted or a node is asked. It is only looked at:
 * the lock that counts comes with the store.
 */
export async function refuseSecond({ databaseUrl, home }: Config): Promise<void> {
  const dir = join(home, 'store')
  if (databaseUrl !== undefined || !existsSync(dir)) return
  const lock = await lockDirectory(dir, systemClock)
  await lock.release()
}

/** One term: from the lease to the stop, or to its loss. A stop during the start cuts it at a wait. */
async function lead(run: Run): Promise<void> {
  const { config, deps, watch, stop } = run
  const onStep = watch.onStep(deps.onStep)
  const { alerts } = watch
  const standBy = (sender: string): Promise<void> => waitInStandby(run, sender)
  const { signal } = stop
  const { onJournalWrite } = watch
  const given = { ...deps, onStep, signal, alerts, standBy, onJournalWrite }
  const keeper = await openKeeper(config, { ...given, resumes: 'beside' })
  run.keeper = keeper
  run.isStandby = false
  run.hasLed = true
  watch.follow(keeper, ({ db, clock }) => readSlotFigures(db, clock.now(), jobsOf(keeper)))
  watch.setRole('leader')
  run.log.info({ epochs: keeper.leases.epochs }, 'keeper-leads')
  alerts.clear('lease-lost')
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>()
  const intake = await startIntake(run, keeper, () => void isOpen.then(() => runner.wake()))
  const runner = startRunner(keeper, { evidence: intake?.evidence ?? beatsOf(config), alerts })
  open()
  const work = runner.wake()
  const starting = startQueue(keeper, alerts)
  const desk = deskOf(keeper, { intake, queue: starting, alerts }, stop.ask)
  const control = await startControl(config.home, run.log, (request) => answerAtDesk(desk, request))
  const isLost = await endOfTerm(keeper, stop)
  await control.close()
  watch.followIntake(undefined)
  watch.setRole(isLost ? 'standby' : 'stopping')
  if (isLost) alerts.raise('lease-lost', { keeper: keeper.keeper.address })
  // What was counted is in the store before it is closed.
  const queue = starting.then((started) => started?.stop())
  await Promise.allSettled([runner.stop(), work, intake?.close(), queue])
  if (!isLost) return
  run.keeper = undefined
  await closeKeeper(keeper)
}

function openIntakeDoor(
  config: Config,
  { paceFactor = 1, roles = ['reporter'] }: DaemonDeps,
  log: Logger,
): Promise<Door> | undefined {
  if (config.intakePort === undefined || !roles.includes('reporter')) return undefined
  if (config.beats === undefined) return openDoor({ config, log, paceFactor })
  const fault = 'MUSTER_INTAKE_PORT and MUSTER_BEATS: beats come from nodes or from a file'
  throw new KeeperError('SETTING_INVALID', { faults: [fault] })
}

/** An hour is pushed as soon as it is closed; the schedule would be seconds later. */
async function startIntake(
  { door, deps, watch }: Run,
  keeper: Keeper,
  onHour: () => void,
): Promise<IntakeService | undefined> {
  if (!door) return undefined
  const { alerts } = watch
  const { paceFactor = 1 } = deps
  const intake = await startIntakeService(keeper, { door, alerts, paceFactor, onHour })
  watch.followIntake(intake)
  return intake
}

function beatsOf({ beats }: Config): Evidence | undefined {
  return beats === undefined ? undefined : fileEvidence(beats)
}

interface DeskParts {
  intake: IntakeService | undefined
  queue: Promise<ProgramQueue | undefined>
  alerts: Alerts
}

/** Where orders reach the keeper while it leads: through the socket in its home (decision 0015). */
function deskOf(keeper: Keeper, parts: DeskParts, onDrained: () => void): Desk {
  const { db, client, config, clock, log, roles } = keeper
  const { intake, queue, alerts } = parts
  const room = payoutsRoomOf(keeper, alerts)
  return {
    db,
    client,
    senders: roles.map((role) => keeper[role]),
    roles,
    config,
    clock,
    log,
    alerts,
    onDrained,
    ...(intake ? { intake } : {}),
    ...(room ? { programs: { room, queue } } : {}),
  }
}

/** True: the lease is gone, and another keeper may be signing by now. */
async function endOfTerm({ leases }: Keeper, stop: Stop): Promise<boolean> {
  const lost = new Promise<boolean>((resolve) => {
    if (leases.lost.aborted) resolve(true)
    leases.lost.addEventListener('abort', () => resolve(true), { once: true })
  })
  return Promise.race([lost, stop.asked.then(() => false)])
}

// Of a lease: a standby asks three times while one lasts, and so takes over within 4/3 of it.
const ASK_PARTS = 3

async function waitInStandby(run: Run, sender: string): Promise<void> {
  const { leaseMs } = run.config
  run.watch.setRole('standby')
  if (!run.isStandby) run.log.info({ sender, leaseMs }, 'keeper-stands-by')
  run.isStandby = true
  await pause(run)
}

async function pause({ config, stop }: Run): Promise<void> {
  await systemClock.sleep(Math.ceil(config.leaseMs / ASK_PARTS), stop.signal)
}

/** The running step ends by itself or is cut at a wait; either way its row is in the journal. */
async function withinLimit({ config, log, stop }: Run, ended: Promise<number>): Promise<number> {
  const timer = new AbortController()
  const late = stop.asked.then(() => timeOut(config, log, timer.signal))
  try {
    return await Promise.race([ended, late])
  } finally {
    timer.abort()
    // Told by its own rows when it was too slow to end.
    ended.catch(() => {})
  }
}

/** Real time, whatever clock decides what is due. */
async function timeOut(
  { stopLimitMs: timeoutMs }: Config,
  log: Logger,
  ended: AbortSignal,
): Promise<number> {
  try {
    await systemClock.sleep(timeoutMs, ended)
  } catch {
    return EXIT.ok
  }
  log.error({ timeoutMs }, 'keeper-stop-timeout')
  return EXIT.temporary
}

interface Stop {
  asked: Promise<void>
  /** Aborted with STOPPED at the same moment. */
  signal: AbortSignal
  /** Like a signal, but from within: nothing is on its way any more. */
  ask(): void
  release(): void
}

/** The first signal asks, the second one ends the process at once. */
function stopOnSignal(log: Logger): Stop {
  const controller = new AbortController()
  let isAsked = false
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const ask = (): void => {
    controller.abort(new KeeperError('STOPPED', {}))
    resolve()
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal, isForced: isAsked }, 'keeper-stopping')
    if (isAsked) process.exit(EXIT.failed)
    isAsked = true
    ask()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const release = (): void => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
  return { asked, signal: controller.signal, ask, release }
}
