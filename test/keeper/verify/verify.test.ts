import { expect } from 'chai'
import { AbiCoder, keccak256 } from 'ethers'
import type { Address, Hex } from '../../../keeper/base/schema.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { chainEvent, readEvents } from '../../../keeper/chain/journal/journal-chain.ts'
import type { JournalHead } from '../../../keeper/chain/journal/side-log.ts'
import { listJournal } from '../../../keeper/chain/journal/journal.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { runDaySlot } from '../../../keeper/jobs/runner.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { listActions } from '../../../keeper/validators/action-log.ts'
import { verify } from '../../../keeper/verify/verify.ts'
import type { Verdict } from '../../../keeper/verify/verify.ts'
import {
  ETHER,
  createWorld,
  makeMembers,
  pushCycle,
  strangerOf,
  withKeeper,
} from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const MEMBERS = 25
const ALL = 100_000

async function verdictOf(
  { muster, node }: World,
  db: Db,
  client: ChainClient = node.client,
): Promise<Verdict> {
  const { registry, rewards, asset, keeper, reporter } = muster.deployment
  const range = { from: 1, to: ALL, fromBlock: 0, onProgress: () => {} }
  const notes = { actions: await listActions(db, ALL), slots: await listSlots(db, ALL) }
  const records = { db, notes, ours: [keeper, reporter] }
  return verify({ client, registry, rewards, asset, ...range }, (use) => use(records))
}

