import type { UnixSeconds } from '../../base/time.ts'
import type { Config } from '../../config.ts'
import type { Due } from '../../programs/partners/rules/plan-steps.ts'
import type { Cron } from '../wake-up.ts'

export type PartnersTimes = Pick<Config, 'partnersMinute' | 'partnersDailyTime' | 'partnersZone'>

const SECONDS_PER_MINUTE = 60

/** node-cron's: hours end with those of UTC, days with those of the zone. */
export function wakeUpsOf(config: PartnersTimes): Cron[] {
  const { partnersMinute, partnersDailyTime, partnersZone: timezone } = config
  const [hour, minute, second] = partnersDailyTime.split(':').map(Number)
  return [
    { expression: `${partnersMinute} * * * *`, timezone: 'UTC' },
    { expression: `${second} ${minute} ${hour} * * *`, timezone },
  ]
}

/** What is due is asked of the clock and the rows, never of the wake-up. */
export function dueAt(
  at: UnixSeconds,
  { partnersMinute: minute, partnersDailyTime }: PartnersTimes,
): Due {
  const [, minutes = 0, seconds = 0] = partnersDailyTime.split(':').map(Number)
  return { at, minute, afterDay: minutes * SECONDS_PER_MINUTE + seconds }
}
