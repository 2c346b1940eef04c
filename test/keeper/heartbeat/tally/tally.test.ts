import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { scaledClock } from '../../../../keeper/base/time.ts'
import {
  findHour,
  listHours,
  readClosedHour,
} from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { ClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { RunningTally } from '../../../../keeper/heartbeat/tally/tally.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { codeOf } from '../../../helpers/errors.ts'
import { faultyDb } from '../../../helpers/faulty-db.ts'
import { freshDb } from '../../../helpers/store.ts'
import { HOUR, NODES, START, STATUS, beatHour, tallyBench } from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

const [A, B, C] = NODES as [Address, Address, Address]
const MINUTE = 60
const GRACE = 4

describe('the tally', function () {
  this.timeout(60_000)
  let db: Db
  let bench: TallyBench
  let open: RunningTally[]

  beforeEach(async () => {
    db = await freshDb()
    bench = tallyBench()
    open = []
  })
  afterEach(async () => {
    for (const tally of open) await tally.stop()
    await db.close()
  })

  async function start(...given: Parameters<TallyBench['open']> | []): Promise<RunningTally> {
    const tally = await bench.open(given[0] ?? db, given[1])
    open.push(tally)
    return tally
  }

  /** A process that is killed: what it has not written by now is lost. */
  async function startMortal(): Promise<{ tally: RunningTally; kill(): Promise<void> }> {
    const mortal = faultyDb(db)
    const tally = await bench.open(mortal.db)
    const kill = async (): Promise<void> => {
      mortal.fail(/./)
      await tally.stop()
    }
    return { tally, kill }
  }

  const seenOf = (hour: ClosedHour | undefined): [number, boolean][] | undefined =>
    hour?.rows.map(({ seen, online }) => [seen, online])

  it('closes an hour with a row for each validator: 46 of 80 is out, 47 is in (Z-41, Z-42)', async () => {
    const tally = await start()
    await beatHour(bench, tally, [80, 47, 46])
    bench.clock.advance(GRACE)
    await tally.wake()
    const closed = await readClosedHour(db, HOUR)
    expect(closed?.rows.map(({ node }) => node)).to.deep.equal(NODES)
    expect(seenOf(closed)).to.deep.equal([
      [80, true],
      [47, true],
      [46, false],
      [0, false],
      [0, false],
    ])
    expect(await tally.evidence.nodesIn(HOUR)).to.deep.equal([A, B])
  })

  it('counts a beat an interval and no more, and at most 80 an hour (Z-40)', async () => {
    const tally = await start()
    expect(tally.count(A, bench.clock.nowMs())).to.deep.equal({
      counted: true,
      hour: HOUR,
      count: 1,
    })
    expect(tally.count(A, bench.clock.nowMs())).to.deep.include({ counted: false, why: 'too-soon' })
    await beatHour(bench, tally, [80])
    expect(tally.countOf(A, HOUR)).to.equal(80)
    expect(tally.count(A, bench.clock.nowMs())).to.deep.include({ hour: HOUR + 1, count: 1 })
  })

  it('keeps the statistics of the origin, column by column (Z-41)', async () => {
    const tally = await start()
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    const [row] = await db.query('select * from heartbeat_statistic where node = $1', [
      A.toLowerCase(),
    ])
    expect(row).to.deep.equal({
      node: A.toLowerCase(),
      hour: HOUR,
      count: 80,
      online: true,
      tx_hash: null,
      created: BigInt(START + 3_600 + GRACE),
    })
  })

  it('keeps a closed hour whole while the next one counts: no daily reset can eat it (Z-41, Z-43)', async () => {
    const tally = await start()
    await beatHour(bench, tally, [80, 47])
    tally.count(B, bench.clock.nowMs())
    bench.clock.advance(GRACE)
    await tally.wake()
    tally.count(C, bench.clock.nowMs())
    await tally.wake()
    expect(seenOf(await readClosedHour(db, HOUR))?.slice(0, 3)).to.deep.equal([
      [80, true],
      [47, true],
      [0, false],
    ])
    expect([tally.countOf(B, HOUR + 1), tally.countOf(C, HOUR + 1)]).to.deep.equal([1, 1])
  })

  it('is not closed before its grace is over, nor twice', async () => {
    const told: number[] = []
    const tally = await start(db, { onClosed: ({ hour }) => void told.push(hour) })
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE - 2)
    await tally.wake()
    expect((await findHour(db, HOUR))?.state).to.equal('open')
    expect(await tally.evidence.nodesIn(HOUR)).to.equal(undefined)
    bench.clock.advance(2)
    await Promise.all([tally.wake(), tally.wake(), tally.evidence.nodesIn(HOUR)])
    await tally.wake()
    expect(told).to.deep.equal([HOUR])
    const closings = bench.events.filter(({ event }) => event === 'hour-closed')
    expect(closings).to.have.length(1)
  })

  it('is closed once by two processes on one store, and neither changes it afterwards', async () => {
    const [one, two] = [await start(), await start()]
    await beatHour(bench, one, [80, 47])
    bench.clock.advance(GRACE)
    await Promise.all([one.wake(), two.wake()])
    const closed = await readClosedHour(db, HOUR)
    const outcomes = bench.events.filter(({ event }) => event === 'hour-closed')
    expect(outcomes.map((each) => each['closed'])).to.have.members(['already', 'heard'])
    await Promise.all([one.wake(), two.wake()])
    expect(await readClosedHour(db, HOUR)).to.deep.equal(closed)
  })

  it('of a process that was killed is what it wrote last, and counting goes on there', async () => {
    const { tally: first, kill } = await startMortal()
    first.count(A, bench.clock.nowMs())
    bench.clock.advance(45)
    first.count(A, bench.clock.nowMs())
    await first.wake()
    bench.clock.advance(45)
    first.count(A, bench.clock.nowMs())
    await kill()

    bench.clock.advance(5)
    const second = await start()
    expect(second.countOf(A, HOUR)).to.equal(2)
    const restored = bench.events.find(({ event }) => event === 'tally-restored')
    expect([restored?.['gapSeconds'], restored?.['rows']]).to.deep.equal([50, 1])
    // The lost beat was due: the next one counts.
    expect(second.count(A, bench.clock.nowMs()).count).to.equal(3)
  })

  it('does not take a beat sooner because the process was started again', async () => {
    const first = await bench.open(db)
    first.count(A, bench.clock.nowMs())
    await first.stop()
    bench.clock.advance(10)
    const second = await start()
    expect(second.count(A, bench.clock.nowMs()).why).to.equal('too-soon')
  })

  it('hurts nobody by a restart: 80 and less are expected of what it listened to (Z-42)', async () => {
    bench.clock.advance(-5 * MINUTE)
    const first = await bench.open(db)
    for (let i = 0; i < 53; i += 1) {
      first.count(A, bench.clock.nowMs())
      bench.clock.advance(45)
    }
    await first.stop()
    // Away for 20 minutes of the hour: 27 beats that nobody could count.
    bench.clock.set(START + 55 * MINUTE)
    const second = await start()
    for (let i = 0; i < 7; i += 1) {
      second.count(A, bench.clock.nowMs())
      bench.clock.advance(45)
    }
    bench.clock.set(START + 60 * MINUTE + GRACE)
    await second.wake()
    const closed = await readClosedHour(db, HOUR)
    expect(closed?.expected).to.be.within(49, 52)
    expect(seenOf(closed)?.[0]?.[1]).to.equal(true)
  })

  it('is closed by the next process when the first died between its last write and the closing', async () => {
    const { tally: first, kill } = await startMortal()
    await beatHour(bench, first, [80, 46])
    await first.wake()
    await kill()
    bench.clock.advance(30)
    const second = await start()
    await second.wake()
    expect(seenOf(await readClosedHour(db, HOUR))?.slice(0, 2)).to.deep.equal([
      [80, true],
      [46, false],
    ])
  })

  it('is told to whoever waits for it by the next process, when the first died or could not', async () => {
    const first = await bench.open(db, {
      onClosed: () => {
        throw new KeeperError('DEADLINE_PASSED', {})
      },
    })
    await beatHour(bench, first, [80])
    bench.clock.advance(GRACE)
    await first.wake()
    await first.stop()
    expect(bench.eventNames()).to.include('closed-hour-not-told')
    const told: ClosedHour[] = []
    const second = await start(db, { onClosed: (hour) => void told.push(hour) })
    await second.wake()
    await second.wake()
    expect(told).to.deep.equal([await readClosedHour(db, HOUR)])
  })

  it('names the hours in which no process was there: nobody is judged in them (R-05)', async () => {
    const first = await bench.open(db)
    await beatHour(bench, first, [80])
    await first.stop()
    bench.clock.advance(3 * 60 * MINUTE + 40 * MINUTE)
    const second = await start()
    await second.wake()
    const missed = [1, 2, 3].map((h) => HOUR + h)
    expect((await listHours(db, 9)).map(({ hour, state }) => [hour, state])).to.deep.equal([
      ...missed.toReversed().map((hour) => [hour, 'unheard']),
      [HOUR, 'heard'],
    ])
    for (const hour of missed) {
      expect(await second.evidence.nodesIn(hour)).to.equal(undefined)
      expect(await second.evidence.isUnheard?.(hour)).to.equal(true)
    }
    const said = bench.events.find(({ event }) => event === 'hours-unheard')
    expect(said?.['hours']).to.deep.equal(missed)
    expect(bench.alerts.raised).to.deep.equal(['hour-unheard'])
  })

  it('does not judge an hour of which it heard less than 47 intervals, but keeps its counts (Z-42)', async () => {
    bench.clock.advance(30 * MINUTE)
    const tally = await start()
    for (let i = 0; i < 40; i += 1) {
      tally.count(A, bench.clock.nowMs())
      bench.clock.advance(45)
    }
    bench.clock.advance(GRACE)
    await tally.wake()
    expect(await readClosedHour(db, HOUR)).to.equal(undefined)
    expect(await tally.evidence.isUnheard?.(HOUR)).to.equal(true)
    const rows = await db.query('select seen, online from tally where hour = $1 and seen > 0', [
      HOUR,
    ])
    expect(rows).to.deep.equal([{ seen: 40, online: null }])
    expect(await db.query('select * from heartbeat_statistic')).to.deep.equal([])
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    expect(bench.alerts).to.deep.equal({ raised: ['hour-unheard'], cleared: ['hour-unheard'] })
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

  it('closes without the chain by the roster that it knows, and says so', async () => {
    let isDown = false
    const tally = await start(db, {
      validators: async () => {
        if (isDown) throw new KeeperError('DEADLINE_PASSED', {})
        return NODES.slice(0, 4)
      },
    })
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    isDown = true
    await beatHour(bench, tally, [80])
    await tally.wake()
    expect((await readClosedHour(db, HOUR + 1))?.rows).to.have.length(4)
    expect(bench.eventNames()).to.include('hour-closed-by-old-roster')
    await tally.stop()
    const next = await start(db, { validators: () => Promise.reject(new Error('down')) })
    await beatHour(bench, next, [80])
    await next.wake()
    expect((await readClosedHour(db, HOUR + 2))?.rows).to.have.length(4)
  })

  it('judges a node that was counted and removed from the roster since: its hour was its own', async () => {
    const tally = await start(db, { validators: async () => [B] })
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    expect((await readClosedHour(db, HOUR))?.rows.map(({ node }) => node)).to.deep.equal([A, B])
  })

  it('has one row of a node that is on the roster twice, removed and registered again', async () => {
    const tally = await start(db, { validators: async () => [A, B, C, B, A] })
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    expect((await readClosedHour(db, HOUR))?.rows.map(({ node }) => node)).to.deep.equal([A, B, C])
  })

  it('does not let a process whose clock lags write into an hour that another one closed', async () => {
    const lagging = tallyBench()
    const [one, late] = [await start(), await lagging.open(db)]
    open.push(late)
    for (let i = 0; i < 80; i += 1) {
      one.count(A, bench.clock.nowMs())
      bench.clock.advance(45)
    }
    bench.clock.advance(GRACE)
    const both = [one.wake()]
    for (let i = 0; i < 79; i += 1) {
      late.count(B, lagging.clock.nowMs())
      lagging.clock.advance(45)
      both.push(late.wake())
    }
    await Promise.all(both)
    const closed = await readClosedHour(db, HOUR)
    late.count(B, lagging.clock.nowMs())
    await late.wake()
    expect(await readClosedHour(db, HOUR)).to.deep.equal(closed)
    for (const { seen, online } of closed?.rows ?? []) expect(online).to.equal(seen >= 47)
  })

  it('refuses a signed beat that is not newer than the last one, also after a restart', async () => {
    const first = await bench.open(db)
    const at = bench.clock.nowMs()
    expect(first.countSigned(A, at, at, STATUS).counted).to.equal(true)
    expect(codeOf(() => first.countSigned(A, at, at, STATUS))).to.equal('BEAT_REPLAYED')
    await first.stop()
    const second = await start()
    expect(codeOf(() => second.countSigned(A, at, at + 1, STATUS))).to.equal('BEAT_REPLAYED')
    expect(second.countSigned(A, at + 1, at + 1, STATUS).why).to.equal('too-soon')
  })

  it('keeps what a node last said of itself, whatever is in it', async () => {
    const tally = await start()
    tally.count(A, bench.clock.nowMs(), { ...STATUS, version: `\u0000${'é,"'.repeat(40)}` })
    tally.count(B, bench.clock.nowMs(), STATUS)
    tally.count(C, bench.clock.nowMs(), { ...STATUS, cpuBps: 12.5, diskBps: NaN, height: -1n })
    await tally.wake()
    const rows = await db.query('select * from node_status order by node')
    expect([rows[2]?.['cpu_bps'], rows[2]?.['disk_bps'], rows[2]?.['height']]).to.deep.equal([
      null,
      null,
      null,
    ])
    expect(rows[0]?.['version']).to.equal(
      '??,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"?,"'.slice(0, 64),
    )
    expect(rows[1]).to.deep.equal({
      node: B.toLowerCase(),
      last_ms: BigInt(bench.clock.nowMs()),
      signed_ms: 0n,
      cpu_bps: 1_250,
      memory_bps: 4_000,
      disk_bps: 9_999,
      height: '18446744073709551615',
      version: 'node/1.2.3',
    })
  })

  it('keeps closed hours for so many days, and what was signed of them for good', async () => {
    const tally = await start(db, { keepDays: 1 })
    for (let h = 0; h < 27; h += 1) await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    const [{ hour } = { hour: 0 }] = await db.query<{ hour: number }>(
      'select min(hour) as hour from tally',
    )
    expect(hour).to.equal(HOUR + 26 - 24)
    // The one that is open as well.
    expect(await listHours(db, 99)).to.have.length(28)
    expect((await findHour(db, HOUR))?.state).to.equal('heard')
  })

  it('closes no hour because the clock was set forward (S-40)', async () => {
    const tally = await start(db, { chainTime: async () => START })
    await beatFor(tally, 40)
    bench.clock.jump(2 * 60 * MINUTE)
    await tally.wake()
    expect(tally.figures().hour).to.equal(HOUR)
    await waitUntil(() => bench.alerts.raised.includes('clock-jump'))
    expect((await listHours(db, 9)).map(({ state }) => state)).to.deep.equal(['open'])
    bench.clock.jump(-2 * 60 * MINUTE)
    await beatFor(tally, 40)
    await waitUntil(() => bench.alerts.cleared.includes('clock-jump'))
    bench.clock.advance(GRACE)
    await tally.wake()
    expect(seenOf(await readClosedHour(db, HOUR))?.[0]).to.deep.equal([80, true])
  })

  it('follows a machine that slept when the chain says so, and names the hours between (S-40)', async () => {
    const tally = await start(db, { chainTime: async () => bench.clock.now() })
    await beatHour(bench, tally, [80])
    bench.clock.advance(GRACE)
    await tally.wake()
    bench.clock.jump(3 * 60 * MINUTE)
    await waitUntil(() => tally.figures().hour === HOUR + 4)
    await tally.wake()
    const states = (await listHours(db, 9)).map(({ hour, state }) => [hour - HOUR, state])
    expect(states).to.deep.equal([
      [3, 'unheard'],
      [2, 'unheard'],
      [1, 'unheard'],
      [0, 'heard'],
    ])
  })

  it('counts nothing twice when the clock is set back by two minutes: time stands still (S-40)', async () => {
    const tally = await start()
    await beatFor(tally, 20)
    bench.clock.jump(-120)
    await beatFor(tally, 3)
    expect(tally.countOf(A, HOUR)).to.equal(20)
    await beatFor(tally, 3)
    expect(tally.countOf(A, HOUR)).to.equal(23)
  })

  it('goes on by itself when the clock is set back by two hours (S-40)', async () => {
    const tally = await start()
    await beatFor(tally, 20)
    bench.clock.jump(-7_200)
    await beatFor(tally, 4)
    expect(tally.countOf(A, HOUR)).to.equal(24)
  })

  it('counts nothing in an hour that was closed by a clock that was ahead', async () => {
    const first = await bench.open(db)
    await beatHour(bench, first, [80])
    bench.clock.advance(GRACE)
    await first.wake()
    await first.stop()
    bench.clock.set(START + 30 * MINUTE)
    const second = await start()
    expect(second.count(B, bench.clock.nowMs())).to.deep.equal({
      counted: false,
      hour: HOUR,
      count: 0,
      why: 'hour-closed',
    })
    expect(bench.eventNames()).to.include('tally-hours-ahead')
    bench.clock.set(START + 61 * MINUTE)
    expect(second.count(B, bench.clock.nowMs()).counted).to.equal(true)
    expect(seenOf(await readClosedHour(db, HOUR))?.[1]).to.deep.equal([0, false])
  })

  it('writes and closes by itself, hour after hour, by a clock that runs faster', async () => {
    const clock = scaledClock({ startMs: START * 1_000, factor: 2_400 })
    const told: number[] = []
    const tally = await start(db, {
      clock,
      paceFactor: 2_400,
      flushMs: 100,
      onClosed: ({ hour }) => void told.push(hour),
    })
    clock.start()
    await waitUntil(() => {
      tally.count(A, clock.nowMs())
      return told.length >= 2
    })
    expect(told).to.deep.equal([...told].sort((a, b) => a - b))
    expect(new Set(told)).to.have.length(told.length)
    const hours = (await listHours(db, 99)).filter(({ state }) => state === 'heard')
    expect(hours.map(({ hour }) => hour)).to.include.members(told)
  })

  it('is stopped although whoever takes closed hours never answers, and offers them again', async () => {
    const silent = new Promise<void>(() => {})
    const first = await bench.open(db, { onClosed: () => silent })
    await beatHour(bench, first, [80])
    bench.clock.advance(GRACE)
    void first.wake()
    await waitUntil(() => first.figures().closed.heard === 1)
    await first.stop()
    expect(bench.eventNames()).to.include('closing-left-to-next-start')
    const told: number[] = []
    const second = await start(db, { onClosed: ({ hour }) => void told.push(hour) })
    await second.wake()
    expect(told).to.deep.equal([HOUR])
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

  async function beatFor(tally: RunningTally, times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      tally.count(A, bench.clock.nowMs())
      bench.clock.advance(45)
    }
    await Promise.resolve()
  }

  async function waitUntil(check: () => boolean): Promise<void> {
    for (let i = 0; i < 200 && !check(); i += 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, 100)
      })
    }
    expect(check()).to.equal(true)
  }
})
