import { openWatch } from './api/watch.ts'
import type { Watch } from './api/watch.ts'
import { EXIT } from './base/catalogue-row.ts'
import { KeeperError, describe, exitCodeOf, isKeeperError } from './base/errors.ts'
import type { Logger } from './base/log.ts'
import { systemClock } from './base/time.ts'
import type { Config } from './config.ts'
import { fileEvidence } from './heartbeat/evidence.ts'
import { startRunner } from './jobs/runner.ts'
import { readSlotFigures } from './jobs/slot-figures.ts'
import { closeKeeper, loggerOf, openKeeper } from './keeper.ts'
import type { Keeper, KeeperDeps } from './keeper.ts'

/** Runs until a signal comes. Returns the exit code; throws what stops it from starting. */
export async function runDaemon(config: Config, deps: KeeperDeps = {}): Promise<number> {
  const log = deps.log ?? loggerOf(config)
  const stop = stopOnSignal(log)
  const watch = await openWatch(config, log)
  const run: Run = { config, deps: { ...deps, log }, log, watch, stop, keeper: undefined }
  try {
    return await withinLimit(run, live(run))
  } catch (error) {
    if (isKeeperError(error, 'STOPPED')) return EXIT.ok
    if (!run.keeper) throw error
    log.error(describe(error), 'keeper-failed')
    return exitCodeOf(error)
  } finally {
    stop.release()
    await watch.close()
    if (run.keeper) await closeKeeper(run.keeper)
    log.info({}, 'keeper-stopped')
  }
}

interface Run {
  config: Config
  deps: KeeperDeps
  log: Logger
  watch: Watch
  stop: Stop
  keeper: Keeper | undefined
}

/** A stop during the start cuts what is being resumed at a wait, like one that comes later. */
async function live(run: Run): Promise<number> {
  const { config, deps, watch, stop } = run
  const { signal } = stop
  const onStep = watch.onStep(deps.onStep)
  run.keeper = await openKeeper(config, { ...deps, onStep, signal, alerts: watch.alerts })
  watch.follow(run.keeper, ({ db, clock }) => readSlotFigures(db, clock.now()))
  watch.setRole('leader')
  const evidence = config.beats === undefined ? undefined : fileEvidence(config.beats)
  const runner = startRunner(run.keeper, { evidence, alerts: watch.alerts })
  const work = runner.wake()
  await stop.asked
  watch.setRole('stopping')
  await Promise.allSettled([runner.stop(), work])
  return EXIT.ok
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
  release(): void
}

/** The first signal asks, the second one ends the process at once. */
function stopOnSignal(log: Logger): Stop {
  const controller = new AbortController()
  let isAsked = false
  let ask = (): void => {}
  const asked = new Promise<void>((resolve) => {
    ask = resolve
  })
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal, isForced: isAsked }, 'keeper-stopping')
    if (isAsked) process.exit(EXIT.failed)
    isAsked = true
    controller.abort(new KeeperError('STOPPED', {}))
    ask()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const release = (): void => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
  return { asked, signal: controller.signal, release }
}
