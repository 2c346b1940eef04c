import { toJson } from '../../../base/json.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'

/** What is to be in the second database: the newest that is known of that hour and partner. */
export interface OpenRow {
  id: bigint
  hour: Hour
  partner: string
  revision: number
  ccReward: bigint
  attempts: number
  lastError: string | undefined
}

interface StoredRow {
  id: bigint
  hour: bigint
  partner: string
  revision: number
  cc_reward: string
  attempts: number
  last_error: string | null
}

/** Oldest first, those with a higher id. One that a newer revision has replaced is never sent. */
export async function readOpen(db: Db, after: bigint, limit: number): Promise<OpenRow[]> {
  const rows = await db.query<StoredRow>(
    `select o.id, o.hour, o.partner, o.revision, o.cc_reward, o.attempts, o.last_error
       from partner_outbox o
      where o.sent_at is null and o.id > $1 and not exists (
        select 1 from partner_outbox n
         where n.hour = o.hour and n.partner = o.partner and n.revision > o.revision)
      order by o.id limit $2`,
    [after, limit],
  )
  return rows.map(({ id, hour, partner, revision, cc_reward, attempts, last_error }) => ({
    id,
    hour: Number(hour),
    partner,
    revision,
    ccReward: BigInt(cc_reward),
    attempts,
    lastError: last_error ?? undefined,
  }))
}

/** With the older revisions of the same hour and partner; one that came since stays open. */
export async function markSent(db: Db, rows: readonly OpenRow[], now: UnixSeconds): Promise<void> {
  await db.query(
    `update partner_outbox o set sent_at = $2, last_error = null
       from jsonb_to_recordset($1::jsonb) as s(hour bigint, partner text, revision int)
      where o.hour = s.hour and o.partner = s.partner and o.revision <= s.revision
        and o.sent_at is null`,
    [toJson(rows.map(({ hour, partner, revision }) => ({ hour, partner, revision }))), now],
  )
}

export async function markFailed(db: Db, rows: readonly OpenRow[], error: string): Promise<void> {
  await db.query(
    `update partner_outbox set attempts = attempts + 1, last_error = $2
      where sent_at is null
        and id in (select jsonb_array_elements_text($1::jsonb)::bigint)`,
    [toJson(rows.map(({ id }) => id)), error],
  )
}

export interface Waiting {
  open: number
  /** When the oldest was put in. */
  openSince: UnixSeconds | undefined
  lastError: string | undefined
}

/** By an index of the open rows: it is asked every few minutes, and the sent ones become many. */
export async function readWaiting(db: Db): Promise<Waiting> {
  const found = await db.one<{ open: number; since: bigint | null; error: string | null }>(
    `select count(*)::int as open, min(created_at) as since,
            (array_agg(last_error order by id) filter (where last_error is not null))[1] as error
       from partner_outbox where sent_at is null`,
  )
  const { open, since, error } = found
  const openSince = since === null ? undefined : Number(since)
  return { open, openSince, lastError: error ?? undefined }
}

export interface SentFigures {
  sent: number
  lastSentAt: UnixSeconds | undefined
}

export async function readSent(db: Db): Promise<SentFigures> {
  const { sent, last } = await db.one<{ sent: number; last: bigint | null }>(
    'select count(sent_at)::int as sent, max(sent_at) as last from partner_outbox',
  )
  return { sent, lastSentAt: last === null ? undefined : Number(last) }
}
