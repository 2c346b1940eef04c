import type { Hex } from '../base/schema.ts'
import { attemptsOf, listJournal } from '../chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../chain/journal/journal-rows.ts'
import type { Db } from '../store/db.ts'
import type { OnProgress } from './read-events.ts'

// Thirty years of a keeper with a hundred batches a day; more is a question for the database itself.
const MAX_ROWS = 1_000_000

/** The journal's rows as they stand, oldest first. */
export interface JournalView {
  rows: JournalRow[]
  /** The row of every hash that was ever signed. */
  byHash: Map<Hex, JournalRow>
}

export interface JournalRow extends TxRecord {
  attempts: TxAttempt[]
}

export async function readJournal(
  db: Db,
  chainId: number,
  onProgress: OnProgress,
): Promise<JournalView> {
  const records = await listJournal(db, { chainId, limit: MAX_ROWS })
  const rows: JournalRow[] = records.reverse().map((tx) => ({ ...tx, attempts: [] }))
  // One after the other: within a transaction PostgreSQL answers one question at a time.
  for (const [i, row] of rows.entries()) {
    row.attempts = await attemptsOf(db, row.id)
    onProgress('reading the journal', i + 1, rows.length)
  }
  const byHash = new Map<Hex, JournalRow>()
  for (const row of rows) for (const { hash } of row.attempts) byHash.set(hash, row)
  return { rows, byHash }
}

/** As people find it: 'row 17 (extract 3)'. */
export function nameOf({ id, kind, key }: Pick<TxRecord, 'id' | 'kind' | 'key'>): string {
  return `row ${id} (${kind} ${key})`
}
