import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../keeper/base/time.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { listSlots } from '../../keeper/jobs/slots.ts'
import { startDaemon } from '../helpers/daemon.ts'
import type { Daemon } from '../helpers/daemon.ts'
import { KEYS } from '../helpers/deploy.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'

describe('the daemon, as a real process', function () {
  this.timeout(60_000)
  let world: World
  let log: string
  const daemons: Daemon[] = []

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(3) })
    log = join(world.home, 'keeper.log')
  })
  afterEach(async () => {
    for (const daemon of daemons.splice(0)) {
      daemon.kill('SIGKILL')
      await daemon.ended
    }
    await world.close()
  })

  function start(logFile = log): Daemon {
    // A minute into the first cycle: both jobs find nothing to do yet.
    const clockAt = { shows: FIRST_CUT + 60, machineAt: systemClock.now() }
    const daemon = startDaemon({ rpcUrl: world.node.url, home: world.home, logFile, clockAt })
    daemons.push(daemon)
    return daemon
  }

  it('stops on SIGTERM with exit code 0 and leaves the store to the next one (S-10)', async () => {
    const daemon = start()
    await daemon.says('runner-started')
    daemon.kill('SIGTERM')
    expect(await daemon.ended).to.deep.equal([0, null])
    await daemon.says('keeper-stopped')
    const db = await openStore({ home: world.home, clock: systemClock })
    const jobs = (await listSlots(db)).map(({ job }) => job)
    expect(jobs.every((job) => job === 'push-hours' || job === 'settle-day')).to.equal(true)
    await db.close()
  })

  it('S-43 does not start beside another one: exit code 75 within a second, and the first goes on unharmed', async () => {
    const first = start()
    await first.says('slot-completed', 2)
    const second = start(join(world.home, 'second.log'))
    // Node's own start is not ours to hurry.
    await second.says('child-started')
    const startedMs = systemClock.nowMs()
    expect(await second.ended).to.deep.equal([75, null])
    expect(systemClock.nowMs() - startedMs).to.be.below(1_000)
    expect((await second.says('keeper-refused'))['code']).to.equal('STORE_LOCKED')
    // It still holds its store: a third one is refused just the same, and it ends in order.
    const third = start(join(world.home, 'third.log'))
    expect(await third.ended).to.deep.equal([75, null])
    first.kill('SIGINT')
    expect(await first.ended).to.deep.equal([0, null])
    const faults = (await first.lines()).filter(({ level }) => level === 'error' || level === 50)
    expect(faults).to.deep.equal([])
    const db = await openStore({ home: world.home, clock: systemClock })
    const slots = await listSlots(db)
    expect(slots.map(({ status }) => status)).to.deep.equal(['completed', 'completed'])
    await db.close()
  })

  it('writes no key into its log (S-48)', async () => {
    const daemon = start()
    await daemon.says('runner-started')
    daemon.kill('SIGTERM')
    await daemon.ended
    const text = await readFile(log, 'utf8')
    for (const key of Object.values(KEYS)) expect(text).to.not.contain(key.slice(2))
  })
})
