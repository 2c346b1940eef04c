import { systemClock } from '../../keeper/base/time.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import { checkLedger } from '../../keeper/ledger/check.ts'
import { openLedger } from '../../keeper/ledger/ledger.ts'
import type { Ledger } from '../../keeper/ledger/ledger.ts'
import { MAX_POSTINGS_A_CALL } from '../../keeper/ledger/post.ts'
import type { Posting } from '../../keeper/ledger/posting.ts'
import type { Db } from '../../keeper/store/db.ts'
import { Load } from './load.ts'
import type { LoadKind } from './load.ts'
import type { BenchStore } from './stores.ts'

/** Books that are posted to by the ledger of a keeper. */
export interface Books {
  db: Db
  ledger: Ledger
  load: Load
}

// While one batch is at the database, the next one waits and another is made ready.
const BATCHES_ASKED = 4

export async function openBooks(store: BenchStore, kind: LoadKind): Promise<Books> {
  const db = await store.openBooks(kind)
  const ledger = openLedger({ db, clock: systemClock, log: silentLogger })
  const books = { db, ledger, load: new Load(kind) }
  await postAll(ledger, books.load.first())
  return books
}

/** Postings a second, from the first question to the last answer: checks, hashes and JSON of ours included. */
export async function postAll(ledger: Ledger, postings: readonly Posting[]): Promise<number> {
  const start = performance.now()
  const asked: Promise<void>[] = []
  for (let from = 0; from < postings.length; from += MAX_POSTINGS_A_CALL) {
    await asked.at(-BATCHES_ASKED)
    asked.push(postPart(ledger, postings.slice(from, from + MAX_POSTINGS_A_CALL)))
  }
  await Promise.all(asked)
  return (postings.length * 1_000) / (performance.now() - start)
}

async function postPart(ledger: Ledger, postings: readonly Posting[]): Promise<void> {
  const outcomes = await Promise.all(postings.map((posting) => ledger.post(posting)))
  const other = outcomes.find(({ outcome }) => outcome !== 'posted')
  if (other) throw new Error(`${other.key} is ${other.outcome}`)
}

export async function lastTransferOf(db: Db): Promise<bigint> {
  const { last } = await db.one<{ last: bigint }>('select last_transfer as last from ledger_head')
  return last
}

/** What was measured was posted: otherwise no figure counts. */
export async function closeBooks({ db, ledger }: Books): Promise<void> {
  await ledger.close()
  const findings = await checkLedger(db)
  await db.close()
  if (findings.length > 0) throw new Error(`the books are wrong: ${JSON.stringify(findings)}`)
}
