import { KeeperError } from '../../../base/errors.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import type { Db } from '../../../store/db.ts'
import { NOTHING_LANDED, addLanded, setAside, tellLanded } from './conflicts.ts'
import type { IntakeRoom, Landed, RowKind, SetAside } from './conflicts.ts'
import { faultsOfRow, takeRows } from './land.ts'
import type { Rows } from './land.ts'
import { openMysqlTables } from './mysql-source.ts'
import { openPostgresTables } from './postgres-source.ts'
import type { SourceDescription } from './source-file.ts'
import { openTables } from './source.ts'
import type { Source, SourceRow } from './source.ts'

/** The database that MUSTER_PARTNERS_SOURCE_URL names, described by MUSTER_PARTNERS_SOURCE. */
export async function openSource(
  description: SourceDescription,
  url: string | undefined,
): Promise<Source> {
  if (url === undefined) {
    throw new KeeperError('PARTNERS_SOURCE_MISSING', { what: 'MUSTER_PARTNERS_SOURCE_URL' })
  }
  const isMysql = /^(mysql|mariadb):/.test(url)
  if (isMysql !== (description.kind === 'mysql')) {
    const fault = `the description says ${description.kind}`
    throw new KeeperError('PARTNERS_DATABASE_URL', { what: 'the partners’ source', fault })
  }
  const server = await (isMysql ? openMysqlTables(url) : openPostgresTables(url))
  try {
    return await openTables(description, server)
  } catch (error) {
    await server.close()
    throw error
  }
}

export interface PullOptions {
  /** Read again from then, when that is before what would be read anyway. */
  since?: UnixSeconds
  signal?: AbortSignal
  onProgress?: (kind: RowKind, rows: number) => void
}

/** Of each kind that the source has: how many rows were read, and what they came to. */
export type Pulled = Partial<Record<RowKind, Landed & { rows: number }>>

/**
 * Reads what the source has since the watermark less the overlap, and lands it page by page; a page and its watermark
 * are one transaction. So a pull that dies goes on where it was, and what is read twice is known.
 */
export async function pull(
  room: IntakeRoom,
  source: Source,
  options: PullOptions = {},
): Promise<Pulled> {
  const pulled: Pulled = {}
  for (const kind of source.kinds) pulled[kind] = await pullKind(room, source, kind, options)
  return pulled
}

async function pullKind(
  room: IntakeRoom,
  source: Source,
  kind: RowKind,
  { since, signal, onProgress }: PullOptions,
): Promise<Landed & { rows: number }> {
  const from = await startOf(room.db, source, kind, since)
  let total = { ...NOTHING_LANDED, rows: 0 }
  for await (const page of source.pages(kind, from, room.zone)) {
    signal?.throwIfAborted()
    if (page.length === 0) continue
    const landed = await landPage(room, source.name, kind, page)
    total = { ...addLanded(total, landed), rows: total.rows + page.length }
    onProgress?.(kind, total.rows)
  }
  return total
}

async function startOf(
  db: Db,
  { name, overlapSeconds }: Source,
  kind: RowKind,
  since: UnixSeconds | undefined,
): Promise<UnixSeconds> {
  const mark = await db.maybeOne<{ at: bigint }>(
    'select at from partner_watermark where source = $1 and kind = $2',
    [name, kind],
  )
  if (mark === undefined) return since ?? 0
  // Never later: what lies between would be left out for good.
  return Math.max(0, Math.min(Number(mark.at) - overlapSeconds, since ?? Number.POSITIVE_INFINITY))
}

async function landPage<Kind extends RowKind>(
  room: IntakeRoom,
  source: string,
  kind: Kind,
  page: readonly SourceRow<Kind>[],
): Promise<Landed> {
  const now = room.clock.now()
  const { rows, aside } = sortOut(kind, page, now)
  const landed = await room.db.begin(async (t) => {
    const taken = await takeRows(t, kind, source, rows, now)
    await setAside(t, kind, source, aside, now)
    await moveWatermark(t, source, kind, page, now)
    return taken
  })
  const whole = { ...landed, conflicts: landed.conflicts + aside.length }
  tellLanded(room, kind, source, whole)
  return whole
}

// As an index of the store bears it; a key that is longer is a fault, and is set aside by its beginning.
const MAX_ASIDE_KEY = 300

/** One faulty row does not stop the others: it is kept for a person to look at. */
function sortOut<Kind extends RowKind>(
  kind: Kind,
  page: readonly SourceRow<Kind>[],
  now: UnixSeconds,
): { rows: Rows[Kind][]; aside: SetAside[] } {
  const rows: Rows[Kind][] = []
  const aside: SetAside[] = []
  for (const { read, key, cells } of page) {
    const faults = 'faults' in read ? read.faults : faultsOfRow(kind, read.value, now)
    if ('value' in read && faults.length === 0) rows.push(read.value)
    else aside.push({ key: beginning(key), asked: cells, fault: faults.join('; ') })
  }
  return { rows, aside }
}

/** Without half a surrogate pair, which the cut may leave and the store does not take. */
function beginning(key: string): string {
  return key.slice(0, MAX_ASIDE_KEY).toWellFormed()
}

/** Never back, and never past now: a row that is dated ahead must not hide those that come until then. */
async function moveWatermark(
  t: Db,
  source: string,
  kind: RowKind,
  page: readonly SourceRow<RowKind>[],
  now: UnixSeconds,
): Promise<void> {
  const last = page.findLast(({ at }) => at !== undefined)
  if (last?.at === undefined) return
  await t.query(
    `insert into partner_watermark (source, kind, at, key, updated_at) values ($1, $2, $3, $4, $5)
     on conflict (source, kind) do update
        set at = excluded.at, key = excluded.key, updated_at = excluded.updated_at
      where excluded.at >= partner_watermark.at`,
    [source, kind, Math.min(last.at, now), last.key, now],
  )
}