describe('verify over chain, journal and store', function () {
  this.timeout(120_000)
  let world: World
  let keeper: Keeper
  let clean: Verdict

  before(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    keeper = await world.open()
    const hours = Array.from({ length: MEMBERS }, (_, i) => (i < 20 ? 24 : 3))
    await pushCycle(world, keeper, 1, hours)
    await runDaySlot(keeper)
    clean = await verdictOf(world, keeper.db)
  })
  after(async () => {
    keeper?.client.close()
    await keeper?.db.close()
    await world?.close()
  })

  /** In a transaction that is taken back: the next test finds the journal whole. */
  async function tampered(tamper: (db: Db) => Promise<unknown>): Promise<Verdict> {
    let verdict: Verdict | undefined
    const back = new Error('taken back')
    try {
      await keeper.db.begin(async (t) => {
        await tamper(t)
        verdict = await verdictOf(world, t)
        throw back
      })
    } catch (error) {
      if (error !== back) throw error
    }
    if (!verdict) throw new Error('nothing was verified')
    return verdict
  }

  const kindOf = ({ divergence }: Verdict): string => divergence?.kind ?? 'none'

  it('finds nothing after an honest day', () => {
    expect(clean.divergences).to.deep.equal([])
    expect(clean).to.deep.include({ ok: true, found: 0, divergence: null })
    expect(clean.layers).to.deep.include({ chain: 'ok', journal: 'ok', store: 'ok' })
    expect(clean.cycles).to.have.length(1)
    expect(clean.cycles[0]).to.include({ cycle: 1, state: 'settled', eligible: 20, unpaid: 0n })
  })

  it('names a deleted row by the transaction that the chain still has', async () => {
    const [row] = await listJournal(keeper.db, { kind: 'transfer' })
    const verdict = await tampered(async (db) => {
      await db.query('delete from journal_event where tx_id = $1', [row?.id])
      await db.query('delete from tx_attempt where tx_id = $1', [row?.id])
      await db.query('delete from tx where id = $1', [row?.id])
      // As a careful forger would: the chain of events ends before it.
      await db.query(
        `update journal_head set (seq, hash) = (
           select seq, hash from journal_event order by seq desc limit 1)`,
      )
    })
    expect(verdict.ok).to.equal(false)
    expect(kindOf(verdict)).to.equal('unjournalled')
    expect(verdict.divergence?.tx).to.equal(row?.hash)
    expect(verdict.divergence?.sentence).to.match(
      /^cycle 1: a transaction of 0x\w+ with nonce \d+ \(tx 0x\w+\): expected a row of the journal, found none\.$/,
    )
  })

  it('names a receipt that was taken out of a row and its events', async () => {
    const [row] = await listJournal(keeper.db, { kind: 'transfer' })
    const verdict = await tampered(async (db) => {
      await db.query(
        `delete from journal_event where tx_id = $1 and kind in ('included', 'final')`,
        [row?.id],
      )
      await db.query(
        `update tx set state = 'broadcast', succeeded = null, block_number = null,
                       block_hash = null, gas_used = null, gas_price = null where id = $1`,
        [row?.id],
      )
    })
    expect(verdict.divergences.map(({ kind }) => kind)).to.include('receipt-lost')
    const lost = verdict.divergences.find(({ kind }) => kind === 'receipt-lost')
    expect(lost?.sentence).to.include(`row ${row?.id} (transfer`).and.include(row?.hash)
  })

  const EDITS: [string, string, string][] = [
    ['a block', 'block_number = block_number + 1', 'receipt-differs'],
    ['a block hash', `block_hash = '0x' || repeat('ab', 32)`, 'receipt-differs'],
    ['the gas that was used', 'gas_used = gas_used + 1', 'receipt-differs'],
    ['the price of gas', 'gas_price = gas_price + 1', 'receipt-differs'],
    ['a success', 'succeeded = false', 'receipt-differs'],
    ['calldata', `data = data || '00'`, 'payload-differs'],
    ['a value', 'value = value + 1', 'payload-differs'],
    ['a gas limit', 'gas_limit = gas_limit + 1', 'payload-differs'],
    ['an anchor', `anchor = '0x' || repeat('cd', 32)`, 'payload-differs'],
    ['a hash', `hash = '0x' || repeat('ef', 32)`, 'receipt-missing'],
  ]
  for (const [what, edit, kind] of EDITS) {
    it(`names the row of which ${what} was changed by hand`, async () => {
      const [row] = await listJournal(keeper.db, { kind: 'extract' })
      const verdict = await tampered((db) =>
        db.query(`update tx set ${edit} where id = $1`, [row?.id]),
      )
      expect(kindOf(verdict)).to.equal(kind)
      expect(verdict.divergence?.sentence).to.include(`row ${row?.id} (extract 1)`)
    })
  }

  it('names an event that was edited, inserted or deleted, the last one too', async () => {
    const last = `(select max(seq) from journal_event)`
    const edits = [
      `update journal_event set facts = '{}' where seq = 3`,
      `update journal_event set at = at + 1 where seq = ${last}`,
      `delete from journal_event where seq = 5`,
      `delete from journal_event where seq = ${last}`,
      `insert into journal_event
         select seq + 1, tx_id, kind, facts, at, hash, repeat('0', 63) || '1'
           from journal_event where seq = ${last}`,
    ]
    for (const edit of edits) {
      const verdict = await tampered((db) => db.query(edit))
      expect(verdict.ok, edit).to.equal(false)
      expect(verdict.layers.store, edit).to.equal('diverged')
    }
  })

  it('names a row that was inserted by hand', async () => {
    const verdict = await tampered((db) =>
      db.query(
        `insert into tx (chain_id, contract, kind, key, payload_hash, sender, nonce, data, value,
                         gas_limit, state, hash, succeeded, block_number, block_hash, gas_used,
                         gas_price, created_at, updated_at)
         select chain_id, contract, kind, 'forged', payload_hash, sender, 9999, data, value,
                gas_limit, state, hash, succeeded, block_number, block_hash, gas_used, gas_price,
                created_at, updated_at from tx where kind = 'transfer' order by id desc limit 1`,
      ),
    )
    expect(kindOf(verdict)).to.equal('attempt-missing')
    expect(verdict.divergence?.sentence).to.include('(transfer forged)')
    expect(verdict.layers).to.deep.include({ chain: 'ok', journal: 'diverged', store: 'diverged' })
  })

  it('finds a journal that was rewritten, hashes and all, by the anchor on the chain', async () => {
    const verdict = await tampered(rewriteJournal)
    expect(kindOf(verdict)).to.equal('anchor')
    expect(verdict.divergence?.sentence).to.match(
      /none: the journal was rewritten, or lost and begun anew\.$/,
    )
  })

  it('tells of a nonce that a person closed, and does not call it a divergence', async () => {
    const [row] = await listJournal(keeper.db, { kind: 'transfer' })
    const verdict = await tampered(async (db) => {
      await db.query('delete from journal_event where tx_id = $1', [row?.id])
      await db.query('delete from tx_attempt where tx_id = $1', [row?.id])
      await db.query(
        `update tx set kind = 'unaccounted', state = 'cancelled', reason = 'looked at',
                       block_number = null where id = $1`,
        [row?.id],
      )
    })
    expect(verdict.layers.journal).to.equal('ok')
    expect(verdict.notes).to.deep.equal([
      `nonce ${row?.nonce} of ${row?.sender} was used outside the journal and closed by hand: looked at`,
    ])
  })

  it('names a row about which a person has to decide', async () => {
    const [row] = await listJournal(keeper.db, { kind: 'transfer' })
    const verdict = await tampered((db) =>
      db.query(
        `update tx set state = 'unknown', reason = 'who knows', block_number = null where id = $1`,
        [row?.id],
      ),
    )
    expect(verdict.divergences.map(({ kind }) => kind)).to.include('unresolved')
  })

  it('names a note of a transaction that does not exist', async () => {
    const verdict = await tampered((db) =>
      db.query(`update action_log set tx_hash = '0x' || repeat('12', 32)
                 where id = (select max(id) from action_log)`),
    )
    expect(kindOf(verdict)).to.equal('action')
  })

  it('names figures of a slot that are not those of the chain', async () => {
    const verdict = await tampered((db) =>
      db.query(`update job_run set facts = jsonb_set(facts, '{pool}', '"1"')`),
    )
    expect(kindOf(verdict)).to.equal('slot')
  })

  it('a nonce that a failed transaction used up must be in the journal too', async () => {
    const snapshot = await world.node.request('evm_snapshot')
    const from = world.muster.deployment.keeper
    await world.node.request('hardhat_impersonateAccount', [from])
    const fields = { from, to: from, value: '0x0' }
    await world.node.request('eth_sendTransaction', [fields])
    const verdict = await verdictOf(world, keeper.db)
    await world.node.request('evm_revert', [snapshot])
    expect(kindOf(verdict)).to.equal('nonce-unaccounted')
    expect(verdict.divergence?.sentence).to.match(
      /^nonce \d+ of 0x\w+, which the chain has counted/,
    )
  })

  it('S-29 shows the difference when blocks that were final are gone', async () => {
    const snapshot = await world.node.request('evm_snapshot')
    await pushCycle(
      world,
      keeper,
      2,
      Array.from({ length: MEMBERS }, () => 24),
    )
    const day = await runDaySlot(keeper)
    expect(day.unpaid).to.equal(0)
    expect((await verdictOf(world, keeper.db)).ok).to.equal(true)
    await world.node.request('evm_revert', [snapshot])
    const verdict = await verdictOf(world, keeper.db)
    expect(verdict.ok).to.equal(false)
    expect(kindOf(verdict)).to.equal('receipt-missing')
    expect(verdict.layers).to.deep.include({ chain: 'ok', journal: 'diverged', store: 'diverged' })
    expect(verdict.divergence?.sentence).to.match(
      /row \d+ \(snapshot \d+\) is final \(tx 0x\w+\): expected its receipt in block \d+ \(0x\w+\), found no receipt on the chain\.$/,
    )
    expect(verdict.found).to.be.above(24)
  })
})

