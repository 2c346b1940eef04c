import { KeeperError } from '../base/errors.ts'
import { systemClock } from '../base/time.ts'

/** Whoever asks from outside gets an answer in time; the work itself may go on and is then ignored. */
export async function within<T>(ms: number, what: string, work: () => Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = systemClock.sleep(ms, timer.signal).then(
    () => {
      throw new KeeperError('DEADLINE_PASSED', { what, timeoutMs: ms })
    },
    () => undefined,
  )
  try {
    return (await Promise.race([work(), late])) as T
  } finally {
    timer.abort()
  }
}

/** Calls that come while one runs, or soon after it, share its answer: a flood costs one reading. */
export function shared<T>(minAgeMs: number, read: () => Promise<T>): () => Promise<T> {
  let last: { answer: Promise<T>; atMs: number; isRunning: boolean } | undefined
  return () => {
    const nowMs = systemClock.nowMs()
    if (last && (last.isRunning || Math.abs(nowMs - last.atMs) < minAgeMs)) return last.answer
    const entry = { answer: read(), atMs: nowMs, isRunning: true }
    last = entry
    const settle = (): void => {
      entry.isRunning = false
      entry.atMs = systemClock.nowMs()
    }
    entry.answer.then(settle, settle)
    return entry.answer
  }
}
