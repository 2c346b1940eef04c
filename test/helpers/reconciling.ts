// What a test of reconcile stands on: programs and validators paid on one chain, and their books.
import { expect } from 'chai'
import { KeeperError } from '../../keeper/base/errors.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { openContracts } from '../../keeper/chain/contracts.ts'
import type { Contracts } from '../../keeper/chain/contracts.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { assetIdOf } from '../../keeper/chain/program-contracts.ts'
import { bookClaims } from '../../keeper/payouts/claims/book-claims.ts'
import { bookWithdrawals } from '../../keeper/payouts/withdrawals.ts'
import { reconcile } from '../../keeper/reconcile/reconcile.ts'
import type { Reconciled } from '../../keeper/reconcile/reconcile.ts'
import type { Db } from '../../keeper/store/db.ts'
import { bookRewards } from '../../keeper/validators/bookings.ts'
import { runDay } from '../../keeper/validators/day.ts'
import { claimed } from './claiming.ts'
import type { Claiming } from './claiming.ts'
import { testLog } from './logs.ts'
import { ETHER, createWorld, makeMembers, pushCycle, withKeeper } from './muster.ts'
import type { World } from './muster.ts'
import { award, openPaying, payeeAt, programOf } from './paying.ts'
import type { Paying } from './paying.ts'

// PUSH0 PUSH0 REVERT: a payee that refuses coin.
const REFUSER = '0x5f5ffd'
const VALIDATORS = 5

export interface Settlements {
  world: World
  paying: Paying
  contracts: Contracts
  /** Of the programs: one that was paid, one whose credit waits, one that took it. */
  payees: { paid: string; credited: string; withdrew: string }
  /** What the chain has done up to now, into the books. */
  book(db?: Db): Promise<number>
  /** Over the store and the node, or over other views of them. */
  reconcile(db?: Db, asked?: ChainClient): Promise<Reconciled>
  close(): Promise<void>
}

/** A day of validators, one of whom refuses; three payees of a program, two of whom refuse, and one relents. */
export async function openSettlements(): Promise<Settlements> {
  const members = makeMembers(VALIDATORS)
  const world = await createWorld({ members, pool: ETHER + 3n })
  await world.node.request('hardhat_setCode', [members[1]?.fund, REFUSER])
  await withKeeper(world, async (keeper) => {
    await pushCycle(world, keeper, 1, [24, 24, 24, 20, 19])
    await runDay(keeper)
  })
  const paying = await openPaying({ node: world.node, maxRefused: 2 })
  const { client } = world.node
  const contracts = await openContracts(client, world.muster.deployment)
  const [credited, withdrew] = [await lower(paying), await lower(paying)]
  const payees = { paid: payeeAt(0), credited, withdrew }
  await paying.run(
    programOf(
      [
        award('one', payees.paid, 57n, { effectiveAt: 10 }),
        award('two', payees.credited, 31n, { effectiveAt: 11 }),
        award('three', payees.withdrew, 20n, { effectiveAt: 12 }),
        award('four', payeeAt(7), 40n, { effectiveAt: 13 }),
      ],
      { unit: 10n },
    ),
  )
  await paying.relent(payees.withdrew)
  await paying.withdraw(payees.withdrew)
  const book = async (db: Db = paying.db): Promise<number> => {
    const block = await client.blockNumber()
    const room = { db, client, clock: systemClock, log: testLog }
    const ofPrograms = await bookWithdrawals({ ...room, contracts: paying.contracts }, block)
    return ofPrograms + (await bookRewards({ ...room, contracts }, block))
  }
  const { deployment, rewards, registry } = contracts
  return {
    world,
    paying,
    contracts,
    payees,
    book,
    reconcile: async (db = paying.db, asked = client) =>
      reconcile({
        db,
        client: asked,
        block: await client.blockNumber(),
        payouts: [
          {
            payouts: paying.contracts.payouts,
            address: paying.contracts.address,
            asset: paying.contracts.assetId,
            deployBlock: 0,
          },
        ],
        claims: [],
        rewards: {
          rewards,
          registry,
          address: deployment.rewards,
          asset: assetIdOf(client.chainId, deployment.asset),
          deployBlock: 0,
        },
        onProgress: () => {},
      }),
    close: async () => {
      await paying.close()
      await world.close()
    },
  }
}

async function lower(paying: Paying): Promise<string> {
  return (await paying.refuser()).toLowerCase()
}

/** The codes that reconcile finds after the store was changed behind everybody's back; the change is undone. */
export async function codesAfter(
  db: Db,
  change: (t: Db) => Promise<unknown>,
  compare: (t: Db) => Promise<Reconciled>,
): Promise<string[]> {
  const undo = new KeeperError('INTERRUPTED')
  let codes: string[] = []
  const changed = db.begin(async (t) => {
    await change(t)
    const { ok, differences } = await compare(withinOneState(t))
    expect(ok).to.equal(differences.length === 0)
    codes = differences.map(({ code }) => code)
    throw undo
  })
  await changed.catch((error: unknown) => {
    if (error !== undo) throw error
  })
  return [...new Set(codes)]
}

/** The check of the books asks for a state of its own, which a transaction that has begun cannot give. */
function withinOneState(t: Db): Db {
  const inner: Db = {
    ...t,
    begin: (fn) => fn(inner),
    exec: async (sql) => (sql.startsWith('set transaction') ? undefined : t.exec(sql)),
  }
  return inner
}

/** As somebody who owns the database and knows what he does. */
export function byHand(sql: string): (t: Db) => Promise<void> {
  return async (t) => {
    await t.exec('set local session_replication_role = replica')
    await t.exec(sql)
  }
}

/** What the contracts of a claimed program have done up to now. */
export async function bookClaiming({ db, node, contracts, desk }: Claiming): Promise<void> {
  const block = await node.client.blockNumber()
  const room = { db, client: node.client, clock: systemClock, log: testLog }
  await bookWithdrawals({ ...room, contracts }, block)
  await bookClaims(room, claimed([]), desk, block)
}

/** As of now, in that state of the store. */
export async function compareClaiming(
  { node, contracts, desk, ...claiming }: Claiming,
  db: Db = claiming.db,
): Promise<Reconciled> {
  const { address, payouts, assetId: asset, deployBlock } = contracts
  return reconcile({
    db,
    client: node.client,
    block: await node.client.blockNumber(),
    payouts: [{ payouts, address, asset, deployBlock }],
    claims: [{ program: 'manual', asset, token: undefined, contract: desk.contract }],
    rewards: undefined,
    onProgress: () => {},
  })
}