describe('verify over a chain that a stranger touched', function () {
  this.timeout(120_000)
  let world: World

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(5) })
  })
  afterEach(() => world.close())

  it('names who helped after the grace period, and finds nothing wrong (S-51)', async () => {
    await withKeeper(world, async (keeper) => {
      await pushCycle(
        world,
        keeper,
        1,
        Array.from({ length: 5 }, () => 24),
      )
      const { rewards, deployment } = world.muster
      await world.moveTo(deployment.firstCut + 2 * 86_400 + 60)
      const stranger = strangerOf(world)
      await (await rewards.connect(stranger).extract(1)).wait()
      await runDaySlot(keeper, { cycle: 1 })
      const verdict = await verdictOf(world, keeper.db)
      expect(verdict.divergences).to.deep.equal([])
      expect(verdict.cycles[0]?.strangers).to.deep.equal([stranger.address])
    })
  })

  it('finds a payment that a forged storage slot made possible twice', async () => {
    await withKeeper(world, async (keeper) => {
      await pushCycle(
        world,
        keeper,
        1,
        Array.from({ length: 5 }, () => 24),
      )
      await runDaySlot(keeper)
      const { rewards, deployment } = world.muster
      await setSlot(world, deployment.rewards, unpaidSlot(1n, 0n), 1n)
      // First only the contract's word is wrong …
      const said = await verdictOf(world, keeper.db)
      expect(said.divergence?.kind).to.equal('unpaid')
      expect(await rewards.unpaidMask(1, 0)).to.equal(1n)
      // … then the money is gone.
      await world.node.request('hardhat_setBalance', [deployment.rewards, '0xde0b6b3a7640000'])
      const before = BigInt(await slotOf(world, deployment.rewards, GATE))
      await setSlot(world, deployment.rewards, GATE, before + ((ETHER / 5n) << UNPAID_SHIFT))
      await world.node.request('hardhat_impersonateAccount', [deployment.keeper])
      const data = rewards.interface.encodeFunctionData('extractTransfer', [1, [0], [1]])
      const fields = { from: deployment.keeper, to: deployment.rewards, data, gas: '0x100000' }
      await world.node.request('eth_sendTransaction', [fields])
      const verdict = await verdictOf(world, keeper.db)
      expect(verdict.divergence?.kind).to.equal('paid-twice')
      expect(verdict.divergence?.sentence).to.match(/^cycle 1: validator 0 was paid \(tx 0x\w+\)/)
      expect(verdict.divergences.map(({ kind }) => kind)).to.include('unjournalled')
    })
  })
})

