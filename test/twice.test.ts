import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cutOf } from '../keeper/base/time.ts'
import { listJournal } from '../keeper/chain/journal/journal.ts'
import { toWords } from '../keeper/heartbeat/words.ts'
import { runDaySlot } from '../keeper/jobs/runner.ts'
import { listSlots } from '../keeper/jobs/slots.ts'
import { readStatus } from '../keeper/validators/status.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  strangerOf,
  withKeeper,
} from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const MEMBERS = 25
const DAY = 86_400

describe('a day that is run twice', function () {
  this.timeout(120_000)
  let world: World
  let otherHome: string

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    otherHome = await mkdtemp(join(tmpdir(), 'muster-other-'))
    const hours = Array.from({ length: MEMBERS }, () => 24)
    await withKeeper(world, (keeper) => pushCycle(world, keeper, 1, hours))
  })
  afterEach(async () => {
    await world.close()
    await rm(otherHome, { recursive: true, force: true })
  })

  /** Everybody has exactly one share, and the books of the contract say the same. */
  async function expectPaidOnce(): Promise<void> {
    const share = ETHER / BigInt(MEMBERS)
    for (const { fund } of makeMembers(MEMBERS)) {
      expect(await world.node.client.balanceOf(fund as `0x${string}`)).to.equal(share)
    }
    const status = await readStatus({ client: world.node.client, contracts: world.muster })
    expect(status.isConserved).to.equal(true)
    expect([status.books.paid, status.books.unpaid]).to.deep.equal([share * BigInt(MEMBERS), 0n])
  }

  it('pays once: the second run finds everything done and sends nothing (Z-49, S-44)', async () => {
    await withKeeper(world, async (keeper) => {
      const first = await runDaySlot(keeper)
      expect(first.txs.map(({ kind }) => kind)).to.deep.equal([
        'extract',
        ...Array(3).fill('transfer'),
      ])
      const second = await runDaySlot(keeper, { cycle: 1 })
      expect(second.txs).to.deep.equal([])
      expect(second.paid).to.equal(first.paid)
      const slots = await listSlots(keeper.db)
      expect(slots.map(({ job, status, cycle }) => [job, status, cycle])).to.deep.equal([
        ['settle-day', 'completed', 1],
      ])
    })
    await expectPaidOnce()
  })

  it('pays once with the store deleted in between: the chain is the last guard (Z-49)', async () => {
    await withKeeper(world, (keeper) => runDaySlot(keeper))
    const again = await withKeeper(world, (keeper) => runDaySlot(keeper), {}, otherHome)
    expect(again.txs).to.deep.equal([])
    await expectPaidOnce()
  })

  it('pays once with the store deleted after the first batch (S-06)', async () => {
    const stop = new Error('enough')
    const onStep = (step: string): void => {
      if (step === 'batch-sent') throw stop
    }
    const first = withKeeper(world, (keeper) => runDaySlot(keeper), { onStep })
    expect(await first.catch((error: unknown) => error)).to.equal(stop)
    const again = await withKeeper(world, (keeper) => runDaySlot(keeper), {}, otherHome)
    expect(again.txs.map(({ kind }) => kind)).to.deep.equal(['transfer', 'transfer'])
    await expectPaidOnce()
  })

  /** In the grace period, when everybody may: extract, or a transfer of some. */
  async function asStranger(indices?: number[]): Promise<string> {
    const rewards = world.muster.rewards.connect(strangerOf(world))
    const limit = { gasLimit: 3_000_000n }
    const tx = indices
      ? await rewards.extractTransfer(1, [0], toWords(indices, 1), limit)
      : await rewards.extract(1)
    await tx.wait()
    return tx.hash
  }

  const GRACE_EXTRACT = cutOf(FIRST_CUT, 1) + DAY
  const GRACE_TRANSFER = cutOf(FIRST_CUT, 1) + 2 * DAY + 60

  it("S-51 after a stranger's extract and partial transfer before our run, completes what is left, pays once, reports both (R-25, R-34)", async () => {
    await world.moveTo(GRACE_EXTRACT)
    const extract = await asStranger()
    await world.moveTo(GRACE_TRANSFER)
    const transfer = await asStranger([0, 3, 4, 24])
    const day = await withKeeper(world, (keeper) => runDaySlot(keeper, { cycle: 1 }))
    expect(day.txs.map(({ kind }) => kind)).to.deep.equal(['transfer', 'transfer', 'transfer'])
    expect(day.paid).to.equal((ETHER / BigInt(MEMBERS)) * BigInt(MEMBERS))
    expect(day.strangers.map(({ hash }) => hash)).to.deep.equal([extract, transfer])
    await expectPaidOnce()
  })

  it('S-51 leaves out what a stranger pays during our run, and reports it', async () => {
    await world.moveTo(GRACE_EXTRACT)
    await asStranger()
    await world.moveTo(GRACE_TRANSFER)
    const during: string[] = []
    const onStep = async (step: string): Promise<void> => {
      if (step !== 'batch-sent' || during.length > 0) return
      during.push(await asStranger([20, 21, 22, 23, 24]))
    }
    const day = await withKeeper(world, (keeper) => runDaySlot(keeper, { cycle: 1 }), { onStep })
    expect(day.batches).to.equal(2)
    expect(day.strangers.map(({ hash }) => hash)).to.include(during[0])
    await expectPaidOnce()
  })

  it("S-51 a stranger's extract and transfer between our simulation and our transaction make ours pay nothing twice", async () => {
    await world.moveTo(GRACE_EXTRACT)
    const done = new Set<string>()
    const onStep = async (step: string, tx?: { kind: string }): Promise<void> => {
      // The intent is stored and simulated by then; the stranger's transaction is mined first.
      if (step !== 'signed-stored' || tx === undefined || done.has(tx.kind)) return
      done.add(tx.kind)
      if (tx.kind === 'transfer') await asStranger([0, 1, 2, 12])
      else await asStranger()
      if (done.size === 1) await world.moveTo(GRACE_TRANSFER)
    }
    const day = await withKeeper(world, (keeper) => runDaySlot(keeper, { cycle: 1 }), { onStep })
    expect([...done]).to.deep.equal(['extract', 'transfer'])
    expect(day.strangers).to.have.length(2)
    await expectPaidOnce()
  })

  it('S-51 a stranger who comes after our run finds nothing to do, and another run of ours sends nothing', async () => {
    await withKeeper(world, (keeper) => runDaySlot(keeper, { cycle: 1 }))
    await world.moveTo(GRACE_TRANSFER)
    const refused = await asStranger().catch((error: unknown) => String(error))
    expect(refused).to.contain('reverted')
    await asStranger([0, 1, 2, 24])
    const again = await withKeeper(world, (keeper) => runDaySlot(keeper, { cycle: 1 }))
    expect(again.txs).to.deep.equal([])
    await expectPaidOnce()
  })

  it('waits before each batch until the chain has counted the nonce before: no gap, none twice (Z-44, Z-47)', async () => {
    await withKeeper(world, async (keeper) => {
      const seen: [kind: string, counted: number, nonce: number | undefined][] = []
      await runDaySlot({
        ...keeper,
        keeper: {
          ...keeper.keeper,
          send: async (intent, how) => {
            const counted = await keeper.client.nonceOf(keeper.keeper.address)
            const tx = await keeper.keeper.send(intent, how)
            seen.push([tx.kind, counted, tx.nonce])
            return tx
          },
        },
      })
      expect(seen.map(([kind]) => kind)).to.deep.equal(['extract', ...Array(3).fill('transfer')])
      for (const [i, [, counted, nonce]] of seen.entries()) {
        expect([counted, nonce]).to.deep.equal([i, i])
      }
      const rows = await listJournal(keeper.db, { kind: 'transfer' })
      expect(rows.every(({ state }) => state === 'final')).to.equal(true)
    })
  })
})
