import type { Clock } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Lease } from './lease.ts'
import type { SideLog } from './side-log.ts'

/** What writes the journal: the store, the second book beside it, and the right to write. */
export interface Journal {
  readonly db: Db
  readonly sideLog: SideLog
  readonly lease: Lease | undefined
  readonly clock: Clock
}

export interface JournalOptions {
  db: Db
  sideLog: SideLog
  clock: Clock
  lease?: Lease | undefined
}

export function openJournal({ db, sideLog, clock, lease }: JournalOptions): Journal {
  return { db, sideLog, clock, lease }
}

/** The same journal for one sender: its lease is checked at each write. */
export function withLease(journal: Journal, lease: Lease | undefined): Journal {
  return { ...journal, lease }
}
