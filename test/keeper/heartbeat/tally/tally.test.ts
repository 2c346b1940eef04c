import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { scaledClock } from '../../../../keeper/base/time.ts'
import {
  findHour,
  listHours,
  readClosedHour,
} from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { codeOf } from '../../../helpers/errors.ts'
import {
  HOUR,
  NODES,
  START,
  STATUS,
  beatHour,
  seenOf,
  tallyBench,
  useTallies,
  waitUntil,
} from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

const [A, B, C] = NODES as [Address, Address, Address]
const MINUTE = 60
const GRACE = 4

describe('the tally', function () {
  this.timeout(60_000)
  const { now, start, keep } = useTallies()
  let db: Db
  let bench: TallyBench

  beforeEach(() => {
    ;({ db, bench } = now())
  })

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
    keep(late)
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
})
