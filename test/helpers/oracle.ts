import { expect } from 'chai'
import { findDivergence } from '../../keeper/chain/journal/journal-audit.ts'
import { listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxRecord, TxState } from '../../keeper/chain/journal/journal-rows.ts'
import type { SideLines } from '../../keeper/chain/journal/side-log.ts'
import type { Db } from '../../keeper/store/db.ts'

// More rows than any scenario makes.
const ALL = 100_000

/** The chain of events is whole, replaying it gives the rows as they are, and the side log agrees. */
export async function expectJournalWhole(db: Db, side?: SideLines): Promise<void> {
  expect(await findDivergence(db, side)).to.equal(undefined)
}

export interface Expected {
  /** Business keys, each done once; a retry `key#2` counts for `key`. */
  keys: readonly string[]
  /** What the test contract counted. */
  executions: number
  /** Where the one row of a key ends: 'final' when left out. */
  states?: readonly TxState[]
}

/** One execution a key; each nonce belongs to exactly one intent; the journal is whole. */
export async function expectExactlyOnce(
  db: Db,
  { keys, executions, states = ['final'] }: Expected,
): Promise<TxRecord[]> {
  await expectJournalWhole(db)
  const rows = (await listJournal(db, { limit: ALL })).toReversed()
  const nonces = rows.flatMap(({ sender, nonce }) =>
    nonce === undefined ? [] : [`${sender}/${nonce}`],
  )
  expect(new Set(nonces).size, 'each nonce belongs to one intent').to.equal(nonces.length)
  const done = rows.filter(({ state }) => states.includes(state))
  expect(done.map(({ key }) => baseOf(key)).sort(), 'one row a key').to.deep.equal([...keys].sort())
  expect(executions, 'executions on the chain').to.equal(keys.length)
  return rows
}

function baseOf(key: string): string {
  return key.replace(/#\d+$/, '')
}
