import { KeeperError } from '../base/errors.ts'
import { explainPartner, lastPeriodOf } from '../programs/partners/why.ts'
import type { PartnerPeriod } from '../programs/partners/why.ts'
import type { OfficeOrder } from './office.ts'
import { textOf } from './office.ts'
import { hourIn } from './partners-run.ts'
import { partnerLines } from './why-partner-lines.ts'

/** Each of a partner's amounts of an hour or a day, and what it comes from. */
export const partnersWhyOrder: OfficeOrder = async ({ db }, [partner = ''], options) => {
  const asked = periodIn(options) ?? (await lastPeriodOf(db, partner))
  const why = await explainPartner(db, partner, asked)
  if (why) return { json: why, lines: partnerLines(why) }
  const period = 'hour' in asked ? `hour ${asked.hour}` : asked.day
  throw new KeeperError('PARTNERS_SHARE_UNKNOWN', { partner, period })
}

function periodIn(options: Record<string, unknown>): PartnerPeriod | undefined {
  const [hour, day] = [textOf(options['hour']), textOf(options['day'])]
  if (hour !== undefined && day !== undefined) {
    const what = 'name an hour or a day, not both'
    throw new KeeperError('USAGE', { what, command: 'partners why' })
  }
  if (day !== undefined) return { day }
  return hour === undefined ? undefined : { hour: hourIn(hour, 'partners why') }
}
