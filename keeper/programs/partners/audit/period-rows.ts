import { z } from 'zod'
import { toJson } from '../../../base/json.ts'
import type { Db } from '../../../store/db.ts'

// As the store has them, and as a correction keeps what was before and after it: amounts as text there.
const amount = z.union([z.string(), z.number(), z.bigint()]).transform((value) => BigInt(value))
const number = amount.transform(Number)

const distributed = {
  inflow: amount,
  carried: amount,
  pool: amount,
  paid: amount,
  carry: amount,
  voters: number,
  votes: number,
  ruleset: z.string(),
  trace: z.unknown(),
  revision: number,
  at: number,
}

export const hourSchema = z.object({
  hour: number,
  day: z.string(),
  hourOfDay: number,
  cc: amount,
  unitsPerCc: amount,
  hourly: amount,
  daily: amount,
  /** The last correction that was made before it. */
  afterCorrection: number,
  ...distributed,
})
export type HourRow = z.output<typeof hourSchema>

export const daySchema = z.object({
  day: z.string(),
  from: number,
  to: number,
  lastHour: number,
  bonusBudget: amount,
  bonusPaid: amount,
  eccCap: amount,
  /** The last one that was made before it. */
  corrections: number,
  ...distributed,
})
export type DayRow = z.output<typeof daySchema>

/** As it is now, and as it was before it was corrected for the first time. */
export interface Period<Row> {
  row: Row
  original: Row
}

// A trace is two kilobytes.
const PERIODS_A_PAGE = 200

/** In their order, page by page; what is not paid for (shadow) is not looked at. */
export async function* hoursOf(db: Db): AsyncGenerator<Period<HourRow>> {
  const sql = `select hour, day, hour_of_day as "hourOfDay", cc, units_per_cc as "unitsPerCc", hourly,
      daily, inflow, carried, pool, paid, carry, voters, votes, ruleset, trace, revision, at,
      after_correction as "afterCorrection" from partner_hour where not shadow and hour > $1 order by hour limit $2`
  let after = -1
  for (;;) {
    const rows = await db.query<{ hour: bigint }>(sql, [after, PERIODS_A_PAGE])
    const last = rows.at(-1)
    if (!last) return
    const names = rows.map(({ hour }) => String(hour))
    yield* withOriginals(db, hourSchema, { kind: 'hour', names, rows })
    after = Number(last.hour)
  }
}

export async function* daysOf(db: Db): AsyncGenerator<Period<DayRow>> {
  const sql = `select day, from_at as "from", to_at as "to", last_hour as "lastHour", inflow, carried,
      pool, paid, carry, bonus_budget as "bonusBudget", bonus_paid as "bonusPaid",
      ecc_cap as "eccCap", corrections, voters, votes, ruleset, trace, revision, at
    from partner_day where not shadow and day > $1 order by day limit $2`
  let after = ''
  for (;;) {
    const rows = await db.query<{ day: string }>(sql, [after, PERIODS_A_PAGE])
    const last = rows.at(-1)
    if (!last) return
    const names = rows.map(({ day }) => day)
    yield* withOriginals(db, daySchema, { kind: 'day', names, rows })
    after = last.day
  }
}

interface Page {
  kind: Correction['kind']
  names: string[]
  rows: readonly unknown[]
}

async function* withOriginals<Row>(
  db: Db,
  schema: z.ZodType<Row, z.ZodTypeDef, unknown>,
  { kind, names, rows }: Page,
): AsyncGenerator<Period<Row>> {
  const first = await db.query<{ period: string; before: unknown }>(
    `select distinct on (period) period, before from partner_correction
      where kind = $1 and period in (select jsonb_array_elements_text($2::jsonb))
      order by period, revision`,
    [kind, toJson(names)],
  )
  const before = new Map(first.map((each) => [each.period, each.before]))
  for (const [index, name] of names.entries()) {
    const row = schema.parse(rows[index])
    const kept = before.get(name)
    yield { row, original: kept === undefined ? row : schema.parse(kept) }
  }
}

const correctionSchema = z.object({
  id: number,
  kind: z.enum(['hour', 'day']),
  period: z.string(),
  revision: number,
  lateVotes: number,
  lateCc: amount,
  inflow: amount,
  daily: amount,
  before: z.unknown(),
  after: z.unknown(),
  at: number,
  /** Whether a later one of the same period is on record. */
  isLast: z.boolean(),
})
export type Correction = z.output<typeof correctionSchema>

const CORRECTIONS_A_PAGE = 100

/** In the order in which they were made. */
export async function* correctionsOf(db: Db): AsyncGenerator<Correction> {
  let after = 0
  for (;;) {
    const rows = await db.query(
      `select c.id, c.kind, c.period, c.revision, c.late_votes as "lateVotes",
              c.late_cc as "lateCc", c.inflow, c.daily, c.before, c.after, c.at,
              not exists (select 1 from partner_correction l
                           where l.kind = c.kind and l.period = c.period and l.revision > c.revision)
                as "isLast"
         from partner_correction c where c.id > $1 order by c.id limit $2`,
      [after, CORRECTIONS_A_PAGE],
    )
    if (rows.length === 0) return
    for (const row of rows) {
      const correction = correctionSchema.parse(row)
      yield correction
      after = correction.id
    }
  }
}
