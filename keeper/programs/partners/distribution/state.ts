import type { Day } from '../../../base/day.ts'
import { ensure } from '../../../base/errors.ts'
import { toJson } from '../../../base/json.ts'
import type { Hour } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import type { PartnersRoom } from '../room.ts'
import { planSteps } from '../rules/plan-steps.ts'
import type { Step, Through } from '../rules/plan-steps.ts'

/** How far the distributions are; the shadow has results of its own. */
export interface PartnersState {
  /** Nothing before it is ever distributed; undefined before the first run. */
  firstHour?: Hour
  lastHour?: Hour
  lastDay?: Day
}

interface StateRow {
  first_hour: bigint | null
  last_hour: bigint | null
  last_day: Day | null
}

/** Held to the end of the transaction: before the program, before the books. */
export async function lockState(t: Db): Promise<void> {
  await t.one('select id from partner_state where id = 1 for update')
}

/** For whoever takes in votes: each is wholly before a distribution, or after it. */
export async function lockStateShared(t: Db): Promise<void> {
  await t.one('select id from partner_state where id = 1 for share')
}

export async function readState(db: Db, shadow: boolean): Promise<PartnersState> {
  const { first_hour, last_hour, last_day } = await db.one<StateRow & object>(
    `select case when $1::boolean then shadow_first_hour else first_hour end as first_hour,
            (select max(hour) from partner_hour where shadow = $1::boolean) as last_hour,
            (select max(day) from partner_day where shadow = $1::boolean) as last_day
       from partner_state where id = 1`,
    [shadow],
  )
  return {
    ...(first_hour === null ? {} : { firstHour: Number(first_hour) }),
    ...(last_hour === null ? {} : { lastHour: Number(last_hour) }),
    ...(last_day === null ? {} : { lastDay: last_day }),
  }
}

/** Set once: who comes later begins where it was begun, and has the same days. */
export async function beginAt(
  db: Db,
  { zone, shadow }: Pick<PartnersRoom, 'zone' | 'shadow'>,
  hour: Hour,
): Promise<void> {
  const column = shadow ? 'shadow_first_hour' : 'first_hour'
  await db.query(
    `update partner_state set ${column} = $1, zone = coalesce(zone, $2)
      where id = 1 and ${column} is null`,
    [hour, zone],
  )
  await requireZone(db, zone)
}

/** PARTNERS_ZONE_CHANGED: hours would belong to days that are over, or to none. */
export async function requireZone(db: Db, zone: string): Promise<void> {
  const { kept } = await db.one<{ kept: string | null }>(
    'select zone as kept from partner_state where id = 1',
  )
  ensure(kept === null || kept === zone, 'PARTNERS_ZONE_CHANGED', { kept, zone })
}

/** Under the lock: nobody else made this step, and none before it is missing. @returns The very first hour. */
export async function requireNext(
  t: Db,
  { zone, shadow }: { zone: string; shadow: boolean },
  step: Step,
  through: Through,
): Promise<Hour> {
  const { firstHour, ...reached } = await readState(t, shadow)
  ensure(firstHour !== undefined, 'INTERNAL', { what: 'a distribution before the first hour' })
  const [next] = planSteps(zone, { firstHour, ...reached }, through)
  const what = 'a distribution that is not the next one'
  ensure(toJson(next) === toJson(step), 'INTERNAL', { what, step, next })
  return firstHour
}
