import { createHash } from 'node:crypto'
import { canonicalJson } from '../../base/json.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { JournalHead } from './side-log.ts'

export type JournalEventKind =
  | 'planned'
  | 'signed'
  | 'broadcast'
  | 'included'
  | 'rewound'
  | 'final'
  | 'reverted'
  | 'cancelled'
  | 'unknown'
  | 'foreign'

export interface JournalEvent {
  seq: bigint
  txId: bigint
  kind: JournalEventKind
  /** Canonical JSON. */
  facts: string
  at: UnixSeconds
  prevHash: string
  hash: string
}

// How many events verifying reads at a time: a few MB, whatever the length of the journal.
const VERIFY_PAGE = 5_000

/** The next event after a head, with its hash. */
export function chainEvent(
  head: JournalHead,
  {
    txId,
    kind,
    facts,
    at,
  }: { txId: bigint; kind: JournalEventKind; facts: object; at: UnixSeconds },
): JournalEvent {
  const event = {
    seq: head.seq + 1n,
    txId,
    kind,
    facts: canonicalJson(facts),
    at,
    prevHash: head.hash,
  }
  return { ...event, hash: hashOf(event) }
}

export function hashOf(event: Omit<JournalEvent, 'hash'>): string {
  const { prevHash, seq, txId, kind, facts, at } = event
  return createHash('sha256')
    .update(canonicalJson([prevHash, seq, txId, kind, facts, at]))
    .digest('hex')
}

/** A page of events after that one, in order; an empty page is the end. */
export async function readEvents(
  db: Db,
  after: bigint,
  limit = VERIFY_PAGE,
): Promise<JournalEvent[]> {
  const rows = await db.query<Omit<JournalEvent, 'at'> & { at: bigint }>(
    `select seq, tx_id as "txId", kind, facts, at, prev_hash as "prevHash", hash
       from journal_event where seq > $1 order by seq limit $2`,
    [after, limit],
  )
  return rows.map((row) => ({ ...row, at: Number(row.at) }))
}
