import type { Day } from '../../../base/day.ts'
import { toJson } from '../../../base/json.ts'
import type { Hour } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { insertDayShares, insertHourShares, readShares } from '../distribution/share-rows.ts'
import type { DayRow, HourRow } from '../distribution/distribution-rows.ts'
import type { DailyShare } from '../rules/daily.ts'
import type { Share } from '../rules/differences.ts'
import type { HourlyShare } from '../rules/hourly.ts'

/** As they are on record; the shadow's are not corrected. */
export function readHourShares(t: Db, hour: Hour): Promise<Share[]> {
  return readShares(t, { table: 'hour', shadow: false, period: hour })
}

export async function readDayShares(t: Db, day: Day): Promise<(Share & { ecc: bigint })[]> {
  const shares = await readShares(t, { table: 'day', shadow: false, period: day })
  return shares.map((share) => ({ ...share, ecc: share.ecc ?? 0n }))
}

/** Those that are other ones now take the place of what was. */
export async function replaceHourShares(
  t: Db,
  hour: Hour,
  shares: readonly HourlyShare[],
): Promise<void> {
  await t.query(
    `delete from partner_hour_share where not shadow and hour = $1
        and partner in (select jsonb_array_elements_text($2::jsonb))`,
    [hour, partnersIn(shares)],
  )
  await insertHourShares(t, false, hour, shares)
}

export async function replaceDayShares(
  t: Db,
  day: Day,
  shares: readonly DailyShare[],
): Promise<void> {
  await t.query(
    `delete from partner_day_share where not shadow and day = $1
        and partner in (select jsonb_array_elements_text($2::jsonb))`,
    [day, partnersIn(shares)],
  )
  await insertDayShares(t, false, day, shares)
}

function partnersIn(shares: readonly Share[]): string {
  return toJson(shares.map(({ partner }) => partner))
}

/** What the correction of an hour may change of its row; the rest says where it stood when it was distributed. */
export async function updateHour(t: Db, { hour, ...row }: HourRow): Promise<void> {
  const { cc, inflow, hourly, daily, pool, paid, carry, voters, votes, trace, revision } = row
  const changed = { cc, inflow, hourly, daily, pool, paid, carry, voters, votes, trace, revision }
  await t.query(
    `update partner_hour h
        set cc = r.cc, inflow = r.inflow, hourly = r.hourly, daily = r.daily, pool = r.pool,
            paid = r.paid, carry = r.carry, voters = r.voters, votes = r.votes, trace = r.trace,
            revision = r.revision
       from jsonb_populate_record(null::partner_hour, $2::jsonb) r
      where not h.shadow and h.hour = $1`,
    [hour, toJson(changed)],
  )
}

/** The same of a day, and the last correction that is in it. */
export async function updateDay(t: Db, { day, ...row }: DayRow): Promise<void> {
  const { inflow, pool, paid, carry, voters, votes, trace, revision, corrections } = row
  const changed = { inflow, pool, paid, carry, voters, votes, trace, revision, corrections }
  const renamed = {
    bonus_budget: row.bonusBudget,
    bonus_paid: row.bonusPaid,
    ecc_cap: row.eccCap,
  }
  await t.query(
    `update partner_day d
        set inflow = r.inflow, pool = r.pool, paid = r.paid, carry = r.carry,
            bonus_budget = r.bonus_budget, bonus_paid = r.bonus_paid, voters = r.voters,
            votes = r.votes, ecc_cap = r.ecc_cap, trace = r.trace, revision = r.revision,
            corrections = r.corrections
       from jsonb_populate_record(null::partner_day, $2::jsonb) r
      where not d.shadow and d.day = $1`,
    [day, toJson({ ...changed, ...renamed })],
  )
}
