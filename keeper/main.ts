import { KeeperError, describe, exitCodeOf } from './base/errors.ts'
import { EXIT } from './base/catalogue-row.ts'
import type { Config } from './config.ts'
import { fileEvidence } from './heartbeat/evidence.ts'
import { startRunner } from './jobs/runner.ts'
import type { Runner } from './jobs/runner.ts'
import { closeKeeper, loggerOf, openKeeper } from './keeper.ts'
import type { Keeper, KeeperDeps } from './keeper.ts'

// A step is one transaction on its way; what is not done then is in the journal and goes on at the next
// start. Supervisors usually kill after 30 s (Kubernetes) or 90 s (systemd).
export const STOP_LIMIT_MS = 20_000

/** Runs until a signal comes. Returns the exit code; throws what stops it from starting. */
export async function runDaemon(config: Config, deps: KeeperDeps = {}): Promise<number> {
  const log = deps.log ?? loggerOf(config)
  const controller = new AbortController()
  const stop = stopOnSignal(log)
  const keeper = await openKeeper(config, { ...deps, log, signal: controller.signal })
  try {
    const evidence = config.beats === undefined ? undefined : fileEvidence(config.beats)
    const runner = startRunner(keeper, { evidence })
    const work = runner.wake()
    await stop.asked
    return await stopWithin(keeper, runner, work, controller)
  } catch (error) {
    log.error(describe(error), 'keeper-failed')
    return exitCodeOf(error)
  } finally {
    stop.release()
    await closeKeeper(keeper)
    log.info({}, 'keeper-stopped')
  }
}

/** The running step ends by itself or is cut at a wait; either way its row is in the journal. */
async function stopWithin(
  { clock, log }: Keeper,
  runner: Runner,
  work: Promise<void>,
  controller: AbortController,
): Promise<number> {
  controller.abort(new KeeperError('STOPPED', {}))
  const timer = new AbortController()
  const ended = Promise.allSettled([runner.stop(), work]).then(() => EXIT.ok)
  const late = clock.sleep(STOP_LIMIT_MS, timer.signal).then(
    () => {
      log.error({ timeoutMs: STOP_LIMIT_MS }, 'keeper-stop-timeout')
      return EXIT.temporary
    },
    () => EXIT.ok,
  )
  const code = await Promise.race([ended, late])
  timer.abort()
  return code
}

interface Stop {
  asked: Promise<void>
  release(): void
}

/** The first signal asks, the second one ends the process at once. */
function stopOnSignal(log: Keeper['log']): Stop {
  let isAsked = false
  let ask = (): void => {}
  const asked = new Promise<void>((resolve) => {
    ask = resolve
  })
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
  return { asked, release }
}
