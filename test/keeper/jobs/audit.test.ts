import { expect } from 'chai'
import { cutOf } from '../../../keeper/base/time.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import { runDaySlot, startRunner } from '../../../keeper/jobs/runner.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import { testClock } from '../../helpers/clock.ts'
import { faultyDb } from '../../helpers/faulty-db.ts'
import { FIRST_CUT, createWorld, makeMembers, pushCycle } from '../../helpers/muster.ts'

describe('a store that is away while a slot is claimed', function () {
  this.timeout(60_000)

  it('S-37 does not let a later slot pass over it for good', async () => {
    const members = makeMembers(12)
    const world = await createWorld({ members })
    const clock = testClock(FIRST_CUT)
    const keeper = await world.open({ clock })
    const online = members.map(() => 24)
    await pushCycle(world, keeper, 1, online)
    await runDaySlot(keeper, { cycle: 1 })
    for (const cycle of [2, 3]) await pushCycle(world, keeper, cycle, online)
    clock.set(cutOf(FIRST_CUT, 3) + 420)
    const faulty = faultyDb(keeper.db)
    const runner = startRunner({ ...keeper, db: faulty.db })
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
    expect(times.every((slot, i) => i === 0 || slot - (times[i - 1] ?? 0) === 3_600)).to.equal(true)
    await runner.stop()
    await closeKeeper(keeper)
    await world.close()
  })
})
