import { toJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { preparePosting } from './posting.ts'
import type { Posting } from './posting.ts'

/** A key that came again with another content; nothing of that was posted. */
export interface Conflict {
  key: string
  /** JSON of what was asked. */
  posting: string
  /** The transfer that has the key. */
  transfer: bigint
  firstAt: UnixSeconds
  lastAt: UnixSeconds
  times: number
}

/**
 * For who undoes his transaction because of a conflict (requirePosted): the note of it is undone, too. Afterwards
 * this keeps those of the postings whose key is in the books with another content, and says how many they are.
 */
export async function quarantine(
  db: Db,
  postings: readonly Posting[],
  at: UnixSeconds,
): Promise<number> {
  const asked = postings.map((posting) => {
    const { keyId, payloadId } = preparePosting(posting)
    return { key: keyId, hash: payloadId, text: posting.key, posting: toJson(posting) }
  })
  const kept = await db.query(
    `insert into ledger_conflict (key, hash, transfer, key_text, posting, first_at, last_at)
     select distinct on (w.key, w.hash) w.key, w.hash, k.transfer, w.text, w.posting, $2::bigint, $2::bigint
       from json_to_recordset($1::text::json) w (key uuid, hash uuid, text text, posting text)
       join ledger_key k on k.key = w.key and k.hash <> w.hash
     on conflict (key, hash) do update
        set last_at = excluded.last_at, times = ledger_conflict.times + 1
     returning key`,
    [toJson(asked), at],
  )
  return kept.length
}

/** The latest first. */
export async function listConflicts(db: Db, limit: number): Promise<Conflict[]> {
  const rows = await db.query<
    Omit<Conflict, 'firstAt' | 'lastAt'> & { firstAt: bigint; lastAt: bigint }
  >(
    `select key_text as key, posting, transfer, first_at as "firstAt", last_at as "lastAt", times
       from ledger_conflict order by last_at desc, key limit $1`,
    [limit],
  )
  return rows.map((row) => ({
    ...row,
    firstAt: Number(row.firstAt),
    lastAt: Number(row.lastAt),
  }))
}
