import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cutOf, systemClock } from '../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../keeper/chain/journal/journal.ts'
import { closeKeeper, openKeeper } from '../keeper/keeper.ts'
import { copyBooks } from './helpers/books.ts'
import type { Books } from './helpers/books.ts'
import { POSTGRES_URL, createDatabase } from './helpers/databases.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from './helpers/day-oracle.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  testDeps,
} from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'
import { expectJournalWhole } from './helpers/oracle.ts'
import type { WatchedOrder } from './helpers/watched-child.ts'

const CHILD = fileURLToPath(new URL('./helpers/watched-child.ts', import.meta.url))
const MEMBERS = 25
const SHARE = ETHER / BigInt(MEMBERS)
const CUT = cutOf(FIRST_CUT, 1)
const STOP_LIMIT_MS = 10_000
const PATIENCE_MS = 40_000

type Stop = NonNullable<WatchedOrder['stopAt']>

/** A day is an extract and three batches; SIGTERM comes in the middle of one of them. */
const STOPS: { stopAt: Stop; title: string }[] = [
  { stopAt: { step: 'intent-stored', kind: 'extract', on: 1 }, title: 'extract is planned' },
  { stopAt: { step: 'broadcast-accepted', kind: 'extract', on: 1 }, title: 'extract is sent' },
  { stopAt: { step: 'signed-stored', kind: 'transfer', on: 2 }, title: 'batch 2 is signed' },
  { stopAt: { step: 'mined', kind: 'transfer', on: 2 }, title: 'batch 2 is mined' },
  { stopAt: { step: 'receipt-stored', kind: 'transfer', on: 2 }, title: 'batch 2 is included' },
]

/** What the journal had signed: nonce, hash and bytes. */
type Signed = { id: bigint; nonce: number | undefined; raw: string[] }[]

for (const store of POSTGRES_URL === undefined ? ['PGlite'] : ['PGlite', 'PostgreSQL']) {
  describe(`a keeper that is asked to stop in the middle of the day (${store})`, function () {
    this.timeout(180_000)
    let world: World
    let books: Books
    let snapshot: string
    let log: string

    before(async () => {
      world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
      log = join(world.home, 'keeper.log')
      const database = store === 'PGlite' ? undefined : await createDatabase()
      const keeper = await openKeeper({ ...world.config, databaseUrl: database?.url }, testDeps())
      await pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24))
      await closeKeeper(keeper)
      books = await copyBooks(world, database)
    })
    after(async () => {
      await world.close()
      await books.drop()
    })
    beforeEach(async () => {
      snapshot = await world.node.request<string>('evm_snapshot')
      await books.restore()
      await rm(log, { force: true })
    })
    afterEach(() => world.node.request('evm_revert', [snapshot]))

    /** The daemon, with the slot just behind it; resolves when it has stopped, with how long that took. */
    async function run(stopAt?: Stop): Promise<{ code: number; stoppedMs: number }> {
      const order: WatchedOrder = {
        rpcUrl: world.node.url,
        home: world.home,
        logFile: log,
        aheadSeconds: CUT + 5 - systemClock.now(),
        stopLimitMs: STOP_LIMIT_MS,
        ...books.place,
        ...(stopAt ? { stopAt } : {}),
      }
      const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: 'ignore' })
      const ended = once(child, 'exit')
      await waitForEvent(stopAt ? 'keeper-stopping' : 'day-done')
      const askedMs = systemClock.nowMs()
      if (!stopAt) child.kill('SIGTERM')
      const [code] = (await ended) as [number]
      return { code, stoppedMs: systemClock.nowMs() - askedMs }
    }

    async function waitForEvent(event: string): Promise<void> {
      const end = systemClock.nowMs() + PATIENCE_MS
      while (systemClock.nowMs() < end) {
        const text = await readFile(log, 'utf8').catch(() => '')
        if (text.includes(`"${event}"`)) return
        await systemClock.sleep(20)
      }
      throw new Error(`no ${event} in ${await readFile(log, 'utf8')}`)
    }

    async function signedOf(): Promise<Signed> {
      const db = await books.open()
      try {
        await expectJournalWhole(db)
        const rows = (await listJournal(db, { limit: 10_000 })).toReversed()
        const signed: Signed = []
        for (const { id, nonce, sender } of rows) {
          if (sender !== world.muster.deployment.keeper) continue
          signed.push({ id, nonce, raw: (await attemptsOf(db, id)).map(({ raw }) => raw) })
        }
        return signed
      } finally {
        await db.close()
      }
    }

    async function expectWholeDay(): Promise<void> {
      await expectPaidOnce(world, { members: MEMBERS, share: SHARE, cycles: 1 })
      const db = await books.open()
      try {
        const kinds = (await expectJournalComplete(world, db)).map(({ kind }) => kind)
        expect(kinds).to.deep.equal(['extract', 'transfer', 'transfer', 'transfer'])
        const slots = (await daySlots(db)).filter(({ slot }) => slot === CUT)
        expect(slots.map(({ status }) => status)).to.deep.equal(['completed'])
      } finally {
        await db.close()
      }
    }

    for (const { stopAt, title } of STOPS) {
      it(`S-10 SIGTERM when ${title}: exit 0 in time, nothing new, and the next start goes on with the same bytes`, async () => {
        const { code, stoppedMs } = await run(stopAt)
        expect(code).to.equal(0)
        expect(stoppedMs).to.be.below(STOP_LIMIT_MS)
        const before = await signedOf()
        // The transaction of the step is the last one: nothing was begun after the signal.
        expect(before).to.have.length(stopAt.kind === 'extract' ? 1 : 1 + stopAt.on)
        await rm(log)

        expect((await run()).code).to.equal(0)
        const after = await signedOf()
        for (const [i, { nonce, raw }] of before.entries()) {
          expect(after[i]?.nonce).to.equal(nonce)
          expect(after[i]?.raw.slice(0, raw.length)).to.deep.equal(raw)
          expect(after[i]?.raw).to.have.length(1)
        }
        await expectWholeDay()
      })
    }
  })
}
