import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/json.ts'
import { redactDeep } from '../base/redact.ts'
import { isoTime } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Actor } from './actor.ts'

/** One action of an admin. What was there before and after is said without secrets. */
export interface TrailNote {
  actor: Actor
  action: string
  target: string
  before?: object
  after?: object
}

export interface TrailEntry {
  seq: bigint
  at: UnixSeconds
  actor: string
  role: string
  action: string
  target: string
  /** Canonical JSON. */
  before: string | null
  after: string | null
  prevHash: string
  hash: string
}

export interface TrailHead {
  seq: bigint
  hash: string
}

export interface TrailFilter {
  actor?: string
  action?: string
  /** Not older than that. */
  since?: UnixSeconds
  /** Older than this entry: for the next page. */
  beforeSeq?: bigint
  limit: number
}

/** Within the transaction of the action itself, after everything else: neither is there without the other. */
export async function appendTrail(t: Db, note: TrailNote, at: UnixSeconds): Promise<TrailEntry> {
  const head = await t.one<TrailHead>('select seq, hash from office_trail_head for update')
  const entry = chainEntry(head, note, at)
  const { seq, actor, role, action, target, before, after, prevHash, hash } = entry
  await t.query(
    `insert into office_trail (seq, at, actor, role, action, target, before, after, prev_hash, hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [seq, at, actor, role, action, target, before, after, prevHash, hash],
  )
  await t.query('update office_trail_head set seq = $1, hash = $2', [seq, hash])
  return entry
}

function chainEntry(head: TrailHead, note: TrailNote, at: UnixSeconds): TrailEntry {
  const entry = {
    seq: head.seq + 1n,
    at,
    actor: note.actor.name,
    role: note.actor.role,
    action: note.action,
    target: note.target,
    before: textOf(note.before),
    after: textOf(note.after),
    prevHash: head.hash,
  }
  return { ...entry, hash: hashOfEntry(entry) }
}

function textOf(value: object | undefined): string | null {
  return value === undefined ? null : canonicalJson(redactDeep(value))
}

export function hashOfEntry(entry: Omit<TrailEntry, 'hash'>): string {
  const { prevHash, seq, at, actor, role, action, target, before, after } = entry
  return createHash('sha256')
    .update(canonicalJson([prevHash, seq, at, actor, role, action, target, before, after]))
    .digest('hex')
}

const COLUMNS = 'seq, at, actor, role, action, target, before, after, prev_hash as "prevHash", hash'

/** Newest first. */
export async function readTrail(db: Db, filter: TrailFilter): Promise<TrailEntry[]> {
  const { actor, action, since, beforeSeq, limit } = filter
  const rows = await db.query<StoredEntry>(
    `select ${COLUMNS} from office_trail
      where ($1::text is null or actor = $1) and ($2::text is null or action = $2)
        and ($3::int8 is null or at >= $3) and ($4::int8 is null or seq < $4)
      order by seq desc limit $5::int`,
    [actor ?? null, action ?? null, since ?? null, beforeSeq ?? null, limit],
  )
  return rows.map(entryOf)
}

/** In order, after that one: an empty page is the end. */
export async function readTrailAfter(db: Db, after: bigint, limit: number): Promise<TrailEntry[]> {
  const rows = await db.query<StoredEntry>(
    `select ${COLUMNS} from office_trail where seq > $1 order by seq limit $2::int`,
    [after, limit],
  )
  return rows.map(entryOf)
}

export function readTrailHead(db: Db): Promise<TrailHead> {
  return db.one<TrailHead>('select seq, hash from office_trail_head')
}

/** As commands and routes tell it. */
export function publicEntry({ at, before, after, ...entry }: TrailEntry): object {
  const parsed = (text: string | null): unknown =>
    text === null ? null : (JSON.parse(text) as unknown)
  return { ...entry, at: isoTime(at), before: parsed(before), after: parsed(after) }
}

type StoredEntry = Omit<TrailEntry, 'at'> & { at: bigint }

function entryOf(row: StoredEntry): TrailEntry {
  return { ...row, at: Number(row.at) }
}
