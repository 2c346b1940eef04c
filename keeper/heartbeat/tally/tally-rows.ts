import { toJson } from '../../base/json.ts'
import type { Address } from '../../base/schema.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { MS_PER_HOUR, mostPerHour } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import { checksummed } from './closed-hours.ts'

export interface CountRow {
  hour: Hour
  node: Address
  seen: number
  dueMs: number
}

export interface ListenedRow {
  hour: Hour
  expected: number
  listenedMs: number
}

export interface StatusRow {
  node: Address
  lastMs: number
  signedMs: number
  cpuBps?: number | undefined
  memoryBps?: number | undefined
  diskBps?: number | undefined
  height?: bigint | undefined
  version?: string | undefined
}

export interface Changes {
  nowMs: number
  hours: readonly ListenedRow[]
  counts: readonly CountRow[]
  statuses: readonly StatusRow[]
}

// An hour that is closed gives no row of `up`, so its counts go nowhere: this statement and the closing of the
// hour wait for each other at that row. Values are absolute and only grow, so it may be repeated.
const WRITE_COUNTS = `
  with up as (
    insert into tally_hour (hour, expected, listened_ms, flushed_ms)
    select u.hour, u.expected, u.listened, $4::bigint
    from unnest(
      string_to_array($1, ',')::int[], string_to_array($2, ',')::int[],
      string_to_array($3, ',')::bigint[]
    ) as u (hour, expected, listened)
    order by u.hour
    on conflict (hour) do update set
      expected = greatest(tally_hour.expected, excluded.expected),
      listened_ms = greatest(tally_hour.listened_ms, excluded.listened_ms),
      flushed_ms = excluded.flushed_ms
    where tally_hour.closed_at is null
    returning hour
  )
  insert into tally (hour, node, seen, due_ms)
  select c.hour, c.node, c.seen, c.due
  from unnest(
    string_to_array($5, ',')::int[], string_to_array($6, ','),
    string_to_array($7, ',')::int[], string_to_array($8, ',')::bigint[]
  ) as c (hour, node, seen, due)
  join up on up.hour = c.hour
  on conflict (hour, node) do update set
    seen = greatest(tally.seen, excluded.seen),
    due_ms = greatest(tally.due_ms, excluded.due_ms)`

const WRITE_STATUSES = `
  insert into node_status
    (node, last_ms, signed_ms, cpu_bps, memory_bps, disk_bps, height, version)
  select * from jsonb_to_recordset($1::jsonb) as s (
    node text, last_ms bigint, signed_ms bigint, cpu_bps int, memory_bps int, disk_bps int,
    height numeric, version text
  )
  on conflict (node) do update set
    last_ms = greatest(node_status.last_ms, excluded.last_ms),
    signed_ms = greatest(node_status.signed_ms, excluded.signed_ms),
    cpu_bps = coalesce(excluded.cpu_bps, node_status.cpu_bps),
    memory_bps = coalesce(excluded.memory_bps, node_status.memory_bps),
    disk_bps = coalesce(excluded.disk_bps, node_status.disk_bps),
    height = coalesce(excluded.height, node_status.height),
    version = coalesce(excluded.version, node_status.version)`

export async function writeChanges(db: Db, changes: Changes): Promise<void> {
  const { nowMs, hours, counts, statuses } = changes
  await db.query(WRITE_COUNTS, [
    list(hours, ({ hour }) => hour),
    list(hours, ({ expected }) => expected),
    list(hours, ({ listenedMs }) => Math.round(listenedMs)),
    nowMs,
    list(counts, ({ hour }) => hour),
    list(counts, ({ node }) => node.toLowerCase()),
    list(counts, ({ seen }) => seen),
    list(counts, ({ dueMs }) => dueMs),
  ])
  if (statuses.length > 0) await db.query(WRITE_STATUSES, [toJson(statuses.map(statusJson))])
}

/** As one text: both drivers take it, and it is cheaper to make and to read than JSON. */
function list<T>(rows: readonly T[], valueOf: (row: T) => string | number): string {
  return rows.map(valueOf).join(',')
}

