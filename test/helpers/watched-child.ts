// The daemon in a process of its own, with receivers and pages, stopped by SIGTERM at the step it is told.
//   node watched-child.ts '{"rpcUrl", "home", "logFile", …}'
import { exitCodeOf } from '../../keeper/base/errors.ts'
import { createLogger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Clock } from '../../keeper/base/time.ts'
import { runDaemon } from '../../keeper/main.ts'
import { configOf, testDeps } from './muster.ts'

export interface WatchedOrder {
  rpcUrl: string
  home: string
  logFile: string
  databaseUrl?: string | undefined
  /** Its clock is so many seconds ahead of the machine's. */
  aheadSeconds: number
  pingUrl?: string
  alertUrl?: string
  opsPort?: number
  stopLimitMs?: number
  /** SIGTERM to itself at this step of a transaction of this kind; 1 is the first one. */
  stopAt?: { step: string; kind: string; on: number }
}

/** A clock that is ahead, for the daemon and for who watches it. */
export function clockAhead(seconds: number): Clock {
  return {
    ...systemClock,
    now: () => systemClock.now() + seconds,
    nowMs: () => systemClock.nowMs() + seconds * 1_000,
  }
}

async function run(order: WatchedOrder): Promise<number> {
  const { rpcUrl, home, logFile, aheadSeconds, stopAt, ...settings } = order
  const log = createLogger({ level: 'info', file: logFile })
  let left = stopAt?.on ?? 0
  return runDaemon(
    { ...configOf(rpcUrl, home, 10), name: 'keeper-1', ...settings },
    {
      ...testDeps(),
      log,
      clock: clockAhead(aheadSeconds),
      onStep: async (step, tx) => {
        if (stopAt === undefined || step !== stopAt.step || tx?.kind !== stopAt.kind) return
        left -= 1
        if (left !== 0) return
        process.kill(process.pid, 'SIGTERM')
        // Node delivers a signal between two turns of its loop.
        await systemClock.sleep(20)
      },
    },
  )
}

if (process.argv[1] === import.meta.filename) {
  try {
    process.exit(await run(JSON.parse(process.argv[2] ?? '{}') as WatchedOrder))
  } catch (error) {
    process.exit(exitCodeOf(error))
  }
}
