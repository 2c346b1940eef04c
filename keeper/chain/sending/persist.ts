import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import { delayOf } from '../../base/retry.ts'
import type { SendContext } from './send-context.ts'

// A full disk or a database that restarts: the first try soon, then every half minute.
const BACKOFF = { firstDelayMs: 100, maxDelayMs: 30_000 }

/**
 * What already happened on the chain must get into the journal: the write is tried until it succeeds or
 * the process is stopped, and nothing else is sent meanwhile (S-11). A write that the journal refuses (a
 * lost lease, a wrong state) is not tried again.
 */
export async function persist<T>(context: SendContext, write: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const result = await write()
      if (attempt > 0) context.alerts.clear('journal-write-failing')
      return result
    } catch (error) {
      if (isKeeperError(error) && !isKeeperError(error, 'STORE_UNAVAILABLE')) throw error
      const reason = messageOf(error)
      context.alerts.raise('journal-write-failing', { reason, attempt })
      if (context.signal?.aborted) throw new KeeperError('STORE_UNAVAILABLE', { reason }, error)
      await context.clock.sleep(delayOf(attempt, BACKOFF), context.signal)
    }
  }
}
