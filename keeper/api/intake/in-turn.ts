import { KeeperError } from '../../base/errors.ts'
import { systemClock } from '../../base/time.ts'

/** Work that takes longer than a beat: one at a time, and never more than half of the core. */
export type InTurn = <T>(work: () => Promise<T>, isGone: () => boolean) => Promise<T>

// A receipt takes 10 ms: whoever is last in the queue waits about five seconds, as long as a client does.
const MAX_WAITING = 256

/**
 * After a restart 10,000 nodes ask for the receipts they missed. Who finds the queue full asks again later;
 * whoever hung up while waiting costs nothing.
 */
export function inTurn(what: string): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return (work, isGone) => {
    if (waiting >= MAX_WAITING) throw new KeeperError('RATE_LIMITED', { what })
    waiting += 1
    const turn = last.then(() => {
      waiting -= 1
      if (isGone()) throw new KeeperError('RATE_LIMITED', { what })
      return work()
    })
    last = pausedAfter(last, turn)
    return turn
  }
}

/** As long a pause as the work took: beats have the other half. */
async function pausedAfter(before: Promise<unknown>, turn: Promise<unknown>): Promise<void> {
  await before
  const startMs = performance.now()
  await turn.catch(() => {})
  await systemClock.sleep(performance.now() - startMs)
}
