import { KeeperError } from './errors.ts'
import type { Clock } from './time.ts'

export interface Backoff {
  firstDelayMs: number
  maxDelayMs: number
}

export interface RetryOptions extends Backoff {
  what: string
  attempts: number
  deadlineMs: number
  clock: Clock
  signal?: AbortSignal
  isRetryable?: (error: unknown) => boolean
}

/** Doubles from the first delay to the largest. */
export function delayOf(attempt: number, { firstDelayMs, maxDelayMs }: Backoff): number {
  return Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt, 30))
}

/** Calls again while the error is retryable, attempts are left and the deadline is ahead. */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const end = options.clock.nowMs() + options.deadlineMs
  for (let attempt = 0; ; attempt += 1) {
    options.signal?.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      const isLast = attempt + 1 >= options.attempts
      const delay = delayOf(attempt, options)
      const isLate = options.clock.nowMs() + delay > end
      if (isLast || isLate || !(options.isRetryable ?? (() => true))(error)) throw error
      await options.clock.sleep(delay, options.signal)
    }
  }
}

export interface WaitOptions extends Backoff {
  what: string
  timeoutMs: number
  clock: Clock
  signal?: AbortSignal
  onTimeout?: () => KeeperError
}

/** Asks until the answer is not undefined; asks at least once, and once more at the very end. */
export async function waitFor<T>(
  check: () => Promise<T | undefined>,
  options: WaitOptions,
): Promise<T> {
  const end = options.clock.nowMs() + options.timeoutMs
  for (let attempt = 0; ; attempt += 1) {
    options.signal?.throwIfAborted()
    const answer = await check()
    if (answer !== undefined) return answer
    const left = end - options.clock.nowMs()
    if (left <= 0) throw timeout(options)
    await options.clock.sleep(Math.min(delayOf(attempt, options), left), options.signal)
  }
}

function timeout({ onTimeout, what, timeoutMs }: WaitOptions): KeeperError {
  return onTimeout?.() ?? new KeeperError('DEADLINE_PASSED', { what, timeoutMs })
}
