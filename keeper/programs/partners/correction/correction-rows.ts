import type { Day } from '../../../base/day.ts'
import { toJson } from '../../../base/json.ts'
import { SECONDS_PER_HOUR } from '../../../base/time.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import type { Period } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'
import type { DayRow, HourRow } from '../distribution/distribution-rows.ts'
import type { CorrectionLine } from './correction.ts'
import { keptRuleset } from '../ruleset.ts'
import type { Ruleset } from '../ruleset.ts'

/** Votes that no distribution counted. */
export interface Late {
  votes: number
  cc: bigint
}

/** Of a period: without effect so far; with `after`, those that corrections later than that one took. */
export async function readLate(t: Db, { from, to }: Period, after?: number): Promise<Late> {
  const isNew = after === undefined ? 'correction is null' : 'correction > $3'
  const row = await t.one<{ votes: bigint; cc: string }>(
    `select count(*) as votes, coalesce(sum(cc), 0)::text as cc from partner_vote
      where at >= $1 and at < $2 and late and ${isNew}`,
    [from, to, ...(after === undefined ? [] : [after])],
  )
  return { votes: Number(row.votes), cc: BigInt(row.cc) }
}

/** The hours that have late votes in [from, to), in order. */
export async function hoursWithLate(db: Db, { from, to }: Period): Promise<Hour[]> {
  const rows = await db.query<{ hour: bigint }>(
    `select distinct at / ${SECONDS_PER_HOUR} as hour from partner_vote
      where late and correction is null and at >= $1 and at < $2 order by hour`,
    [from, to],
  )
  return rows.map(({ hour }) => Number(hour))
}

export async function hasHours(db: Db, day: Day): Promise<boolean> {
  const row = await db.maybeOne(
    'select 1 from partner_hour where not shadow and day = $1 limit 1',
    [day],
  )
  return row !== undefined
}

/** From now on they count. */
export async function takeLate(t: Db, { from, to }: Period, correction: number): Promise<void> {
  await t.query(
    `update partner_vote set correction = $3
      where at >= $1 and at < $2 and late and correction is null`,
    [from, to, correction],
  )
}

/** What corrected hours brought to a day since it was last computed: it waits in the pool of the late. */
export async function readWaiting(t: Db, day: Day, after: number): Promise<bigint> {
  const { daily } = await t.one<{ daily: string }>(
    `select coalesce(sum(c.daily), 0) as daily from partner_correction c
       join partner_hour h on not h.shadow and h.hour::text = c.period
      where c.kind = 'hour' and c.id > $2 and h.day = $1`,
    [day, after],
  )
  return BigInt(daily)
}

/** What the pool of days has gathered for days to come. */
export async function readGathered(t: Db): Promise<bigint> {
  const { daily } = await t.one<{ daily: string }>(
    `select coalesce(sum(daily), 0) as daily from partner_hour h where not h.shadow
        and not exists (select from partner_day d where not d.shadow and d.day = h.day)`,
  )
  return BigInt(daily)
}

export async function readKeptRuleset(t: Db, version: string): Promise<Ruleset> {
  const { rules } = await t.one<{ rules: unknown }>(
    'select rules from partner_ruleset where version = $1',
    [version],
  )
  return keptRuleset(rules, version)
}

/** Its number stands in keys and references before the row can be written. */
export async function nextCorrection(t: Db): Promise<number> {
  const { id } = await t.one<{ id: bigint }>(
    `select nextval(pg_get_serial_sequence('partner_correction', 'id')) as id`,
  )
  return Number(id)
}

export interface CorrectionRow {
  id: number
  kind: 'hour' | 'day'
  period: string
  revision: number
  late: Late
  inflow: bigint
  daily: bigint
  before: HourRow | DayRow
  after: HourRow | DayRow
  at: UnixSeconds
  by: string
}

// Some 700 bytes each: statements of three megabytes.
const MAX_LINES_A_STATEMENT = 5_000

/** What was and what is, of the period and of each share that is another one now. */
export async function insertCorrection(
  t: Db,
  { id, kind, period, revision, late, inflow, daily, before, after, at, by }: CorrectionRow,
  lines: readonly CorrectionLine[],
): Promise<void> {
  await t.query(
    `insert into partner_correction
       (id, kind, period, revision, late_votes, late_cc, inflow, daily, before, after, at, by)
     overriding system value
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, $12)`,
    [
      id,
      kind,
      period,
      revision,
      late.votes,
      late.cc,
      inflow,
      daily,
      toJson(before),
      toJson(after),
      at,
      by,
    ],
  )
  for (let from = 0; from < lines.length; from += MAX_LINES_A_STATEMENT) {
    const part = lines.slice(from, from + MAX_LINES_A_STATEMENT)
    await t.query(
      `insert into partner_correction_line
         (correction, partner, before, after, difference, taken, due)
       select $1, l.partner, l.before, l.after, l.amount, l.taken, l.due
         from jsonb_to_recordset($2::jsonb) as l(partner text, before jsonb, after jsonb,
           amount numeric, taken numeric, due numeric)`,
      [id, toJson(part)],
    )
  }
}
