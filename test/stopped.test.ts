import { join } from 'node:path'
import { expect } from 'chai'
import { cutOf, systemClock } from '../keeper/base/time.ts'
import { openStore } from '../keeper/store/open-store.ts'
import { startDaemon } from './helpers/daemon.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from './helpers/day-oracle.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  withKeeper,
} from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const MEMBERS = 10
const CUT = cutOf(FIRST_CUT, 1)
// Time for the process to start and to look once before the slot comes.
const LEAD_SECONDS = 15
const STOPPED_MS = 5_000

describe('a process that stood still across 18:00', function () {
  this.timeout(120_000)
  let world: World

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
    await withKeeper(world, (keeper) =>
      pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24)),
    )
  })
  afterEach(() => world.close())

  it('S-38 stopped by SIGSTOP before the slot and woken after it, runs the slot once, though cron never saw it', async () => {
    const machineAt = systemClock.now()
    const clockAt = { shows: CUT - LEAD_SECONDS, machineAt }
    const logFile = join(world.home, 'keeper.log')
    const daemon = startDaemon({ rpcUrl: world.node.url, home: world.home, logFile, clockAt })
    await daemon.says('slot-completed', 2)
    daemon.kill('SIGSTOP')
    const shows = systemClock.now() - machineAt + CUT - LEAD_SECONDS
    expect(shows, 'the process was too slow to start').to.be.below(CUT)
    await systemClock.sleep((CUT - shows) * 1_000 + STOPPED_MS)
    const before = (await daemon.lines()).map(({ event }) => event)
    expect(before).to.not.include('day-done')

    daemon.kill('SIGCONT')
    await daemon.says('day-done')
    daemon.kill('SIGTERM')
    expect(await daemon.ended).to.deep.equal([0, null])
    const db = await openStore({ home: world.home, clock: systemClock })
    const slots = (await daySlots(db)).filter(({ slot }) => slot >= CUT)
    expect(slots.map(({ slot, status, attempts }) => [slot, status, attempts])).to.deep.equal([
      [CUT, 'completed', 1],
    ])
    await expectJournalComplete(world, db)
    await db.close()
    await expectPaidOnce(world, { members: MEMBERS, share: ETHER / 10n, cycles: 1 })
  })
})
