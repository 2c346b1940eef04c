import { toJson } from '../../../base/json.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'

/** What an hour gave a partner: the sum of its five amounts. */
export interface HourTotal {
  partner: string
  total: bigint
}

export interface Enqueueing {
  /** The configured ones; those that are flagged in `partner` are special too. */
  special: ReadonlySet<string>
  now: UnixSeconds
}

// Special partners are a handful; a statement of this size is some 100 kB even if all of them were.
const MAX_ROWS_A_STATEMENT = 1_000

/**
 * For the second database, within the transaction of the hour or of its correction. A sum that is on record is left as it
 * is, another one is the next revision, also for who is not special any more: its row is there. Returns the new rows.
 */
export async function enqueueSpecial(
  t: Db,
  hour: Hour,
  shares: readonly HourTotal[],
  { special, now }: Enqueueing,
): Promise<number> {
  const rows = await t.query<{ id: string }>(
    `select id from partner where is_special
     union select partner from partner_outbox where hour = $1`,
    [hour],
  )
  const wanted = new Set([...special, ...rows.map(({ id }) => id)])
  const theirs = shares.filter(({ partner }) => wanted.has(partner))
  let fresh = 0
  for (let from = 0; from < theirs.length; from += MAX_ROWS_A_STATEMENT) {
    const part = theirs.slice(from, from + MAX_ROWS_A_STATEMENT)
    fresh += await insertChanged(t, hour, part, now)
  }
  return fresh
}

async function insertChanged(
  t: Db,
  hour: Hour,
  shares: readonly HourTotal[],
  now: UnixSeconds,
): Promise<number> {
  const asked = shares.map(({ partner, total }) => ({ partner, total }))
  const rows = await t.query(
    `insert into partner_outbox (hour, partner, revision, cc_reward, created_at)
     select $1, s.partner, coalesce(o.revision + 1, 0), s.total, $3
       from jsonb_to_recordset($2::jsonb) as s(partner text, total numeric)
       left join lateral (
         select revision, cc_reward from partner_outbox
          where hour = $1 and partner = s.partner order by revision desc limit 1) o on true
      where o.cc_reward is distinct from s.total
      order by s.partner collate "C"
     returning id`,
    [hour, toJson(asked), now],
  )
  return rows.length
}