// ------------------------------------------------------------------ forging

/** As a careful forger would: one early event changed, and every hash after it computed anew. */
async function rewriteJournal(db: Db): Promise<void> {
  let head: JournalHead = { seq: 0n, hash: '0'.repeat(64) }
  for (const event of await readEvents(db, 0n)) {
    const facts = JSON.parse(event.facts) as object
    const at = event.seq === 2n ? event.at + 1 : event.at
    const { hash } = chainEvent(head, { ...event, facts, at })
    await db.query('update journal_event set at = $2, prev_hash = $3, hash = $4 where seq = $1', [
      event.seq,
      at,
      head.hash,
      hash,
    ])
    head = { seq: event.seq, hash }
  }
  await db.query('update journal_head set hash = $1', [head.hash])
}

const slotOf = (world: World, at: Address, slot: Hex): Promise<Hex> =>
  world.node.request<Hex>('eth_getStorageAt', [at, slot, 'latest'])

async function setSlot(world: World, at: Address, slot: Hex, value: bigint): Promise<void> {
  const text = `0x${value.toString(16).padStart(64, '0')}`
  await world.node.request('hardhat_setStorageAt', [at, slot, text])
}

// Layout of ValidatorRewards: roles in slot 0, then RewardsState from slot 1 (gate) to slot 8 (unpaid).
const GATE: Hex = '0x17'
const UNPAID_MAPPING = 30n
const UNPAID_SHIFT = 40n

/** Where the unpaid bits of a roster word of a cycle are kept. */
function unpaidSlot(cycle: bigint, word: bigint): Hex {
  const types = ['uint256', 'uint256']
  const key = AbiCoder.defaultAbiCoder().encode(types, [(cycle << 16n) | word, UNPAID_MAPPING])
  return keccak256(key) as Hex
}