// What a node says of itself is shown to people. The intake has checked it; what the columns refuse all the same
// (a zero byte, a fraction) would hold up the write of all the others.
const UNPRINTABLE = /[^\x20-\x7e]/g
const MAX_VERSION = 64
const MAX_BPS = 10_000
const MAX_HEIGHT = 2n ** 64n - 1n

function statusJson(status: StatusRow): object {
  const { node, lastMs, signedMs, cpuBps, memoryBps, diskBps, height, version } = status
  return {
    node: node.toLowerCase(),
    last_ms: lastMs,
    signed_ms: signedMs,
    cpu_bps: bpsOf(cpuBps),
    memory_bps: bpsOf(memoryBps),
    disk_bps: bpsOf(diskBps),
    height: height !== undefined && height >= 0n && height <= MAX_HEIGHT ? height : null,
    version: version?.replace(UNPRINTABLE, '?').slice(0, MAX_VERSION),
  }
}

function bpsOf(share: number | undefined): number | null {
  const isBps = Number.isInteger(share) && share !== undefined && share >= 0 && share <= MAX_BPS
  return isBps ? share : null
}

export interface Stored {
  /** Open ones, whatever their time, oldest first. */
  hours: ListenedRow[]
  counts: CountRow[]
  /** Closed although they lie ahead: the clock was wrong then, or is now. */
  closedAhead: Hour[]
  /** The newest hour before the present one that the store knows. */
  lastHour: Hour | undefined
  lastFlushMs: number | undefined
  signed: { node: Address; signedMs: number }[]
}

/** What an earlier process left. */
export async function readStored(db: Db, present: Hour): Promise<Stored> {
  const hours = await db.query<{ hour: number; expected: number; listened_ms: bigint }>(
    'select hour, expected, listened_ms from tally_hour where closed_at is null order by hour',
  )
  const counts = await db.query<{ hour: number; node: string; seen: number; due_ms: bigint }>(
    `select t.hour, t.node, t.seen, t.due_ms from tally_hour h join tally t on t.hour = h.hour
     where h.closed_at is null`,
  )
  const last = await db.one<{ hour: number | null; flushed: bigint | null }>(
    'select max(hour) filter (where hour < $1) as hour, max(flushed_ms) as flushed from tally_hour',
    [present],
  )
  const signed = await db.query<{ node: string; signed_ms: bigint }>(
    'select node, signed_ms from node_status where signed_ms > 0',
  )
  return {
    hours: hours.map((row) => ({ ...row, listenedMs: Number(row.listened_ms) })),
    counts: counts.map(({ node, due_ms, ...row }) => ({
      ...row,
      node: checksummed(node),
      dueMs: Number(due_ms),
    })),
    closedAhead: await closedFrom(db, present),
    lastHour: last.hour ?? undefined,
    lastFlushMs: last.flushed === null || last.flushed === 0n ? undefined : Number(last.flushed),
    signed: signed.map((row) => ({
      node: checksummed(row.node),
      signedMs: Number(row.signed_ms),
    })),
  }
}

export async function closedFrom(db: Db, first: Hour): Promise<Hour[]> {
  const rows = await db.query<{ hour: number }>(
    'select hour from tally_hour where hour >= $1 and closed_at is not null',
    [first],
  )
  return rows.map(({ hour }) => hour)
}

export interface Closing {
  rule: BeatRule
  hour: Hour
  at: UnixSeconds
  expected: number
  listenedMs: number
  counts: readonly { node: Address; seen: number }[]
}

export type Closed = 'heard' | 'unheard' | 'already'

export interface Outcome {
  closed: Closed
  expected?: number
  validators?: number
  online?: number
}

