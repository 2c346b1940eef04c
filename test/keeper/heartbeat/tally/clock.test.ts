import { expect } from 'chai'
import type { Address } from '../../../../keeper/base/schema.ts'
import { listHours, readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import {
  HOUR,
  NODES,
  START,
  beatFor,
  beatHour,
  seenOf,
  useTallies,
  waitUntil,
} from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

const [A, B] = NODES as [Address, Address, Address]
const MINUTE = 60
const GRACE = 4

describe('a tally and the clock', function () {
  this.timeout(60_000)
  const { now, start } = useTallies()
  let db: Db
  let bench: TallyBench

  beforeEach(() => {
    ;({ db, bench } = now())
  })

  it('closes no hour because the clock was set forward (S-40)', async () => {
    const tally = await start(db, { chainTime: async () => START })
    await beatFor(bench, tally, 40)
    bench.clock.jump(2 * 60 * MINUTE)
    await tally.wake()
    expect(tally.figures().hour).to.equal(HOUR)
    await waitUntil(() => bench.alerts.raised.includes('clock-jump'))
    expect((await listHours(db, 9)).map(({ state }) => state)).to.deep.equal(['open'])
    bench.clock.jump(-2 * 60 * MINUTE)
    await beatFor(bench, tally, 40)
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
    await beatFor(bench, tally, 20)
    bench.clock.jump(-120)
    await beatFor(bench, tally, 3)
    expect(tally.countOf(A, HOUR)).to.equal(20)
    await beatFor(bench, tally, 3)
    expect(tally.countOf(A, HOUR)).to.equal(23)
  })

  it('goes on by itself when the clock is set back by two hours (S-40)', async () => {
    const tally = await start()
    await beatFor(bench, tally, 20)
    bench.clock.jump(-7_200)
    await beatFor(bench, tally, 4)
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
})
