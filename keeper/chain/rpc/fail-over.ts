import { isKeeperError } from '../../base/errors.ts'
import type { Endpoint } from './endpoint.ts'
import type { PoolTime } from './pool-time.ts'
import { mostTelling } from './quorum.ts'
import type { RpcFault } from './rpc-fault.ts'

export interface FailOverOptions {
  time: PoolTime
  /** Silent for this long: the next is asked beside it. */
  hedgeMs: number
  ask: (endpoint: Endpoint) => Promise<unknown>
  /** An answer that the next one may know better. */
  isWeak: (answer: unknown) => boolean
}

// These follow from the question, not from the node that is asked.
const SAME_EVERYWHERE: ReadonlySet<RpcFault> = new Set(['reverted', 'insufficient-funds'])

/** One after the other until one answers; one that is silent is not waited for before the next. */
export function failOver(
  endpoints: readonly Endpoint[],
  { time, hedgeMs, ask, isWeak }: FailOverOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const queue = [...endpoints]
    const errors: unknown[] = []
    const weak: unknown[] = []
    let running = 0
    let isOver = false
    let cancel = (): void => {}
    const finish = (settle: () => void): void => {
      isOver = true
      cancel()
      settle()
    }
    const askNext = (): void => {
      cancel()
      const endpoint = queue.shift()
      if (endpoint) return start(endpoint)
      if (running > 0) return undefined
      if (weak.length > 0) return finish(() => resolve(weak[0]))
      return finish(() => reject(mostTelling(errors)))
    }
    const start = (endpoint: Endpoint): void => {
      running += 1
      let isSettled = false
      if (queue.length > 0) {
        cancel = time.after(hedgeMs, () => {
          if (!isSettled) endpoint.distrust(`silent for ${Math.round(hedgeMs)} ms`)
          askNext()
        })
      }
      const settled = (act: () => void): void => {
        isSettled = true
        running -= 1
        if (!isOver) act()
      }
      ask(endpoint).then(
        (answer) =>
          settled(() => {
            if (!isWeak(answer)) return finish(() => resolve(answer))
            weak.push(answer)
            return askNext()
          }),
        (error: unknown) =>
          settled(() => {
            if (isSameEverywhere(error)) return finish(() => reject(mostTelling([error])))
            errors.push(error)
            return askNext()
          }),
      )
    }
    askNext()
  })
}

function isSameEverywhere(error: unknown): boolean {
  return (
    isKeeperError(error, 'RPC_REFUSED') && SAME_EVERYWHERE.has(error.facts['fault'] as RpcFault)
  )
}
