// The daemon in a process of its own, with the keys of the test chain.
//   node daemon-child.ts '{"rpcUrl", "home", "logFile", "databaseUrl"?, "leaseMs"?, "clockAt"?, "halt"?}'
import { once } from 'node:events'
import { describe, exitCodeOf } from '../../keeper/base/errors.ts'
import { createLogger } from '../../keeper/base/log.ts'
import { scaledClock, systemClock } from '../../keeper/base/time.ts'
import type { Clock } from '../../keeper/base/time.ts'
import type { KeeperDeps } from '../../keeper/keeper.ts'
import { runDaemon } from '../../keeper/main.ts'
import { configOf, testDeps } from './muster.ts'

export interface DaemonOrder {
  rpcUrl: string
  home: string
  logFile: string
  /** What its clock shows when the machine's shows `machineAt`; both run on alike. */
  clockAt?: { shows: number; machineAt: number }
  databaseUrl?: string
  leaseMs?: number
  opsPort?: number
  /** It takes beats there, with the reporter key alone: `muster intake`. */
  intakePort?: number
  /** A clock that runs faster, shared with who started it. */
  pace?: { startMs: number; startedAtMs: number; factor: number }
  /** Waits at the first such step until SIGUSR2. */
  pauseAt?: string
  /** Sends itself a signal at that step of that kind's n-th transaction. */
  halt?: { step: string; kind?: string; on: number; signal: 'SIGKILL' | 'SIGSTOP' }
}

function haltAt({ halt, pauseAt }: DaemonOrder): NonNullable<KeeperDeps['onStep']> {
  let left = halt?.on ?? 0
  const asked = pauseAt === undefined ? undefined : once(process, 'SIGUSR2')
  return async (step, tx) => {
    if (step === pauseAt) await asked
    if (halt === undefined || step !== halt.step) return
    if (halt.kind !== undefined && tx?.kind !== halt.kind) return
    left -= 1
    if (left === 0) process.kill(process.pid, halt.signal)
  }
}

function clockOf({ clockAt, pace }: DaemonOrder): Clock {
  if (pace) return scaledClock(pace)
  if (clockAt === undefined) return systemClock
  const shift = clockAt.shows - clockAt.machineAt
  return {
    ...systemClock,
    now: () => systemClock.now() + shift,
    nowMs: () => systemClock.nowMs() + shift * 1_000,
  }
}

function depsOf({ intakePort }: DaemonOrder): KeeperDeps {
  const deps = testDeps()
  if (intakePort === undefined) return deps
  const { reporter } = deps.signers ?? {}
  return { ...deps, roles: ['reporter'], signers: reporter ? { reporter } : {} }
}

const order = JSON.parse(process.argv[2] ?? '{}') as DaemonOrder
const log = createLogger({ level: 'info', file: order.logFile })
log.info({}, 'child-started')
try {
  const { rpcUrl, home, databaseUrl, leaseMs, opsPort } = order
  const base = configOf(rpcUrl, home, 10)
  const { intakePort, pace } = order
  const config = { ...base, databaseUrl, opsPort, intakePort, leaseMs: leaseMs ?? base.leaseMs }
  const deps = { ...depsOf(order), log, clock: clockOf(order), onStep: haltAt(order) }
  process.exit(await runDaemon(config, { ...deps, paceFactor: pace?.factor ?? 1 }))
} catch (error) {
  log.error(describe(error), 'keeper-refused')
  process.exit(exitCodeOf(error))
}
