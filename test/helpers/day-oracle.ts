import { expect } from 'chai'
import { listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import { listSlots } from '../../keeper/jobs/slots.ts'
import type { Slot } from '../../keeper/jobs/slots.ts'
import type { Db } from '../../keeper/store/db.ts'
import { readStatus } from '../../keeper/validators/status.ts'
import { makeMembers } from './muster.ts'
import { expectJournalWhole } from './oracle.ts'
import type { World } from './muster.ts'

export interface PaidOnce {
  members: number
  /** What each member has at the end. */
  share: bigint
  /** Cycles that were extracted. */
  cycles: number
}

/** The chain's own count: one extract a cycle, each member its share exactly, the books whole. */
export async function expectPaidOnce(world: World, expected: PaidOnce): Promise<void> {
  const { members, share, cycles } = expected
  const { client } = world.node
  for (const { fund } of makeMembers(members)) {
    expect(await client.balanceOf(fund as `0x${string}`)).to.equal(share)
  }
  const status = await readStatus({ client, contracts: world.muster })
  expect([status.isConserved, status.books.unpaid]).to.deep.equal([true, 0n])
  const { rewards } = world.muster
  const extracted = await rewards.queryFilter(rewards.filters.Extracted())
  const decided = extracted.map(({ args }) => Number(args.cycle))
  expect(decided).to.deep.equal(Array.from({ length: cycles }, (_, i) => i + 1))
}

/** Each nonce of the two keys belongs to one row of the journal, each row is final and as its events say. */
export async function expectJournalComplete(world: World, db: Db): Promise<TxRecord[]> {
  await expectJournalWhole(db)
  const { keeper, reporter } = world.muster.deployment
  const rows = (await listJournal(db, { limit: 10_000 })).toReversed()
  for (const sender of [keeper, reporter]) {
    const own = rows.filter((row) => row.sender === sender)
    expect(own.map(({ nonce }) => nonce)).to.deep.equal(own.map((_, nonce) => nonce))
    expect(await world.node.client.nonceOf(sender)).to.equal(own.length)
  }
  expect(rows.filter(({ state }) => state !== 'final')).to.deep.equal([])
  return rows.filter((row) => row.sender === keeper)
}

/** The daily slots, oldest first. */
export async function daySlots(db: Db): Promise<Slot[]> {
  const slots = (await listSlots(db)).filter(({ job }) => job === 'settle-day')
  return slots.toReversed()
}
