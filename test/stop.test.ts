import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cutOf, systemClock } from '../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../keeper/chain/journal/journal.ts'
import { STORES } from './helpers/databases.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from './helpers/day-oracle.ts'
import { ETHER, FIRST_CUT } from './helpers/muster.ts'
import { expectJournalWhole } from './helpers/oracle.ts'
import { usePushedDay } from './helpers/pushed-day.ts'
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

for (const store of STORES) {
  describe(`a keeper that is asked to stop in the middle of the day (${store})`, function () {
    this.timeout(180_000)
    const day = usePushedDay(store, MEMBERS, { isNodeApart: true })
    let log: string

    beforeEach(async () => {
      log = join(day.world.home, 'keeper.log')
      await rm(log, { force: true })
    })

    /** The daemon, with the slot just behind it; resolves when it has stopped, with how long that took. */
    async function run(stopAt?: Stop): Promise<{ code: number; stoppedMs: number }> {
      const order: WatchedOrder = {
        rpcUrl: day.world.node.url,
        home: day.world.home,
        logFile: log,
        aheadSeconds: CUT + 5 - systemClock.now(),
        stopLimitMs: STOP_LIMIT_MS,
        ...day.books.place,
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
      const db = await day.books.open()
      try {
        await expectJournalWhole(db)
        const rows = (await listJournal(db, { limit: 10_000 })).toReversed()
        const signed: Signed = []
        for (const { id, nonce, sender } of rows) {
          if (sender !== day.world.muster.deployment.keeper) continue
          signed.push({ id, nonce, raw: (await attemptsOf(db, id)).map(({ raw }) => raw) })
        }
        return signed
      } finally {
        await db.close()
      }
    }

    async function expectWholeDay(): Promise<void> {
      await expectPaidOnce(day.world, { members: MEMBERS, share: SHARE, cycles: 1 })
      const db = await day.books.open()
      try {
        const kinds = (await expectJournalComplete(day.world, db)).map(({ kind }) => kind)
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
