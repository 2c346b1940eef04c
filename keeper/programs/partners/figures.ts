import type { Day } from '../../base/day.ts'
import { startOfHour } from '../../base/time.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'

/** How far the distributions are, and what waits for a person or for the second database. */
export interface PartnersFigures {
  /** The ends of the last hour and the last day that were distributed, shadow ones left out. */
  hoursThrough: UnixSeconds | undefined
  daysThrough: UnixSeconds | undefined
  lastDay: Day | undefined
  /** Without effect until their period is corrected. */
  lateVotes: number
  /** Sums of special partners that are not in the second database yet. */
  unsent: number
}

interface Row {
  last_hour: bigint | null
  last_day: Day | null
  days_through: bigint | null
  late: bigint
  unsent: bigint
}

export async function readPartnersFigures(db: Db): Promise<PartnersFigures> {
  const row = await db.one<Row & object>(
    `select (select max(hour) from partner_hour where not shadow) as last_hour,
            d.day as last_day, d.to_at as days_through,
            (select count(*) from partner_vote where late and correction is null) as late,
            (select count(*) from partner_outbox where sent_at is null) as unsent
       from (select 1) one
       left join (select day, to_at from partner_day where not shadow order by day desc limit 1) d
         on true`,
  )
  return {
    hoursThrough: row.last_hour === null ? undefined : startOfHour(Number(row.last_hour) + 1),
    daysThrough: row.days_through === null ? undefined : Number(row.days_through),
    lastDay: row.last_day ?? undefined,
    lateVotes: Number(row.late),
    unsent: Number(row.unsent),
  }
}
