import { expect } from 'chai'
import type { Address } from '../../../keeper/base/schema.ts'
import { cutOf, hourOf, hoursOf, startOfHour } from '../../../keeper/base/time.ts'
import type { Evidence } from '../../../keeper/heartbeat/evidence.ts'
import { runDaySlot, startRunner } from '../../../keeper/jobs/runner.ts'
import type { Runner } from '../../../keeper/jobs/runner.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { listActions } from '../../../keeper/validators/action-log.ts'
import { testClock } from '../../helpers/clock.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'
import { faultyDb } from '../../helpers/faulty-db.ts'
import { FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const MEMBERS = makeMembers(12)
const NODES = MEMBERS.map(({ node }) => node as Address)
const LAST_HOUR = hoursOf(hourOf(FIRST_CUT), 1)[23] ?? 0
const CUT = cutOf(FIRST_CUT, 1)

/** Everybody is up in the hours that are known. */
const evidenceOf = (isKnown: (hour: number) => boolean): Evidence => ({
  name: 'test',
  nodesIn: async (hour) => (isKnown(hour) ? NODES : undefined),
})

describe('the runner', function () {
  this.timeout(60_000)
  let world: World
  let keeper: Keeper
  let clock: TestClock
  let runner: Runner | undefined

  beforeEach(async () => {
    world = await createWorld({ members: MEMBERS })
    clock = testClock(FIRST_CUT)
    keeper = await world.open({ clock })
  })
  afterEach(async () => {
    await runner?.stop()
    runner = undefined
    await closeKeeper(keeper)
    await world.close()
  })

  async function moveTo(unix: number): Promise<void> {
    await world.moveTo(unix)
    clock.set(unix)
  }

  /** Twenty-three hours by hand; the last one is left to the runner. */
  async function pushAllButLast(): Promise<void> {
    const source = evidenceOf((hour) => hour < LAST_HOUR)
    runner = startRunner(keeper, { evidence: source })
    for (const hour of hoursOf(hourOf(FIRST_CUT), 1).slice(0, 23)) {
      await moveTo(startOfHour(hour + 1))
      await runner.wake()
    }
    await runner.stop()
  }

  const slots = async (job: string): Promise<string[]> =>
    (await listSlots(keeper.db)).filter((slot) => slot.job === job).map(({ status }) => status)

  it('pushes the hour that closes at 18:00 before it extracts, so the day has 24 snapshots (Z-43, Z-41)', async () => {
    await pushAllButLast()
    await moveTo(CUT)
    runner = startRunner(keeper, { evidence: evidenceOf(() => true) })
    await runner.wake()
    const actions = (await listActions(keeper.db)).toReversed().map(({ action }) => action)
    expect(actions.slice(-4)).to.deep.equal(['snapshot', 'extract', 'transfer', 'transfer'])
    expect(actions).to.have.length(24 + 3)
    const cycle = await world.muster.rewards.cycle(1)
    expect([Number(cycle.snapshots), Number(cycle.eligible)]).to.deep.equal([24, 12])
    const [day] = (await listSlots(keeper.db)).filter(({ job }) => job === 'settle-day')
    expect([day?.status, day?.slot, day?.cycle, day?.trigger]).to.deep.equal([
      'completed',
      CUT,
      1,
      'schedule',
    ])
  })

  it('marks a slot late with the reason while evidence is missing, and completes it later (R-04, Z-55)', async () => {
    await pushAllButLast()
    await moveTo(CUT)
    runner = startRunner(keeper, { evidence: evidenceOf((hour) => hour < LAST_HOUR) })
    await runner.wake()
    const [late] = (await listSlots(keeper.db)).filter(({ job }) => job === 'settle-day')
    expect(late?.status).to.equal('available')
    expect(late?.lateReason).to.contain('not final')
    expect(await slots('push-hours')).to.include('available')
    await runner.stop()
    runner = startRunner(keeper, { evidence: evidenceOf(() => true) })
    await runner.wake()
    expect(new Set(await slots('settle-day'))).to.deep.equal(new Set(['completed']))
    expect(await slots('push-hours')).to.not.include('available')
  })

  it('after three days settles the missed cycles in order, one run each (S-37, Z-55)', async () => {
    const all = Array<number>(12).fill(24)
    await pushCycle(world, keeper, 1, all)
    await runDaySlot(keeper, { cycle: 1 })
    await pushCycle(world, keeper, 2, all)
    await pushCycle(world, keeper, 3, all)
    clock.set(cutOf(FIRST_CUT, 3) + 420)
    runner = startRunner(keeper)
    await runner.wake()
    expect(await slots('settle-day')).to.deep.equal(['completed', 'completed', 'completed'])
    expect(await world.muster.rewards.nextCycle()).to.equal(4n)
    await runner.wake()
    const extracts = (await listActions(keeper.db)).filter(({ action }) => action === 'extract')
    expect(extracts.toReversed().map(({ targets }) => targets[0])).to.deep.equal([1, 2, 3])
  })

  it('never runs one job twice at a time: by hand beside the schedule is refused (S-44, Z-55)', async () => {
    await pushCycle(world, keeper, 1, Array<number>(12).fill(24))
    clock.set(CUT)
    runner = startRunner(keeper)
    let other: Promise<unknown> | undefined
    keeper.onStep = () => {
      other ??= rejectionOf(runDaySlot(keeper, { cycle: 1 })).then(({ code }) => code)
    }
    await Promise.all([runner.wake(), runner.wake()])
    expect(await other).to.equal('RUN_IN_PROGRESS')
    const actions = (await listActions(keeper.db)).map(({ action }) => action)
    expect(actions.filter((action) => action === 'extract')).to.have.length(1)
    const [slot] = (await listSlots(keeper.db)).filter(({ job }) => job === 'settle-day')
    expect([slot?.status, slot?.attempts]).to.deep.equal(['completed', 1])
  })

  it('is refused with a zone whose slots do not fit the cuts, and the right cut is named (R-02)', () => {
    const zone = { ...keeper, config: { ...keeper.config, zone: 'America/New_York' } }
    runner = startRunner(zone)
    const kolkata = { ...keeper, config: { ...keeper.config, zone: 'Asia/Kolkata' } }
    expect(codeOf(() => startRunner(kolkata))).to.equal('ZONE_GRID_MISFIT')
  })

  describe('a store that is away while a slot is claimed', () => {
    it('S-37 does not let a later slot pass over it for good', async () => {
      const all = Array<number>(12).fill(24)
      await pushCycle(world, keeper, 1, all)
      await runDaySlot(keeper, { cycle: 1 })
      for (const cycle of [2, 3]) await pushCycle(world, keeper, cycle, all)
      clock.set(cutOf(FIRST_CUT, 3) + 420)
      const faulty = faultyDb(keeper.db)
      runner = startRunner({ ...keeper, db: faulty.db })
      const settled = async (): Promise<string[]> => {
        const days = (await listSlots(keeper.db, 1_000)).filter(({ job }) => job === 'settle-day')
        return days.map(({ cycle, status }) => `${cycle} ${status}`).toSorted()
      }
      faulty.fail(/insert into job_run .*'running'/s, { times: 1 })
      await runner.wake()
      await runner.wake()
      expect(faulty.failed).to.have.length(1)
      expect(await settled()).to.deep.equal(['1 completed', '2 completed', '3 completed'])
      const hours = (await listSlots(keeper.db, 1_000)).filter(({ job }) => job === 'push-hours')
      const times = hours.map(({ slot }) => slot).toSorted((a, b) => a - b)
      const isHourly = times.every((slot, i) => i === 0 || slot - (times[i - 1] ?? 0) === 3_600)
      expect(isHourly).to.equal(true)
    })
  })
})
