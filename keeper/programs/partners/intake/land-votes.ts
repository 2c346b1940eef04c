import { toJson } from '../../../base/json.ts'
import { SECONDS_PER_HOUR } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { setAside } from './conflicts.ts'
import type { Landed } from './conflicts.ts'
import type { VoteRow } from './vote-rows.ts'

/**
 * In the caller's transaction, with the state locked: a vote whose source and key are on record is known, or a
 * conflict when it says something else. The first one counts.
 */
export async function insertVotes(
  t: Db,
  source: string,
  votes: readonly VoteRow[],
  now: UnixSeconds,
): Promise<Landed> {
  const asked = toJson(votes.map((vote, n) => ({ n, ...vote })))
  const fresh = await t.one<{ fresh: bigint; late: bigint }>(
    `with fresh as (
       insert into partner_vote (source, key, partner, cc, type, at, recorded_at, late)
       select distinct on (w.key) $1, w.key, w.partner, w.cc, w.type, w.at, $3::bigint,
              exists (select from partner_hour h
                       where not h.shadow and h.hour = w.at / ${SECONDS_PER_HOUR})
         from ${ASKED} order by w.key, w.n
       on conflict (source, key) do nothing
       returning late
     )
     select count(*) as fresh, count(*) filter (where late) as late from fresh`,
    [source, asked, now],
  )
  const taken = { fresh: Number(fresh.fresh), late: Number(fresh.late) }
  const conflicts = taken.fresh === votes.length ? 0 : await keepOthers(t, source, asked, now)
  return { ...taken, conflicts, known: votes.length - taken.fresh - conflicts }
}

// `collate "C"`: keys are compared as the table compares them, by their bytes.
const ASKED = `jsonb_to_recordset($2::jsonb)
  w (n int, key text collate "C", partner text collate "C", cc bigint, type text, at bigint)`

/** Those that say something else than what is on record, also when both came in this call. */
async function keepOthers(t: Db, source: string, asked: string, now: UnixSeconds): Promise<number> {
  const others = await t.query<Omit<VoteRow, 'at'> & { at: bigint }>(
    `select w.key, w.partner, w.cc, w.type, w.at from ${ASKED}
       join partner_vote v on v.source = $1 and v.key = w.key
      where (v.partner, v.cc, v.type, v.at) is distinct from (w.partner, w.cc, w.type, w.at)
      order by w.n`,
    [source, asked],
  )
  const fault = 'another vote has this key'
  const rows = others.map((row) => ({ key: row.key, asked: row, fault }))
  await setAside(t, 'vote', source, rows, now)
  return others.length
}
