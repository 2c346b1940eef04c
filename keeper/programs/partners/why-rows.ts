import type { Wei } from '../../base/amount.ts'
import type { Day } from '../../base/day.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { DAILY_CATEGORIES } from './rules/daily.ts'
import { HOURLY_CATEGORIES } from './rules/hourly.ts'

/** A share as it is on record. */
export interface WhyShare {
  position: number
  votes: number
  cc: bigint
  /** Of a day: × 10^18. */
  ecc?: bigint
  amounts: Record<string, Wei>
}

export async function readWhyShare(
  db: Db,
  kind: 'hour' | 'day',
  period: Hour | Day,
  partner: string,
): Promise<WhyShare | undefined> {
  const row = await db.maybeOne<Record<string, string | bigint>>(
    `select * from partner_${kind}_share where not shadow and ${kind} = $1 and partner = $2`,
    [period, partner],
  )
  if (!row) return undefined
  const categories = kind === 'hour' ? HOURLY_CATEGORIES : DAILY_CATEGORIES
  const { position, votes, cc = 0n, ecc } = row
  return {
    position: Number(position),
    votes: Number(votes),
    cc: BigInt(cc),
    ...(ecc === undefined ? {} : { ecc: BigInt(ecc) }),
    amounts: Object.fromEntries(categories.map((name) => [name, BigInt(row[name] ?? 0)])),
  }
}

export interface WhyVote {
  source: string
  key: string
  cc: bigint
  type: string
  at: UnixSeconds
  isLate: boolean
}

/** What is behind a position. */
export interface WhyVotes {
  counted: number
  cc: bigint
  /** Of those, what a correction took; beside them, what waits for one. */
  corrected: number
  waiting: number
  first: WhyVote[]
}

// What a person reads; the table has them all.
const MAX_VOTES_SHOWN = 5

interface VotesRow {
  counted: bigint
  cc: string
  corrected: bigint
  waiting: bigint
}

export async function readWhyVotes(
  db: Db,
  asked: { partner: string; from: UnixSeconds; to: UnixSeconds; corrections: number },
): Promise<WhyVotes> {
  const { partner, from, to, corrections } = asked
  const params = [partner, from, to, corrections]
  const isCounted = '(not late or correction <= $4)'
  const own = 'from partner_vote where partner = $1 and at >= $2 and at < $3'
  const row = await db.one<VotesRow & object>(
    `select count(*) filter (where ${isCounted}) as counted,
            coalesce(sum(cc) filter (where ${isCounted}), 0)::text as cc,
            count(*) filter (where late and correction <= $4) as corrected,
            count(*) filter (where late and (correction is null or correction > $4)) as waiting ${own}`,
    params,
  )
  const first = await db.query<Omit<WhyVote, 'at'> & { at: bigint }>(
    `select source, key, cc, type, at, late as "isLate" ${own} and ${isCounted}
      order by at, source, key limit ${MAX_VOTES_SHOWN}`,
    params,
  )
  return {
    counted: Number(row.counted),
    cc: BigInt(row.cc),
    corrected: Number(row.corrected),
    waiting: Number(row.waiting),
    first: first.map((vote) => ({ ...vote, at: Number(vote.at) })),
  }
}

/** What the votes of an hour brought, of all partners. */
export interface WhyHour {
  hour: Hour
  cc: bigint
  unitsPerCc: Wei
  inflow: Wei
  hourly: Wei
  daily: Wei
}

export async function readWhyHours(
  db: Db,
  period: { hour: Hour } | { day: Day },
): Promise<WhyHour[]> {
  const [column, value] = 'hour' in period ? ['hour', period.hour] : ['day', period.day]
  const rows = await db.query<Record<string, string | bigint>>(
    `select hour, cc, units_per_cc as "unitsPerCc", inflow, hourly, daily
       from partner_hour where not shadow and ${column} = $1 order by hour`,
    [value],
  )
  return rows.map(({ hour, cc = 0n, unitsPerCc = 0n, inflow = 0n, hourly = 0n, daily = 0n }) => ({
    hour: Number(hour),
    cc: BigInt(cc),
    unitsPerCc: BigInt(unitsPerCc),
    inflow: BigInt(inflow),
    hourly: BigInt(hourly),
    daily: BigInt(daily),
  }))
}

/** What a correction made of a share. */
export interface WhyCorrection {
  id: number
  revision: number
  at: UnixSeconds
  by: string
  lateVotes: number
  lateCc: bigint
  /** As the correction kept them; null: had none. */
  before: KeptShare | null
  after: KeptShare
  difference: Wei
  /** Of what became less: out of what was accrued, and still due then. */
  taken: Wei
  due: Wei
}

export interface KeptShare {
  position: number
  total: Wei
  amounts: Record<string, Wei>
}

// Amounts as text.
interface KeptRow {
  position: number
  total: string
  amounts: Record<string, string>
}

interface CorrectionRow extends Pick<WhyCorrection, 'revision' | 'by'> {
  id: bigint
  at: bigint
  late_votes: bigint
  late_cc: bigint
  before: KeptRow | null
  after: KeptRow
  difference: string
  taken: string
  due: string
}

export async function readWhyCorrections(
  db: Db,
  { kind, period, partner }: { kind: 'hour' | 'day'; period: string; partner: string },
): Promise<WhyCorrection[]> {
  const rows = await db.query<CorrectionRow & object>(
    `select c.id, c.revision, c.at, c.by, c.late_votes, c.late_cc, l.before, l.after, l.difference,
            l.taken, l.due
       from partner_correction c
       join partner_correction_line l on l.correction = c.id and l.partner = $3
      where c.kind = $1 and c.period = $2 order by c.revision`,
    [kind, period, partner],
  )
  return rows.map(({ late_votes, late_cc, ...row }) => ({
    ...row,
    id: Number(row.id),
    at: Number(row.at),
    lateVotes: Number(late_votes),
    lateCc: late_cc,
    before: row.before && keptOf(row.before),
    after: keptOf(row.after),
    difference: BigInt(row.difference),
    taken: BigInt(row.taken),
    due: BigInt(row.due),
  }))
}

function keptOf({ position, total, amounts }: KeptRow): KeptShare {
  const entries = Object.entries(amounts).map(([name, amount]) => [name, BigInt(amount)] as const)
  return { position, total: BigInt(total), amounts: Object.fromEntries(entries) }
}