/** All or nothing, once: whoever comes second finds it closed and changes nothing. */
export function closeInStore(db: Db, closing: Closing): Promise<Outcome> {
  return db.begin(async (t) => {
    await t.query('insert into tally_hour (hour) values ($1) on conflict do nothing', [
      closing.hour,
    ])
    const row = await t.one<{ expected: number; closed_at: bigint | null }>(
      'select expected, closed_at from tally_hour where hour = $1 for update',
      [closing.hour],
    )
    if (row.closed_at !== null) return { closed: 'already' }
    // Listened to by another process on this store, or by us before a restart. A node that came back at once after
    // one may have been seen more often: the others are not held to that.
    const expected = Math.max(closing.expected, row.expected)
    const isHeard = expected >= closing.rule.least
    await writeFinal(t, closing, isHeard ? expected : undefined)
    const totals = await writeClosed(t, closing, expected, isHeard)
    return { closed: isHeard ? 'heard' : 'unheard', expected, ...totals }
  })
}

/** `expected` undefined: the counts are kept, but nobody is judged. */
async function writeFinal(
  t: Db,
  { hour, counts, rule }: Closing,
  expected: number | undefined,
): Promise<void> {
  const decide = [expected ?? null, mostPerHour(rule), rule.least]
  await t.query(
    `insert into tally (hour, node, seen, online)
     select $1::int, c.node, c.seen, c.seen * $5::int >= $4::int * $6::int
     from unnest(string_to_array($2, ','), string_to_array($3, ',')::int[]) as c (node, seen)
     on conflict (hour, node) do update set
       seen = greatest(tally.seen, excluded.seen),
       online = greatest(tally.seen, excluded.seen) * $5::int >= $4::int * $6::int`,
    [
      hour,
      list(counts, (row) => row.node.toLowerCase()),
      list(counts, (row) => row.seen),
      ...decide,
    ],
  )
  if (expected === undefined) return
  // Counted by another process on this store, and so not in our memory.
  await t.query(
    `update tally set online = seen * $3::int >= $2::int * $4::int
     where hour = $1 and online is null`,
    [hour, ...decide],
  )
}

async function writeClosed(
  t: Db,
  { hour, at, listenedMs }: Closing,
  expected: number,
  isHeard: boolean,
): Promise<{ validators: number; online: number }> {
  return t.one(
    `update tally_hour set
       closed_at = $2, expected = $3, heard = $4, listened_ms = greatest(listened_ms, $5),
       validators = (select count(*) from tally where tally.hour = $1),
       online = (select count(*) from tally where tally.hour = $1 and tally.online)
     where hour = $1
     returning validators, online`,
    [hour, at, expected, isHeard, Math.round(listenedMs)],
  )
}

/** Whose hour was judged last: a roster for when the chain cannot be read. */
export async function newestClosedNodes(db: Db): Promise<Address[]> {
  const rows = await db.query<{ node: string }>(
    `select node from tally where hour = (select max(hour) from tally_hour where heard)
     order by node`,
  )
  return rows.map(({ node }) => checksummed(node))
}

/** Closed and heard, but nobody who waits for closed hours has taken them yet; oldest first. */
export async function untoldHours(db: Db, limit: number): Promise<Hour[]> {
  const rows = await db.query<{ hour: number }>(
    'select hour from tally_hour where heard and told_at is null order by hour limit $1',
    [limit],
  )
  return rows.map(({ hour }) => hour)
}

export async function markTold(db: Db, hour: Hour, at: UnixSeconds): Promise<void> {
  await db.query('update tally_hour set told_at = $2 where hour = $1', [hour, at])
}

// One hour is closed an hour, so two a time catch up, and a statement deletes the rows of one.
const PRUNED_A_TIME = 2

/** The rows of hours before that one; what was signed of them stays. How many hours went. */
export async function pruneBefore(db: Db, oldest: Hour): Promise<number> {
  const old = await db.query<{ hour: number }>(
    'select distinct hour from tally where hour < $1 order by hour limit $2',
    [oldest, PRUNED_A_TIME],
  )
  for (const { hour } of old) await db.query('delete from tally where hour = $1', [hour])
  await db.query('delete from node_status where last_ms < $1', [oldest * MS_PER_HOUR])
  return old.length
}
