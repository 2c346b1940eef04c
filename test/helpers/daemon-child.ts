// The daemon in a process of its own, with the keys of the test chain.
//   node daemon-child.ts '{"rpcUrl", "home", "logFile", "clockAt"?}'
import { exitCodeOf } from '../../keeper/base/errors.ts'
import { createLogger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Clock } from '../../keeper/base/time.ts'
import { runDaemon } from '../../keeper/main.ts'
import { configOf, testDeps } from './muster.ts'

export interface DaemonOrder {
  rpcUrl: string
  home: string
  logFile: string
  /** What its clock shows when the machine's shows `machineAt`; both run on alike. */
  clockAt?: { shows: number; machineAt: number }
}

function clockOf({ clockAt }: DaemonOrder): Clock {
  if (clockAt === undefined) return systemClock
  const shift = clockAt.shows - clockAt.machineAt
  return {
    ...systemClock,
    now: () => systemClock.now() + shift,
    nowMs: () => systemClock.nowMs() + shift * 1_000,
  }
}

const order = JSON.parse(process.argv[2] ?? '{}') as DaemonOrder
const log = createLogger({ level: 'info', file: order.logFile })
try {
  const config = configOf(order.rpcUrl, order.home, 10)
  process.exit(await runDaemon(config, { ...testDeps(), log, clock: clockOf(order) }))
} catch (error) {
  process.exit(exitCodeOf(error))
}
