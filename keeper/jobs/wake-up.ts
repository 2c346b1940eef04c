import { schedule } from 'node-cron'
import type { ScheduledTask } from 'node-cron'
import type { Logger } from '../base/log.ts'

/** When somebody is woken: five or six fields, by that zone's wall clock. */
export interface Cron {
  expression: string
  timezone: string
}

/** It only wakes: what is due is read from the rows, so that a wake-up that gets lost loses nothing. */
export function wakeBy(
  { expression, timezone }: Cron,
  { name, log }: { name: string; log: Logger },
  wake: () => Promise<void>,
): ScheduledTask {
  return schedule(expression, wake, { timezone, name, noOverlap: true, logger: quiet(log) })
}

/** node-cron's own warnings, as ours. */
function quiet(log: Logger) {
  const tell = (message: string | Error): void => log.warn({ message: String(message) }, 'cron')
  return { info: () => {}, debug: () => {}, warn: tell, error: tell }
}
