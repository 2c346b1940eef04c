import type { CheckRoom } from '../../../payouts/program-check.ts'
import type { Category } from './hourly-numbers.ts'

// The first ones show what happened.
const MAX_SHARES_TOLD = 200

/** Who voted in [$1, $2), in the order of the positions; what came late counts if a correction up to $3 took it. */
export const RANKED = `counted as (
    select partner, sum(cc) as cc, count(*) as votes from partner_vote
     where at >= $1 and at < $2 and (not late or correction <= $3) group by partner),
  ranked as (
    select partner, cc, votes,
           row_number() over (order by cc desc, votes desc, partner collate "C") as position
      from counted)`

export interface Voted {
  cc: bigint
  voters: number
  votes: number
}

/** [from, to), and the last correction that it knows of. */
export interface Counted {
  from: number
  to: number
  corrections: number
}

export async function readVoted(
  { db }: Pick<CheckRoom, 'db'>,
  { from, to, corrections }: Counted,
): Promise<Voted> {
  const row = await db.one<{ cc: string; voters: bigint; votes: bigint }>(
    `select coalesce(sum(cc), 0)::text as cc, count(distinct partner) as voters, count(*) as votes
       from partner_vote where at >= $1 and at < $2 and (not late or correction <= $3)`,
    [from, to, corrections],
  )
  return { cc: BigInt(row.cc), voters: Number(row.voters), votes: Number(row.votes) }
}

/** A share that is not what the votes give. */
interface Told {
  partner: string
  field: string
  found: string | null
  expected: string | null
}

const NAMES = ['top10p', 'top10', 'top100', 'top1000', 'all']

/** Every partner's row of an hour is compared with what his votes and the parts of the pool give. */
export async function compareHourShares(
  room: Pick<CheckRoom, 'db' | 'differ'>,
  { hour, from, to, corrections }: Counted & { hour: number },
  parts: readonly Category[],
): Promise<void> {
  const byName = new Map(parts.map((part) => [part.category, part]))
  const sizes = NAMES.flatMap((name) => {
    const { members = 0, share = 0n } = byName.get(name) ?? {}
    return [members, share.toString()]
  })
  const amounts = NAMES.map((name, at) => {
    const [members, share] = [5 + 2 * at, 6 + 2 * at]
    return `case when position <= $${members}::bigint then $${share}::numeric else 0 end as "${name}"`
  })
  await tellShares(room, `hour ${hour}`, {
    fields: ['position', 'votes', 'cc', ...NAMES],
    sql: `with ${RANKED},
      expected as (select ranked.*, ${amounts.join(', ')} from ranked),
      stored as (select * from partner_hour_share where not shadow and hour = $4)`,
    params: [from, to, corrections, hour, ...sizes],
  })
}

/** The rows of `expected` and `stored` that are not the same, one finding a field. */
export async function tellShares(
  { db, differ }: Pick<CheckRoom, 'db' | 'differ'>,
  period: string,
  { fields, sql, params }: { fields: readonly string[]; sql: string; params: readonly unknown[] },
): Promise<void> {
  const pairs = fields.map((name) => `('${name}', s."${name}"::text, e."${name}"::text)`)
  const rows = await db.query<Told>(
    `${sql}
     select coalesce(e.partner, s.partner) as partner, v.field, v.found, v.expected
       from expected e full join stored s on s.partner = e.partner
       cross join lateral (values ('share', s.partner, e.partner), ${pairs.join(', ')})
         as v(field, found, expected)
      where v.found is distinct from v.expected
        and (v.field = 'share' or (e.partner is not null and s.partner is not null))
      order by 1 limit ${MAX_SHARES_TOLD}`,
    params,
  )
  for (const { partner, field, found, expected } of rows) {
    const facts = { found: found ?? 'nothing', expected: expected ?? 'nothing' }
    differ('PARTNERS_SHARE_DIFFERS', { partner, period, field, ...facts })
  }
}
