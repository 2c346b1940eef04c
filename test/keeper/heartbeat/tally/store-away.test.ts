import { expect } from 'chai'
import type { Address } from '../../../../keeper/base/schema.ts'
import { listHours, readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { faultyDb } from '../../../helpers/faulty-db.ts'
import {
  HOUR,
  NODES,
  START,
  beatHour,
  seenOf,
  useTallies,
  waitUntil,
} from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

const [A, B] = NODES as [Address, Address, Address]
const MINUTE = 60
const GRACE = 4

describe('a tally whose store is away', function () {
  this.timeout(60_000)
  const { now, start } = useTallies()
  let db: Db
  let bench: TallyBench

  beforeEach(() => {
    ;({ db, bench } = now())
  })

  it('goes on in memory while the store is away, says so once, and closes when it is back', async () => {
    const store = faultyDb(db)
    const tally = await start(store.db)
    store.fail(/./)
    await beatHour(bench, tally, [80, 47, 46])
    await tally.wake()
    bench.clock.advance(20 * MINUTE)
    await tally.wake()
    expect(tally.figures().storeDownSince).to.be.a('number')
    expect(tally.figures().unsaved).to.equal(3)
    const said = bench.eventNames().filter((name) => name === 'tally-in-memory-only')
    expect(said).to.have.length(1)
    expect(bench.alerts.raised).to.include('tally-write-failing')

    store.heal()
    await tally.wake()
    expect(bench.eventNames()).to.include('tally-stored-again')
    expect(bench.alerts.cleared).to.include('tally-write-failing')
    expect(seenOf(await readClosedHour(db, HOUR))?.slice(0, 3)).to.deep.equal([
      [80, true],
      [47, true],
      [46, false],
    ])
  })

  it('gives up an hour that ended 24 hours ago while the store was away, and names it', async () => {
    const store = faultyDb(db)
    const tally = await start(store.db)
    store.fail(/./)
    await beatHour(bench, tally, [80])
    for (let h = 0; h < 25; h += 1) {
      await beatHour(bench, tally, [80])
      await tally.wake()
    }
    const given = bench.events.filter(({ event }) => event === 'hour-given-up')
    expect(given.map(({ hour }) => hour)).to.deep.equal([HOUR, HOUR + 1])
    store.heal()
    bench.clock.advance(GRACE)
    await tally.wake()
    const states = (await listHours(db, 27)).toReversed().map(({ state }) => state)
    expect(states.slice(0, 3)).to.deep.equal(['unheard', 'unheard', 'heard'])
    expect(states.filter((state) => state === 'heard')).to.have.length(24)
  })

  it('writes again what the store took without an answer, and counts nothing twice', async () => {
    const store = faultyDb(db)
    const tally = await start(store.db)
    tally.count(A, bench.clock.nowMs())
    store.fail(/insert into tally/, { kind: 'lost', times: 1 })
    await tally.wake()
    await tally.wake()
    const rows = await db.query('select seen from tally')
    expect(rows).to.deep.equal([{ seen: 1 }])
    expect(tally.figures().unsaved).to.equal(0)
  })

  it('loses no beat that comes while a write is on its way over the end of the hour', async () => {
    const tally = await start()
    await beatHour(bench, tally, [79])
    bench.clock.set(START + 60 * MINUTE - 1)
    const writing = tally.wake()
    tally.count(A, bench.clock.nowMs())
    bench.clock.advance(2)
    tally.count(B, bench.clock.nowMs())
    await writing
    bench.clock.advance(GRACE)
    await tally.wake()
    expect(seenOf(await readClosedHour(db, HOUR))?.[0]).to.deep.equal([80, true])
    expect(tally.countOf(B, HOUR + 1)).to.equal(1)
  })

  it('says that the store is away when it answers nothing for five seconds', async () => {
    const silent = new Promise<never>(() => {})
    let isSilent = false
    const query: Db['query'] = (sql, params) => (isSilent ? silent : db.query(sql, params))
    const tally = await start({ ...db, query }, { flushMs: 100 })
    isSilent = true
    tally.count(A, bench.clock.nowMs())
    await waitUntil(() => tally.figures().storeDownSince !== undefined)
    expect(bench.alerts.raised).to.include('tally-write-failing')
    expect(tally.count(B, bench.clock.nowMs()).counted).to.equal(true)
    await tally.stop()
    expect(bench.eventNames()).to.include('tally-lost-at-stop')
  })
})
