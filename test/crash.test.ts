import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { attemptsOf } from '../keeper/chain/journal/journal.ts'
import { STORES } from './helpers/databases.ts'
import type { DayOrder } from './helpers/day-child.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from './helpers/day-oracle.ts'
import { ETHER } from './helpers/muster.ts'
import { usePushedDay } from './helpers/pushed-day.ts'

const CHILD = fileURLToPath(new URL('./helpers/day-child.ts', import.meta.url))
const MEMBERS = 25
const SHARE = ETHER / BigInt(MEMBERS)

type Place = Pick<DayOrder, 'rpcUrl' | 'home' | 'databaseUrl'>

/** Where a crash may fall, and the scenario it is. */
const DEATHS: { at: Omit<DayOrder, keyof Place>; title: string }[] = [
  {
    at: { dieAt: 'snapshots-pushed' },
    title: 'after the claim of the slot, before an intent (S-01)',
  },
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

for (const store of STORES) {
  describe(`a keeper killed in the middle of the day (${store})`, function () {
    this.timeout(180_000)
    const day = usePushedDay(store, MEMBERS)

    async function runChild(order: Partial<DayOrder> = {}): Promise<number | 'SIGKILL'> {
      const place: Place = { rpcUrl: day.world.node.url, home: day.world.home, ...day.books.place }
      const json = JSON.stringify({ ...place, ...order })
      const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
      const said: string[] = []
      child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      if (signal !== 'SIGKILL' && code !== 0) throw new Error(said.join(''))
      return signal === 'SIGKILL' ? 'SIGKILL' : (code ?? -1)
    }

    /** The books of the chain, the journal and the slot are those of a day without a crash. */
    async function expectSameBooks(): Promise<void> {
      await expectPaidOnce(day.world, { members: MEMBERS, share: SHARE, cycles: 1 })
      const db = await day.books.open()
      try {
        const rows = await expectJournalComplete(day.world, db)
        const kinds = rows.map(({ kind }) => kind)
        expect(kinds).to.deep.equal(['extract', ...Array<string>(3).fill('transfer')])
        for (const { id } of rows) expect(await attemptsOf(db, id)).to.have.length(1)
        const slots = await daySlots(db)
        expect(slots.map(({ status, cycle, attempts }) => [status, cycle, attempts])).to.deep.equal(
          [['completed', 1, 2]],
        )
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
}
