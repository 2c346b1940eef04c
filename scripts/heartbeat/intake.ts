// The measured intake seen from the bench: a process on a core of its own.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Hour, ScaledClockOptions } from '../../keeper/base/time.ts'
import type { SettingKey } from '../../keeper/config.ts'
import { pinned } from './cores.ts'
import type { Latency } from './latency.ts'

export interface IntakeOrder {
  rpcUrl: string
  home: string
  databaseUrl: string
  logFile: string
  clock: ScaledClockOptions
  settings: Partial<Record<SettingKey, string>>
}

export type IntakeCommand = { type: 'reset' | 'figures' | 'stop' } | { type: 'close'; hour: Hour }

export interface IntakeFigures {
  nodes: number
  /** Of one frame, inside the process. */
  handling: Latency
  /** How late a timer of 1 ms comes: what waits in the event loop. */
  loopDelayP99: number
  loopDelayMax: number
  /** Of one core. */
  cpuShare: number
  /** The most that was resident, in 10^6 bytes. */
  rssMB: number
  lastFlushMs: number | undefined
}

export interface ClosedFigures {
  /** From the end of the grace until the hour can be pushed. */
  closedMs: number
  /** From the same moment until its root was signed for the receipts. */
  signedMs: number
  /** From the beginning of the push until the transaction is final on the local chain. */
  pushedMs: number
  /** Of these, roster and store. */
  storeMs: number | undefined
  rows: number
  expected: number
  online: number
  /** The fewest beats of any node. */
  least: number
  onChain: number
}

export interface MeasuredIntake {
  url: string
  reset(): void
  figures(): Promise<IntakeFigures>
  close(hour: Hour): Promise<ClosedFigures>
  kill(): Promise<void>
  stop(): Promise<void>
}

type Said = { type: string; url: string } & IntakeFigures & ClosedFigures

const CHILD = fileURLToPath(new URL('./intake-child.ts', import.meta.url))

export async function startIntake(order: IntakeOrder): Promise<MeasuredIntake> {
  const child = fork(CHILD, [JSON.stringify(order)], pinned('intake'))
  const ended = once(child, 'exit')
  const hears = async (type: string): Promise<Said> => {
    for (;;) {
      const [said] = (await Promise.race([once(child, 'message'), ended.then(gone)])) as [Said]
      if (said.type === type) return said
    }
  }
  const ask = async (command: IntakeCommand, answer: string): Promise<Said> => {
    const answered = hears(answer)
    child.send(command)
    return answered
  }
  const { url } = await hears('ready')
  return {
    url,
    reset: () => void child.send({ type: 'reset' }),
    figures: () => ask({ type: 'figures' }, 'figures'),
    close: (hour) => ask({ type: 'close', hour }, 'closed'),
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      if (child.connected) child.send({ type: 'stop' })
      await ended
    },
  }
}

function gone(): never {
  throw new Error('the intake ended by itself; see its log')
}
