import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { nextDay } from '../../../../../keeper/base/day.ts'
import { systemClock } from '../../../../../keeper/base/time.ts'
import { beginAt, readState } from '../../../../../keeper/programs/partners/distribution/state.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { openStore } from '../../../../../keeper/store/open-store.ts'
import { createDatabase } from '../../../../helpers/databases.ts'
import type { TestDatabase } from '../../../../helpers/databases.ts'
import { assertBooksBalance } from '../../../../helpers/ledger.ts'
import type { PartnersOrder } from '../../../../helpers/partners-child.ts'
import { DAY, FIRST, landed, partnersRoom, votesOf } from '../../../../helpers/partners-room.ts'
import { ON_POSTGRES, freshDb, placeStore } from '../../../../helpers/store.ts'

const CHILD = fileURLToPath(new URL('../../../../helpers/partners-child.ts', import.meta.url))
const SECOND = nextDay(DAY)

/** Each process goes on where the one before died, so the steps are those of later and later hours. */
const DEATHS: (Required<Pick<PartnersOrder, 'dieAt' | 'dieOn'>> & { lastDay?: string })[] = [
  { dieAt: 'hour-locked', dieOn: 2 },
  { dieAt: 'hour-rows', dieOn: 3 },
  { dieAt: 'hour-booked', dieOn: 4 },
  { dieAt: 'day-rows', dieOn: 1 },
  { dieAt: 'day-booked', dieOn: 1 },
  // The first hour of the next day.
  { dieAt: 'hour-booked', dieOn: 1, lastDay: DAY },
]

/** All that a distribution writes, without what a restart may number differently. */
const WRITTEN = [
  'select * from partner_hour order by hour',
  'select * from partner_hour_share order by hour, partner',
  'select * from partner_day order by day',
  'select * from partner_day_share order by day, partner',
  'select hour, partner, revision, cc_reward from partner_outbox order by hour, partner',
  'select ref, payee, amount, source, content, effective_at from payout_accrual order by ref',
  'select key, amount, code, reason, effective_at from ledger_transfer order by key',
]

async function writtenTo(db: Db): Promise<unknown[]> {
  const all: unknown[] = []
  for (const query of WRITTEN) all.push(await db.query(query))
  return all
}

async function takeVotes(db: Db): Promise<void> {
  await beginAt(db, { zone: 'UTC', shadow: false }, FIRST)
  for (const hour of [0, 1, 2, 5, 23, 24, 26]) await landed(db, votesOf(5 + hour, FIRST + hour))
}

describe(`distributions killed at each step (${ON_POSTGRES ? 'PostgreSQL' : 'PGlite'})`, function () {
  this.timeout(120_000)
  let home: string
  let database: TestDatabase | undefined
  let reference: unknown[]

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-partners-'))
    database = ON_POSTGRES ? await createDatabase() : undefined
    if (!database) await placeStore(home)
    await withStore(takeVotes)
    // The same votes, distributed by a process that nobody disturbs.
    const db = await freshDb()
    await takeVotes(db)
    const room = partnersRoom(db, { special: new Set(['p2']) })
    await runPartners(room, { day: DAY })
    await runPartners(room, { day: SECOND })
    reference = await writtenTo(db)
    await db.close()
  })
  after(async () => {
    await rm(home, { recursive: true, force: true })
    await database?.drop()
  })

  async function withStore<T>(look: (db: Db) => Promise<T>): Promise<T> {
    const db = await openStore({ home, databaseUrl: database?.url, clock: systemClock })
    try {
      return await look(db)
    } finally {
      await db.close()
    }
  }

  async function run(order: Partial<PartnersOrder>): Promise<'SIGKILL' | 0> {
    const json = JSON.stringify({ home, databaseUrl: database?.url, ...order })
    const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
    const said: string[] = []
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    if (signal !== 'SIGKILL' && code !== 0) throw new Error(said.join(''))
    return signal === 'SIGKILL' ? 'SIGKILL' : 0
  }

  let lastHour = FIRST - 1
  for (const { dieAt, dieOn, lastDay } of DEATHS) {
    it(`D-23 at '${dieAt}' number ${dieOn}: that step is undone as a whole, those before it stay`, async () => {
      expect(await run({ day: SECOND, dieAt, dieOn })).to.equal('SIGKILL')
      const state = await withStore((db) => readState(db, false))
      // Of the hour or day in which it died nothing is there.
      const isDay = dieAt.startsWith('day')
      lastHour = isDay ? FIRST + 23 : lastHour + dieOn - 1
      expect(state).to.include({ firstHour: FIRST, lastHour })
      expect(state.lastDay).to.equal(lastDay)
    })
  }

  it('D-23 restarted it ends the same as undisturbed, to the last transfer, and once more it posts nothing', async () => {
    expect(await run({ day: SECOND })).to.equal(0)
    expect(await withStore(writtenTo)).to.deep.equal(reference)
    expect(await run({ day: SECOND })).to.equal(0)
    expect(await withStore(writtenTo)).to.deep.equal(reference)
    await withStore(assertBooksBalance)
  })
})
