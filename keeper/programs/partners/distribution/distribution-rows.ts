import type { Day } from '../../../base/day.ts'
import { toJson } from '../../../base/json.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { dailyTraceSchema, hourlyTraceSchema } from '../rules/trace.ts'
import type { DailyTrace, HourlyTrace } from '../rules/trace.ts'
import type { Ruleset } from '../ruleset.ts'

interface Distributed {
  carried: bigint
  pool: bigint
  paid: bigint
  carry: bigint
  voters: number
  votes: number
  inflow: bigint
  /** Version of the rules. */
  ruleset: string
  /** How often it was corrected. */
  revision: number
  at: UnixSeconds
}

export interface HourRow extends Distributed {
  hour: Hour
  /** Into whose pool it goes. */
  day: Day
  /** 0 is the first hour that begins in the day. */
  hourOfDay: number
  cc: bigint
  unitsPerCc: bigint
  hourly: bigint
  daily: bigint
  /** The last correction before it. */
  afterCorrection: number
  trace: HourlyTrace
}

export interface DayRow extends Distributed {
  day: Day
  /** [from, to). */
  from: UnixSeconds
  to: UnixSeconds
  lastHour: Hour
  bonusBudget: bigint
  bonusPaid: bigint
  /** × 10^18, floored. */
  eccCap: bigint
  /** The last correction that it knows of. */
  corrections: number
  trace: DailyTrace
}

/** As the store gives them: int8 as bigint, numeric as text. */
type Stored<T> = { [Key in keyof T]: T[Key] extends number | bigint ? bigint | string : T[Key] }

const SELECT_HOUR = `select hour, day, hour_of_day as "hourOfDay", cc, units_per_cc as "unitsPerCc",
  inflow, hourly, daily, carried, pool, paid, carry, voters, votes, ruleset, trace, revision, at,
  after_correction as "afterCorrection" from partner_hour`
const SELECT_DAY = `select day, from_at as "from", to_at as "to", last_hour as "lastHour", inflow,
  carried, pool, paid, carry, bonus_budget as "bonusBudget", bonus_paid as "bonusPaid", voters,
  votes, ecc_cap as "eccCap", corrections, ruleset, trace, revision, at from partner_day`

export async function readHour(db: Db, shadow: boolean, hour: Hour): Promise<HourRow | undefined> {
  const row = await db.maybeOne<Stored<HourRow>>(`${SELECT_HOUR} where shadow = $1 and hour = $2`, [
    shadow,
    hour,
  ])
  if (!row) return undefined
  return {
    ...distributedOf(row),
    hour: Number(row.hour),
    day: row.day,
    hourOfDay: Number(row.hourOfDay),
    cc: BigInt(row.cc),
    unitsPerCc: BigInt(row.unitsPerCc),
    hourly: BigInt(row.hourly),
    daily: BigInt(row.daily),
    afterCorrection: Number(row.afterCorrection),
    trace: hourlyTraceSchema.parse(row.trace),
  }
}

export async function readDay(db: Db, shadow: boolean, day: Day): Promise<DayRow | undefined> {
  const row = await db.maybeOne<Stored<DayRow>>(`${SELECT_DAY} where shadow = $1 and day = $2`, [
    shadow,
    day,
  ])
  if (!row) return undefined
  return {
    ...distributedOf(row),
    day: row.day,
    from: Number(row.from),
    to: Number(row.to),
    lastHour: Number(row.lastHour),
    bonusBudget: BigInt(row.bonusBudget),
    bonusPaid: BigInt(row.bonusPaid),
    eccCap: BigInt(row.eccCap),
    corrections: Number(row.corrections),
    trace: dailyTraceSchema.parse(row.trace),
  }
}

function distributedOf(row: Stored<Distributed>): Distributed {
  return {
    carried: BigInt(row.carried),
    pool: BigInt(row.pool),
    paid: BigInt(row.paid),
    carry: BigInt(row.carry),
    voters: Number(row.voters),
    votes: Number(row.votes),
    inflow: BigInt(row.inflow),
    ruleset: row.ruleset,
    revision: Number(row.revision),
    at: Number(row.at),
  }
}

export async function insertHour(t: Db, shadow: boolean, row: HourRow): Promise<void> {
  const { hourOfDay: hour_of_day, unitsPerCc: units_per_cc, ...others } = row
  const { afterCorrection: after_correction, ...same } = others
  const renamed = { hour_of_day, units_per_cc, after_correction }
  await insertRow(t, 'partner_hour', { shadow, ...renamed, ...same })
}

export async function insertDay(t: Db, shadow: boolean, row: DayRow): Promise<void> {
  const { from: from_at, to: to_at, lastHour: last_hour, eccCap: ecc_cap, ...others } = row
  const { bonusBudget: bonus_budget, bonusPaid: bonus_paid, ...same } = others
  const renamed = { from_at, to_at, last_hour, ecc_cap, bonus_budget, bonus_paid }
  await insertRow(t, 'partner_day', { shadow, ...renamed, ...same })
}

/** The keys are the columns; what is not named has its default. */
async function insertRow(t: Db, table: string, row: object): Promise<void> {
  const columns = Object.keys(row).join()
  await t.query(
    `insert into ${table} (${columns})
     select ${columns} from jsonb_populate_record(null::${table}, $1::jsonb)`,
    [toJson(row)],
  )
}

export async function readCorrections(t: Db): Promise<number> {
  const { last } = await t.one<{ last: bigint }>(
    'select coalesce(max(id), 0) as last from partner_correction',
  )
  return Number(last)
}

/** What the version stands for. */
export async function keepRuleset(t: Db, { version, ...rules }: Ruleset, now: UnixSeconds) {
  await t.query(
    `insert into partner_ruleset (version, rules, first_used_at) values ($1, $2::jsonb, $3)
       on conflict (version) do nothing`,
    [version, toJson(rules), now],
  )
}
