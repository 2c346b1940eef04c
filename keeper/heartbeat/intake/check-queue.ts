import { KeeperError } from '../../base/errors.ts'
import { addressKey } from './limits.ts'

/** Signatures are checked one at a time, between the frames of everybody else. */
export interface CheckQueue {
  /** Resolves or rejects as the check does; INTAKE_FULL when too many wait. */
  run(address: string, check: () => void): Promise<void>
  readonly length: number
}

type Job = () => void

/**
 * A check takes 2 ms, and 10,000 nodes may come back at once: after each the event loop goes round, so
 * that pings are answered meanwhile. The addresses take turns: a flood from one delays only itself.
 */
export function openCheckQueue(maxWaiting: number): CheckQueue {
  const waiting = new Map<string, Job[]>()
  let length = 0

  const next = (): void => {
    const turn = waiting.entries().next().value
    if (turn === undefined) return
    const [key, jobs] = turn
    const job = jobs.shift()
    waiting.delete(key)
    if (jobs.length > 0) waiting.set(key, jobs)
    length -= 1
    job?.()
    if (length > 0) setImmediate(next)
  }

  const push = (address: string, job: Job): void => {
    const key = addressKey(address)
    const jobs = waiting.get(key)
    if (jobs === undefined) waiting.set(key, [job])
    else jobs.push(job)
    length += 1
    if (length === 1) setImmediate(next)
  }

  return {
    get length() {
      return length
    },
    run: async (address, check) => {
      if (length >= maxWaiting) throw new KeeperError('INTAKE_FULL', { what: 'logins' })
      await new Promise<void>((turn) => push(address, turn))
      check()
    },
  }
}
