import { toJson } from '../../../base/json.ts'
import { SECONDS_PER_HOUR, isoTime } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { setAside } from './conflicts.ts'
import type { Landed, SetAside } from './conflicts.ts'
import type { EccRow, PartnerRow, RateRow } from './vote-rows.ts'

// Each in the caller's transaction, with the state locked.

/** The largest of a partner's day counts; for a day that is distributed it changes nothing and is counted late. */
export async function insertEcc(t: Db, rows: readonly EccRow[], now: UnixSeconds): Promise<Landed> {
  const { fresh, late } = await t.one<{ fresh: bigint; late: bigint }>(
    `with fresh as (
       insert into partner_ecc (partner, day, ecc, recorded_at)
       select w.partner, w.day, max(w.ecc), $2::bigint
         from jsonb_to_recordset($1::jsonb)
           w (partner text collate "C", day text collate "C", ecc numeric)
        group by w.partner, w.day order by w.partner, w.day
       on conflict (partner, day) do update
          set ecc = excluded.ecc, recorded_at = excluded.recorded_at
        where excluded.ecc > partner_ecc.ecc
       returning day
     )
     select count(*) as fresh, count(*) filter (where exists
              (select from partner_day d where not d.shadow and d.day = f.day)) as late
       from fresh f`,
    [toJson(rows), now],
  )
  const taken = { fresh: Number(fresh), late: Number(late) }
  return { ...taken, known: rows.length - taken.fresh, conflicts: 0 }
}

/**
 * A rate that would have changed a distributed hour is refused, and so is another one of an instant that has one: the
 * first counts. A rate from a second later takes the place of one that is not in force yet.
 */
export async function insertRates(
  t: Db,
  source: string,
  rows: readonly RateRow[],
  now: UnixSeconds,
): Promise<Landed> {
  const { open } = await t.one<{ open: bigint }>(
    `select coalesce(max(hour) + 1, 0) * ${SECONDS_PER_HOUR} as open
       from partner_hour where not shadow`,
  )
  const isOpen = ({ from }: RateRow): boolean => BigInt(from) >= open
  const asked = rows.map(({ from, unitsPerCc }, n) => ({ n, from, unitsPerCc }))
  const fresh = await t.query(
    `insert into partner_rate (from_at, units_per_cc, recorded_at)
     select distinct on (w.from_at) w.from_at, w.units_per_cc, $2::bigint
       from ${RATES} order by w.from_at, w.n
     on conflict (from_at) do nothing returning from_at`,
    [toJson(asked.filter(isOpen).map(rateRecord)), now],
  )
  const others = await t.query<{ n: number }>(
    `select w.n from ${RATES} left join partner_rate r on r.from_at = w.from_at
      where r.units_per_cc is distinct from w.units_per_cc order by w.n`,
    [toJson(asked.map(rateRecord))],
  )
  const conflicts = others.map(({ n }) => rateConflict(rows[n] as RateRow, isOpen, open))
  await setAside(t, 'rate', source, conflicts, now)
  const taken = { fresh: fresh.length, conflicts: conflicts.length }
  return { ...taken, late: 0, known: rows.length - taken.fresh - taken.conflicts }
}

const RATES = 'jsonb_to_recordset($1::jsonb) w (n int, from_at bigint, units_per_cc numeric)'

function rateRecord({ n, from, unitsPerCc }: RateRow & { n: number }): object {
  return { n, from_at: from, units_per_cc: unitsPerCc }
}

function rateConflict(row: RateRow, isOpen: (row: RateRow) => boolean, open: bigint): SetAside {
  const fault = isOpen(row)
    ? 'another rate is in force from then on'
    : `distributed up to ${isoTime(Number(open))}`
  return { key: isoTime(row.from), asked: row, fault }
}

/** The flag may change; two in one call that differ are a conflict, and the first counts. */
export async function insertPartners(
  t: Db,
  source: string,
  rows: readonly PartnerRow[],
  now: UnixSeconds,
): Promise<Landed> {
  const first = new Map<string, boolean>()
  const conflicts: SetAside[] = []
  for (const row of rows) {
    const known = first.get(row.partner)
    if (known === undefined) first.set(row.partner, row.isSpecial)
    else if (known !== row.isSpecial) {
      conflicts.push({ key: row.partner, asked: row, fault: 'special and not special in one call' })
    }
  }
  await setAside(t, 'partner', source, conflicts, now)
  const asked = [...first].map(([id, special]) => ({ id, special }))
  const fresh = await t.query(
    `insert into partner (id, is_special, recorded_at)
     select w.id, w.special, $2::bigint
       from jsonb_to_recordset($1::jsonb) w (id text collate "C", special boolean) order by w.id
     on conflict (id) do update
        set is_special = excluded.is_special, recorded_at = excluded.recorded_at
      where partner.is_special <> excluded.is_special
     returning id`,
    [toJson(asked), now],
  )
  const taken = { fresh: fresh.length, conflicts: conflicts.length }
  return { ...taken, late: 0, known: rows.length - taken.fresh - taken.conflicts }
}
