import { toJson } from '../../../base/json.ts'
import type { AccrualRecord } from '../../../payouts/payout-records.ts'
import type { CheckRoom } from '../../../payouts/program-check.ts'
import type { Db } from '../../../store/db.ts'
import { PROGRAM } from './books.ts'

/** Awards that no share and no correction has; and what was withheld of each partner. */
export async function findStrays(
  room: Pick<CheckRoom, 'db' | 'differ' | 'onProgress'>,
  pages: AsyncIterable<readonly AccrualRecord[]>,
): Promise<Map<string, bigint>> {
  const withheld = new Map<string, bigint>()
  let done = 0
  for await (const awards of pages) {
    const named = awards.map(nameOf)
    for (const award of await strangers(room.db, named)) {
      const { ref, payee, amount } = award
      room.differ('PARTNERS_AWARD_STRANGE', { ref, payee, amount })
    }
    for (const { isDue, award } of named) {
      const { payee, amount } = award
      if (isDue) withheld.set(payee, (withheld.get(payee) ?? 0n) - amount)
    }
    done += awards.length
    room.onProgress("partners' awards", done, done)
  }
  return withheld
}

interface Named {
  award: AccrualRecord
  kind: string
  period: string
  correction: string | null
  /** Its name says that it is withheld from what was accrued; isDue: it is. */
  saysDue: boolean
  isDue: boolean
  partner: string
}

// The period, the correction and what it is stand before the first slash: an id may have slashes of its own.
const REF = /^([hd])([^:/]+)(?::c(\d{1,18}))?(:due)?\/(.*)$/s

function nameOf(award: AccrualRecord): Named {
  const [, letter, period = '', correction = null, due, partner = ''] = REF.exec(award.ref) ?? []
  const kind = letter === 'h' ? 'hour' : letter === 'd' ? 'day' : ''
  const { payee, source, amount } = award
  const saysDue = due !== undefined
  const isOwn = payee === partner && source === `due:${PROGRAM}:${payee}`
  return {
    award,
    kind,
    period,
    correction,
    saysDue,
    isDue: saysDue && isOwn && amount < 0n,
    partner,
  }
}

async function strangers(db: Db, named: readonly Named[]): Promise<AccrualRecord[]> {
  const asked = named.map(({ award: _award, ...each }, at) => ({ at, ...each }))
  const rows = await db.query<{ at: number }>(
    `select a.at from jsonb_to_recordset($1::jsonb) as a(at int, kind text, period text,
         correction bigint, partner text, "saysDue" boolean, "isDue" boolean)
      where not case
        when a."saysDue" then a."isDue"
        when a.correction is not null then exists (
          select 1 from partner_correction c join partner_correction_line l on l.correction = c.id
           where c.id = a.correction and c.kind = a.kind and c.period = a.period
             and l.partner = a.partner)
        when a.kind = 'hour' and a.period ~ '^[0-9]{1,15}$' then exists (
          select 1 from partner_hour_share s
           where not s.shadow and s.hour = a.period::bigint and s.partner = a.partner)
        else exists (
          select 1 from partner_day_share s
           where not s.shadow and s.day = a.period and s.partner = a.partner and a.kind = 'day') end`,
    [toJson(asked)],
  )
  return rows.flatMap(({ at }) => named[at]?.award ?? [])
}
