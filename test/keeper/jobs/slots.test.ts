import { expect } from 'chai'
import { logAlerts } from '../../../keeper/base/alerts.ts'
import type { Alerts } from '../../../keeper/base/alerts.ts'
import { cutOf } from '../../../keeper/base/time.ts'
import { runDaySlot, startRunner } from '../../../keeper/jobs/runner.ts'
import type { Runner } from '../../../keeper/jobs/runner.ts'
import { reportSlots } from '../../../keeper/jobs/slot-report.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { testClock } from '../../helpers/clock.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from '../../helpers/day-oracle.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { ETHER, FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { testLog } from '../../helpers/logs.ts'

const MEMBERS = 10
const UP = Array<number>(MEMBERS).fill(24)
const HOUR = 3_600
const DAY = 24 * HOUR
const CUT = cutOf(FIRST_CUT, 1)

describe('the daily slot', function () {
  this.timeout(120_000)
  let world: World
  let keeper: Keeper
  let clock: TestClock
  let alerts: Alerts
  let runner: Runner | undefined

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    clock = testClock(CUT)
    alerts = logAlerts(testLog, clock)
    keeper = await world.open({ clock })
    await pushCycle(world, keeper, 1, UP)
  })
  afterEach(async () => {
    await runner?.stop()
    runner = undefined
    await closeKeeper(keeper)
    await world.close()
  })

  function start(changes: Partial<Keeper['config']> = {}): Runner {
    runner = startRunner({ ...keeper, config: { ...keeper.config, ...changes } }, { alerts })
    return runner
  }

  async function stop(): Promise<void> {
    await runner?.stop()
    runner = undefined
  }

  /** The evidence of a further cycle, and as much to share as in the first. */
  async function nextCycle(cycle: number): Promise<void> {
    await world.moveTo(cutOf(FIRST_CUT, cycle - 1) + 60)
    await world.muster.fund(ETHER)
    await pushCycle(world, keeper, cycle, UP)
  }

  async function expectBooks(cycles: number): Promise<void> {
    const share = (ETHER / BigInt(MEMBERS)) * BigInt(cycles)
    await expectPaidOnce(world, { members: MEMBERS, share, cycles })
    const rows = await expectJournalComplete(world, keeper.db)
    expect(rows.map(({ kind }) => kind)).to.deep.equal(
      Array.from({ length: cycles }, () => ['extract', 'transfer']).flat(),
    )
  }

  const states = async (): Promise<unknown[]> =>
    (await daySlots(keeper.db)).map(({ slot, status, attempts }) => [slot, status, attempts])

  /** The first so many days, each in one run. */
  const expectCompleted = async (days: number): Promise<void> => {
    const slots = Array.from({ length: days }, (_, i) => [CUT + i * DAY, 'completed', 1])
    expect(await states()).to.deep.equal(slots)
  }

  for (const { title, cycles, now } of [
    { title: 'at 18:07', cycles: 2, now: 7 * 60 },
    { title: 'the next day at 09:00', cycles: 2, now: 15 * HOUR },
    { title: 'after three days', cycles: 4, now: 420 },
  ]) {
    it(`S-37 a keeper that was down at 18:00 and starts ${title} runs each missed slot once, in order, marked late`, async () => {
      await start().wake()
      await stop()
      for (let cycle = 2; cycle <= cycles; cycle += 1) await nextCycle(cycle)
      const last = cutOf(FIRST_CUT, cycles)
      await world.moveTo(last + now)
      clock.set(last + now)
      await start().wake()
      await runner?.wake()
      await expectCompleted(cycles)
      const reasons = (await daySlots(keeper.db)).map(({ lateReason }) => lateReason)
      expect(reasons[0]).to.equal(undefined)
      expect(reasons.at(-1)).to.equal(`started ${now} s after its time`)
      const report = await reportSlots(keeper.db, keeper.config, clock.now())
      const late = report.late.filter(({ job }) => job === 'settle-day')
      expect(late.map(({ cycle }) => cycle)).to.deep.equal(
        Array.from({ length: cycles - 1 }, (_, i) => i + 2),
      )
      await expectBooks(cycles)
    })
  }

  it('S-37 with the policy to skip, missed slots are reported and their cycles are settled by the latest', async () => {
    await start().wake()
    await stop()
    for (const cycle of [2, 3, 4]) await nextCycle(cycle)
    clock.set(cutOf(FIRST_CUT, 4) + 420)
    await start({ missedSlots: 'skip' }).wake()
    await runner?.wake()
    expect(await states()).to.deep.equal([
      [CUT, 'completed', 1],
      [CUT + DAY, 'skipped', 0],
      [CUT + 2 * DAY, 'skipped', 0],
      [CUT + 3 * DAY, 'completed', 1],
    ])
    const report = await reportSlots(keeper.db, keeper.config, clock.now())
    const skipped = report.skipped.filter(({ job }) => job === 'settle-day')
    expect(skipped.map(({ reason }) => reason)).to.deep.equal(
      Array(2).fill('missed, policy is skip'),
    )
    const [, day] = report.jobs
    expect([day?.job, day?.lastFinished, day?.next]).to.deep.equal([
      'settle-day',
      CUT + 3 * DAY,
      CUT + 4 * DAY,
    ])
    await expectBooks(4)
  })

  it('S-40 a clock set two days forward starts nothing and raises an alert; set right again, the day goes on', async () => {
    await start().wake()
    clock.jump(2 * DAY)
    await runner?.wake()
    await runner?.wake()
    await expectCompleted(1)
    const [alert] = alerts.active()
    expect([alert?.kind, alert?.facts['jumpSeconds']]).to.deep.equal(['clock-jump', 2 * DAY])
    await nextCycle(2)
    clock.jump(-2 * DAY)
    clock.advance(DAY)
    await runner?.wake()
    expect(alerts.active()).to.deep.equal([])
    await expectCompleted(2)
    await expectBooks(2)
  })

  it('S-40 a clock set two hours back runs no claimed slot again, neither while it is held nor after a restart', async () => {
    await start().wake()
    clock.jump(-2 * HOUR)
    await runner?.wake()
    expect(alerts.active().map(({ kind }) => kind)).to.deep.equal(['clock-jump'])
    // Past 18:00 on that clock for the second time: whoever restarts vouches for it.
    await stop()
    start()
    for (let step = 0; step < 3; step += 1) {
      clock.advance(HOUR)
      await runner?.wake()
    }
    await expectCompleted(1)
    await expectBooks(1)
  })

  it('S-40 a jump that the block time confirms (the machine slept) holds nothing', async () => {
    await start().wake()
    await nextCycle(2)
    clock.jump(DAY)
    await runner?.wake()
    expect(alerts.active()).to.deep.equal([])
    await expectCompleted(2)
    await expectBooks(2)
  })

  it('S-41 while the previous run is still going at the next 18:00, the next slot waits and is not skipped', async () => {
    const during: unknown[] = []
    keeper.onStep = async (step) => {
      if (step !== 'extracted' || during.length > 0) return
      during.push('busy')
      await nextCycle(2)
      clock.set(CUT + DAY)
      void runner?.wake()
      await clock.sleep(0)
      during.push(...(await states()))
    }
    await start({ missedSlots: 'skip' }).wake()
    expect(during).to.deep.equal(['busy', [CUT, 'running', 1]])
    await expectCompleted(2)
    await expectBooks(2)
  })

  it('S-44 a run by hand beside, before and after the scheduled one shares its slot: one run', async () => {
    const beside: unknown[] = []
    keeper.onStep = async (step) => {
      if (step !== 'extracted') return
      beside.push((await rejectionOf(runDaySlot(keeper, { cycle: 1 }))).code)
    }
    await start().wake()
    expect(beside).to.deep.equal(['RUN_IN_PROGRESS'])
    const after = await runDaySlot(keeper, { cycle: 1 })
    expect([after.txs, after.paid]).to.deep.equal([[], ETHER])
    await expectCompleted(1)

    await nextCycle(2)
    const before = await runDaySlot(keeper, { cycle: 2 })
    expect(before.txs.map(({ kind }) => kind)).to.deep.equal(['extract', 'transfer'])
    clock.set(CUT + DAY)
    await runner?.wake()
    await expectCompleted(2)
    await expectBooks(2)
  })
})
