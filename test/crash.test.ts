import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { systemClock } from '../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../keeper/chain/journal.ts'
import { listSlots } from '../keeper/jobs/slots.ts'
import { openStore } from '../keeper/store/open-store.ts'
import { readStatus } from '../keeper/validators/status.ts'
import type { DayOrder } from './helpers/day-child.ts'
import { ETHER, createWorld, makeMembers, pushCycle, withKeeper } from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const CHILD = fileURLToPath(new URL('./helpers/day-child.ts', import.meta.url))
const MEMBERS = 25
const SHARE = ETHER / BigInt(MEMBERS)

/** Where a crash may fall, and the scenario it is. */
const DEATHS: { at: Omit<DayOrder, 'rpcUrl' | 'home'>; title: string }[] = [
  { at: { dieAt: 'snapshots-pushed' }, title: 'after the claim of the slot (S-01)' },
  { at: { dieAt: 'intent-stored', kind: 'extract' }, title: 'with extract planned (S-02)' },
  {
    at: { dieAt: 'broadcast-accepted', kind: 'extract' },
    title: 'with extract at the node (S-04)',
  },
  { at: { dieAt: 'extracted' }, title: 'between extract and the batches (S-06)' },
  {
    at: { dieAt: 'signed-stored', kind: 'transfer', dieOn: 2 },
    title: 'with batch 2 signed (S-03)',
  },
  { at: { dieAt: 'mined', kind: 'transfer', dieOn: 2 }, title: 'with batch 2 mined (S-05)' },
  { at: { dieAt: 'batch-sent', dieOn: 2 }, title: 'between batch 2 and batch 3 (S-06)' },
  { at: { dieAt: 'transferred' }, title: 'after the last batch, before the slot is closed' },
]

describe('a keeper killed in the middle of the day', function () {
  this.timeout(180_000)
  let world: World
  let template: string

  // The evidence is pushed once; every death starts from a copy of that chain and that store.
  let snapshot: string
  before(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    const hours = Array.from({ length: MEMBERS }, () => 24)
    await withKeeper(world, (keeper) => pushCycle(world, keeper, 1, hours))
    template = await mkdtemp(join(tmpdir(), 'muster-template-'))
    await cp(world.home, template, { recursive: true })
  })
  after(async () => {
    await world.close()
    await rm(template, { recursive: true, force: true })
  })

  beforeEach(async () => {
    snapshot = await world.node.request<string>('evm_snapshot')
    await rm(world.home, { recursive: true, force: true })
    await cp(template, world.home, { recursive: true })
  })
  afterEach(() => world.node.request('evm_revert', [snapshot]))

  async function runChild(order: Partial<DayOrder> = {}): Promise<number | 'SIGKILL'> {
    const json = JSON.stringify({ rpcUrl: world.node.url, home: world.home, ...order })
    const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
    const said: string[] = []
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    if (signal !== 'SIGKILL' && code !== 0) throw new Error(said.join(''))
    return signal === 'SIGKILL' ? 'SIGKILL' : (code ?? -1)
  }

  /** The books of the chain, the journal and the slot are those of a day without a crash. */
  async function expectSameBooks(): Promise<void> {
    for (const { fund } of makeMembers(MEMBERS)) {
      expect(await world.node.client.balanceOf(fund as `0x${string}`)).to.equal(SHARE)
    }
    const status = await readStatus({ client: world.node.client, contracts: world.muster })
    expect([status.isConserved, status.books.unpaid]).to.deep.equal([true, 0n])
    const { keeper } = world.muster.deployment
    const db = await openStore({ home: world.home, clock: systemClock })
    try {
      const rows = (await listJournal(db)).filter(({ sender }) => sender === keeper).toReversed()
      const kinds = rows.map(({ kind, state }) => `${kind} ${state}`)
      expect(kinds).to.deep.equal(['extract final', ...Array(3).fill('transfer final')])
      expect(rows.map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3])
      expect(await world.node.client.nonceOf(keeper)).to.equal(4)
      for (const { id } of rows) expect(await attemptsOf(db, id)).to.have.length(1)
      const slots = (await listSlots(db)).filter(({ job }) => job === 'settle-day')
      expect(slots.map(({ status, cycle }) => [status, cycle])).to.deep.equal([['completed', 1]])
    } finally {
      await db.close()
    }
  }

  for (const { at, title } of DEATHS) {
    it(`${title} goes on after a restart: the same books, one extract, no batch twice (Z-49)`, async () => {
      expect(await runChild(at)).to.equal('SIGKILL')
      expect(await runChild()).to.equal(0)
      await expectSameBooks()
    })
  }
})
