import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { readClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { ClosedHour } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { HOUR, NODES, START, beatHour, seenOf, useTallies } from '../../../helpers/tallying.ts'
import type { TallyBench } from '../../../helpers/tallying.ts'

const [A] = NODES as [Address, Address, Address]
const MINUTE = 60
const GRACE = 4

describe('a tally after a restart', function () {
  this.timeout(60_000)
  const { now, start, startMortal } = useTallies()
  let db: Db
  let bench: TallyBench

  beforeEach(() => {
    ;({ db, bench } = now())
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
})
