import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cutOf, systemClock } from '../../../keeper/base/time.ts'
import { openStore } from '../../../keeper/store/open-store.ts'
import type { DaemonOrder } from '../../helpers/daemon-child.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from '../../helpers/day-oracle.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  withKeeper,
} from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'

const CHILD = fileURLToPath(new URL('../../helpers/daemon-child.ts', import.meta.url))
const MEMBERS = 10
const CUT = cutOf(FIRST_CUT, 1)
// Time for the process to start and to look once before the slot comes.
const LEAD_SECONDS = 8
const STOPPED_MS = 5_000
const PATIENCE_MS = 30_000

describe('a process that stood still across 18:00', function () {
  this.timeout(120_000)
  let world: World
  let log: string

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
    log = join(world.home, 'keeper.log')
    await withKeeper(world, (keeper) =>
      pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24)),
    )
  })
  afterEach(() => world.close())

  async function waitForEvent(event: string, patienceMs = PATIENCE_MS): Promise<void> {
    const end = systemClock.nowMs() + patienceMs
    while (systemClock.nowMs() < end) {
      const text = await readFile(log, 'utf8').catch(() => '')
      if (text.includes(`"${event}"`)) return
      await systemClock.sleep(20)
    }
    throw new Error(`no ${event} in the log`)
  }

  it('S-38 stopped by SIGSTOP before the slot and woken after it, runs the slot once, though cron never saw it', async () => {
    const machineAt = systemClock.now()
    const clockAt = { shows: CUT - LEAD_SECONDS, machineAt }
    const order: DaemonOrder = { rpcUrl: world.node.url, home: world.home, logFile: log, clockAt }
    const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    await waitForEvent('runner-started')
    await waitForEvent('slot-completed')
    child.kill('SIGSTOP')
    const shows = systemClock.now() - machineAt + CUT - LEAD_SECONDS
    expect(shows, 'the process was too slow to start').to.be.below(CUT)
    await systemClock.sleep((CUT - shows) * 1_000 + STOPPED_MS)
    expect(await readFile(log, 'utf8')).to.not.contain('"day-done"')

    child.kill('SIGCONT')
    await waitForEvent('day-done')
    child.kill('SIGTERM')
    expect(await ended).to.deep.equal([0, null])
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
