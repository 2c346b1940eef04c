import { expect } from 'chai'
import type { Address } from '../../../keeper/base/schema.ts'
import { cutOf, hourOf, hoursOf, startOfHour } from '../../../keeper/base/time.ts'
import type { Evidence } from '../../../keeper/heartbeat/evidence.ts'
import { startRunner } from '../../../keeper/jobs/runner.ts'
import { readSlotFigures } from '../../../keeper/jobs/slot-figures.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import { jobsOf } from '../../../keeper/jobs/jobs.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import type { Keeper, KeeperDeps } from '../../../keeper/keeper.ts'
import { walletSigner } from '../../../keeper/chain/keys/signer.ts'
import { testClock } from '../../helpers/clock.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { testLog } from '../../helpers/logs.ts'

const MEMBERS = makeMembers(4)
const CUT = cutOf(FIRST_CUT, 1)
const EVERYBODY: Evidence = {
  name: 'test',
  nodesIn: async () => MEMBERS.map(({ node }) => node as Address),
}

describe('the jobs of a process', function () {
  this.timeout(60_000)
  let world: World
  let clock: TestClock
  const opened: Keeper[] = []

  beforeEach(async () => {
    world = await createWorld({ members: MEMBERS })
    clock = testClock(FIRST_CUT)
  })
  afterEach(async () => {
    for (const keeper of opened.splice(0)) await closeKeeper(keeper)
    await world.close()
  })

  /** With that one key; each in a home of its own, as on two machines. */
  async function open(role: 'reporter' | 'keeper', home: string): Promise<Keeper> {
    const deps: KeeperDeps = {
      log: testLog,
      clock,
      roles: [role],
      signers: { [role]: walletSigner(KEYS[role]) },
    }
    const keeper = await world.open(deps, home)
    opened.push(keeper)
    return keeper
  }

  async function wakeAt(unix: number, keeper: Keeper, evidence?: Evidence): Promise<void> {
    await world.moveTo(unix)
    clock.set(unix)
    const runner = startRunner(keeper, { evidence })
    await runner.wake()
    await runner.stop()
  }

  it('are those of its keys: a monitor only pushes, and holds no other key', async () => {
    const monitor = await open('reporter', world.home)
    expect(jobsOf(monitor).map(({ name }) => name)).to.deep.equal(['push-hours'])
    const [first = 0] = hoursOf(hourOf(FIRST_CUT), 1)
    await wakeAt(startOfHour(first + 1), monitor, EVERYBODY)
    expect((await listSlots(monitor.db)).map(({ job }) => job)).to.deep.equal(['push-hours'])
    expect(await world.muster.registry['snapshotCount(uint32)'](1)).to.equal(1n)
    const figures = await readSlotFigures(monitor.db, clock.now(), jobsOf(monitor))
    expect(figures.map(({ job }) => job)).to.deep.equal(['push-hours'])
  })

  it('are shared: a keeper without the reporter key waits for the hours that the monitor pushes, then settles', async () => {
    const monitor = await open('reporter', world.home)
    const settler = await open('keeper', `${world.home}/settler`)
    const hours = hoursOf(hourOf(FIRST_CUT), 1)
    for (const hour of hours.slice(0, 23)) {
      await wakeAt(startOfHour(hour + 1), monitor, EVERYBODY)
    }
    await wakeAt(CUT, settler)
    const [waiting] = await listSlots(settler.db)
    expect([waiting?.job, waiting?.status]).to.deep.equal(['settle-day', 'available'])
    expect(waiting?.lateReason).to.contain('not final')
    await wakeAt(CUT + 5, monitor, EVERYBODY)
    await wakeAt(CUT + 10, settler)
    expect((await listSlots(settler.db)).map(({ status }) => status)).to.deep.equal(['completed'])
    const cycle = await world.muster.rewards.cycle(1)
    expect([Number(cycle.snapshots), Number(cycle.eligible)]).to.deep.equal([24, 4])
  })
})
