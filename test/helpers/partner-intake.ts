// Where tests of the partners' intake take rows in, and hours and days that count as distributed.
import { openAlerts } from '../../keeper/base/alerts.ts'
import type { Notice } from '../../keeper/base/alerts.ts'
import type { IntakeRoom } from '../../keeper/programs/partners/intake/conflicts.ts'
import type { VoteRow } from '../../keeper/programs/partners/intake/vote-rows.ts'
import type { Db } from '../../keeper/store/db.ts'
import { testClock } from './clock.ts'
import type { TestClock } from './clock.ts'
import { testLog } from './logs.ts'

/** 2024-10-15T08:00:00Z, an hour after the real votes begin. */
export const INTAKE_NOW = 1_728_979_200

export interface TestIntake extends IntakeRoom {
  clock: TestClock
  notices: Notice[]
}

export function testIntake(db: Db): TestIntake {
  const clock = testClock(INTAKE_NOW)
  const notices: Notice[] = []
  const alerts = openAlerts({ clock, sinks: [(notice) => void notices.push(notice)] })
  return { db, clock, log: testLog, alerts, zone: 'UTC', notices }
}

export function voteOf(key: string, rest: Partial<VoteRow> = {}): VoteRow {
  return { key, partner: 'p-1', cc: 1n, type: 'up', at: INTAKE_NOW - 60, ...rest }
}

/** As a distribution leaves it, with nothing in its pool. */
export async function distributedHour(db: Db, hour: number): Promise<void> {
  await placeRuleset(db)
  await db.query(
    `insert into partner_hour (shadow, hour, day, hour_of_day, cc, units_per_cc, inflow, hourly, daily, carried,
                               pool, paid, carry, voters, votes, ruleset, trace, at)
     values (false, $1, '2024-10-15', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'r', '{}', $2)`,
    [hour, INTAKE_NOW],
  )
}

export async function distributedDay(db: Db, day: string): Promise<void> {
  await placeRuleset(db)
  await db.query(
    `insert into partner_day (shadow, day, from_at, to_at, last_hour, inflow, carried, pool, paid, carry,
                              bonus_budget, bonus_paid, voters, votes, ecc_cap, ruleset, trace, at)
     values (false, $1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'r', '{}', $2)`,
    [day, INTAKE_NOW],
  )
}

async function placeRuleset(db: Db): Promise<void> {
  await db.query(
    `insert into partner_ruleset (version, rules, first_used_at) values ('r', '{}', 0)
     on conflict do nothing`,
  )
}

export async function countOf(db: Db, table: string): Promise<number> {
  return Number((await db.one<{ n: bigint }>(`select count(*) as n from ${table}`)).n)
}
