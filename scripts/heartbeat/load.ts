// The load generator seen from the bench: a process with ten thousand nodes.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../keeper/base/time.ts'
import { showProgress } from '../../keeper/commands/progress.ts'
import { pinned } from './cores.ts'
import type { Latency } from './latency.ts'

export interface LoadOrder {
  /** Where sessions are opened: ws://HOST:PORT/v1/session */
  url: string
  nodes: number
  /** Nodes behind one network address, as the intake's limit allows. */
  perAddress: number
}

export type LoadCommand =
  | { type: 'connect' | 'reset' | 'figures' | 'stop' }
  /** From now on a ping this often, whatever the intake told. */
  | { type: 'pace'; pingMs: number }

export interface LoadFigures {
  welcome: number
  pings: number
  counted: number
  /** Answered with a reason instead: too soon, or the hour is full. */
  uncounted: number
  /** Sessions that ended by themselves. */
  lost: number
  refused: Record<string, number>
  /** From sending a ping to its pong, in ms, as the node sees it. */
  pong: Latency
  /** From sending a status to its count. */
  status: Latency
  /** From the first lost session until all nodes were welcome again. */
  reconnectMs?: number
}

export interface Load {
  connect(): Promise<number>
  /** All sessions are there again after they were lost. */
  untilBack(): Promise<LoadFigures>
  reset(): void
  hurry(pingMs: number): void
  figures(): Promise<LoadFigures>
  stop(): Promise<void>
}

type Said = { type: string } & LoadFigures

const CHILD = fileURLToPath(new URL('./load-child.ts', import.meta.url))

export async function startLoad(order: LoadOrder): Promise<Load> {
  const child = fork(CHILD, [JSON.stringify(order)], pinned('others'))
  const ended = once(child, 'exit')
  const hears = async (type: string): Promise<Said> => {
    for (;;) {
      const [said] = (await Promise.race([once(child, 'message'), ended.then(gone)])) as [Said]
      if (said.type === type) return said
    }
  }
  const tell = (command: LoadCommand): boolean => child.send(command)
  const figures = async (): Promise<LoadFigures> => {
    const answer = hears('figures')
    tell({ type: 'figures' })
    return answer
  }
  /** Says now and then how many are there; gives up on a load that will never be whole. */
  const watched = async (connected: Promise<unknown>): Promise<void> => {
    const progress = showProgress('nodes logged in', systemClock)
    const over = new AbortController()
    const watching = watch(over.signal, figures, ({ welcome }) => {
      progress.update(welcome, order.nodes)
    })
    try {
      await Promise.race([connected, watching])
    } finally {
      over.abort()
      progress.stop()
    }
  }
  await hears('ready')
  return {
    figures,
    connect: async () => {
      const startMs = performance.now()
      const connected = hears('connected')
      tell({ type: 'connect' })
      await watched(connected)
      return performance.now() - startMs
    },
    untilBack: async () => {
      await watched(hears('connected'))
      return figures()
    },
    hurry: (pingMs) => void tell({ type: 'pace', pingMs }),
    reset: () => void tell({ type: 'reset' }),
    stop: async () => {
      if (child.connected) tell({ type: 'stop' })
      child.kill('SIGTERM')
      await ended
    },
  }
}

function gone(): never {
  throw new Error('the load generator ended by itself')
}

const LOOK_EVERY_MS = 1_000
// The goal is one minute; ten are a machine that does other things.
const CONNECT_LIMIT_MS = 600_000

async function watch(
  signal: AbortSignal,
  figures: () => Promise<LoadFigures>,
  show: (figures: LoadFigures) => void,
): Promise<void> {
  const startMs = performance.now()
  while (!signal.aborted) {
    await systemClock.sleep(LOOK_EVERY_MS, signal).catch(() => {})
    if (signal.aborted) return
    const found = await figures()
    show(found)
    if (performance.now() - startMs > CONNECT_LIMIT_MS) {
      throw new Error(`not all nodes came: ${JSON.stringify(found)}`)
    }
  }
}
