import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { systemClock } from '../../keeper/base/time.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { listSlots } from '../../keeper/jobs/slots.ts'
import { KEYS } from '../helpers/deploy.ts'
import { createWorld, makeMembers } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'

const CHILD = fileURLToPath(new URL('../helpers/daemon-child.ts', import.meta.url))
const PATIENCE_MS = 20_000

describe('the daemon, as a real process', function () {
  this.timeout(60_000)
  let world: World
  let log: string

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(3) })
    log = join(world.home, 'keeper.log')
  })
  afterEach(() => world.close())

  function start(): ChildProcess {
    const order = JSON.stringify({ rpcUrl: world.node.url, home: world.home, logFile: log })
    return spawn(process.execPath, [CHILD, order], { stdio: 'ignore' })
  }

  /** Until the log has the event: the process writes each line before it goes on. */
  async function waitForEvent(event: string): Promise<void> {
    const end = systemClock.nowMs() + PATIENCE_MS
    while (systemClock.nowMs() < end) {
      const text = await readFile(log, 'utf8').catch(() => '')
      if (text.includes(`"${event}"`)) return
      await systemClock.sleep(20)
    }
    throw new Error(`no ${event} in the log`)
  }

  it('stops on SIGTERM with exit code 0 and leaves the store to the next one (S-10)', async () => {
    const child = start()
    await waitForEvent('runner-started')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).to.deep.equal([0, null])
    await waitForEvent('keeper-stopped')
    const db = await openStore({ home: world.home, clock: systemClock })
    const jobs = (await listSlots(db)).map(({ job }) => job)
    expect(jobs.every((job) => job === 'push-hours' || job === 'settle-day')).to.equal(true)
    await db.close()
  })

  it('does not start beside another one: exit code 75, and the first goes on (S-43)', async () => {
    const first = start()
    await waitForEvent('runner-started')
    const second = start()
    expect(await once(second, 'exit')).to.deep.equal([75, null])
    expect(first.exitCode).to.equal(null)
    first.kill('SIGINT')
    expect(await once(first, 'exit')).to.deep.equal([0, null])
  })

  it('writes no key into its log (S-48)', async () => {
    const child = start()
    await waitForEvent('runner-started')
    child.kill('SIGTERM')
    await once(child, 'exit')
    const text = await readFile(log, 'utf8')
    for (const key of Object.values(KEYS)) expect(text).to.not.contain(key.slice(2))
  })
})
