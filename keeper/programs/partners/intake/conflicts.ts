import { logAlerts } from '../../../base/alerts.ts'
import type { Alerts } from '../../../base/alerts.ts'
import { toJson } from '../../../base/json.ts'
import type { Logger } from '../../../base/log.ts'
import type { Clock, UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'

export type RowKind = 'vote' | 'rate' | 'ecc' | 'partner'

/** What a call of a source's rows came to; fresh + known + conflicts = its rows. */
export interface Landed {
  /** Of them, late ones are `late`, too. */
  fresh: number
  known: number
  /** Recorded, but for a period that is distributed: without effect until a correction. */
  late: number
  /** Not taken in: kept in partner_conflict. */
  conflicts: number
}

/** Where rows are taken in. */
export interface IntakeRoom {
  db: Db
  clock: Clock
  log: Logger
  alerts?: Alerts
  /** Of the program's days. */
  zone: string
}

export interface SetAside {
  key: string
  /** The row as it was asked for. */
  asked: unknown
  /** Why it is not taken in. */
  fault: string
}

/** Kept for a person to look at, in the caller's transaction; what comes again is counted. */
export async function setAside(
  t: Db,
  kind: RowKind,
  source: string,
  rows: readonly SetAside[],
  now: UnixSeconds,
): Promise<void> {
  if (rows.length === 0) return
  await t.query(
    `insert into partner_conflict (kind, source, key, asked, first_at, last_at, times)
     select $1, $2, w.key, (array_agg(jsonb_build_object('row', w.asked, 'fault', w.fault) order by w.n desc))[1],
            $4::bigint, $4::bigint, count(*)
       from jsonb_to_recordset($3::jsonb) w (n int, key text, asked jsonb, fault text)
      group by w.key order by w.key
     on conflict (kind, source, key) do update
        set asked = excluded.asked, last_at = excluded.last_at,
            times = partner_conflict.times + excluded.times`,
    [kind, source, toJson(rows.map(writable)), now],
  )
}

/** What is set aside may be anything: what the store's JSON has no room for is marked as lost. */
function writable({ key, asked, fault }: SetAside, n: number): object {
  const told = JSON.parse(toJson(asked), (_name, value: unknown) =>
    typeof value === 'string' ? withoutLost(value) : value,
  ) as unknown
  return { n, key: withoutLost(key), asked: told, fault: withoutLost(fault) }
}

function withoutLost(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd')
}

/** Rows of a source that cannot even be read, or may not be taken in: the others go on without them. */
export async function keepFaulty(
  room: IntakeRoom,
  kind: RowKind,
  source: string,
  rows: readonly { key: string; asked: unknown; faults: readonly string[] }[],
): Promise<void> {
  if (rows.length === 0) return
  const aside = rows.map(({ key, asked, faults }) => ({ key, asked, fault: faults.join('; ') }))
  await room.db.begin((t) => setAside(t, kind, source, aside, room.clock.now()))
  tellLanded(room, kind, source, { ...NOTHING_LANDED, conflicts: rows.length })
}

/** After the commit: one line of the log, and the alerts that call a person. */
export function tellLanded(
  { log, clock, alerts = logAlerts(log, clock) }: IntakeRoom,
  kind: RowKind,
  source: string,
  landed: Landed,
): void {
  const { late, conflicts, fresh } = landed
  log[fresh > 0 ? 'info' : 'debug']({ kind, source, ...landed }, 'partners-landed')
  if (late > 0 && kind === 'vote') {
    alerts.raise('partners-late-votes', { key: source, late, wayOut: 'muster partners correct' })
  }
  if (conflicts > 0) alerts.raise('partners-conflict', { key: `${kind} ${source}`, conflicts })
}

export function addLanded(a: Landed, b: Landed): Landed {
  return {
    fresh: a.fresh + b.fresh,
    known: a.known + b.known,
    late: a.late + b.late,
    conflicts: a.conflicts + b.conflicts,
  }
}

export const NOTHING_LANDED: Landed = { fresh: 0, known: 0, late: 0, conflicts: 0 }
