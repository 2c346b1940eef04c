import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { cutOf, isoTime, systemClock } from '../../keeper/base/time.ts'
import type { DeadManOrder } from '../helpers/dead-man-child.ts'
import { FIRST_CUT, createWorld, makeMembers, pushCycle, withKeeper } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'
import { startReceiver } from '../helpers/receiver.ts'
import type { Receiver } from '../helpers/receiver.ts'
import type { WatchedOrder } from '../helpers/watched-child.ts'

const KEEPER = fileURLToPath(new URL('../helpers/watched-child.ts', import.meta.url))
const WATCHER = fileURLToPath(new URL('../helpers/dead-man-child.ts', import.meta.url))
const MEMBERS = 3
const CUT = cutOf(FIRST_CUT, 1)
// Time for the process to start and to settle the slot of the day before.
const LEAD_SECONDS = 14
const GRACE_SECONDS = 600
const PATIENCE_MS = 40_000

describe('a keeper that is watched from outside', function () {
  this.timeout(120_000)
  let world: World
  let receiver: Receiver
  let log: string
  let aheadSeconds: number

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
    receiver = await startReceiver()
    log = join(world.home, 'keeper.log')
    const hours = Array<number>(MEMBERS).fill(24)
    await withKeeper(world, (keeper) => pushCycle(world, keeper, 1, hours))
    aheadSeconds = CUT - LEAD_SECONDS - systemClock.now()
  })
  afterEach(async () => {
    await receiver.close()
    await world.close()
  })

  function start(): ChildProcess {
    const order: WatchedOrder = {
      rpcUrl: world.node.url,
      home: world.home,
      logFile: log,
      aheadSeconds,
      pingUrl: `${receiver.url}/ping`,
      alertUrl: `${receiver.url}/keeper-alert`,
    }
    return spawn(process.execPath, [KEEPER, JSON.stringify(order)], { stdio: 'ignore' })
  }

  async function waitForSuccess(slot: number): Promise<void> {
    const end = systemClock.nowMs() + PATIENCE_MS
    const file = join(world.home, 'last-success')
    while (systemClock.nowMs() < end) {
      const text = await readFile(file, 'utf8').catch(() => '')
      if (text.includes(`"slot":${slot}`)) return
      await systemClock.sleep(50)
    }
    throw new Error(`no success of ${isoTime(slot)}`)
  }

  /** Another process, which has only the file, the clock, the zone and where to send the alert. */
  async function watch(secondsAfterSlot: number): Promise<{ code: number; said: string }> {
    const order: DeadManOrder = {
      aheadSeconds: CUT + secondsAfterSlot - systemClock.now(),
      file: join(world.home, 'last-success'),
      grace: String(GRACE_SECONDS),
      url: `${receiver.url}/outside-alert`,
    }
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
    const child = spawn(process.execPath, [WATCHER, JSON.stringify(order)], { stdio })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const [code] = (await once(child, 'exit')) as [number]
    return { code, said }
  }

  const outside = (): Receiver['calls'] =>
    receiver.calls.filter(({ path }) => path === '/outside-alert')

  it('S-49 killed by SIGKILL before its slot: the watcher is silent until the grace is over, then alerts', async () => {
    const keeper = start()
    await waitForSuccess(CUT - 86_400)
    keeper.kill('SIGKILL')
    await once(keeper, 'exit')
    expect(systemClock.now() + aheadSeconds, 'it was killed too late').to.be.below(CUT)

    expect((await watch(GRACE_SECONDS - 60)).code).to.equal(0)
    expect(outside()).to.have.length(0)
    const { code, said } = await watch(GRACE_SECONDS + 1)
    expect(code).to.equal(1)
    expect(said).to.include('SETTLEMENT_OVERDUE')
    expect(outside()).to.have.length(1)
    const [alert] = outside()
    expect(alert?.body).to.include({ kind: 'dead-man', severity: 'critical', state: 'raised' })
    expect(alert?.body['facts']).to.include({ due: isoTime(CUT), graceSeconds: GRACE_SECONDS })
  })

  it('S-49 alive over its slot: it pings, and the watcher stays silent', async () => {
    const keeper = start()
    await waitForSuccess(CUT)
    expect((await watch(GRACE_SECONDS + 1)).code).to.equal(0)
    expect(outside()).to.have.length(0)
    await receiver.until(2)
    keeper.kill('SIGTERM')
    expect(await once(keeper, 'exit')).to.deep.equal([0, null])
    const pings = receiver.calls.filter(({ path }) => path === '/ping')
    const days = pings.map(({ body }) => body['slot'])
    expect(days).to.deep.equal([CUT - 86_400, CUT])
    expect(receiver.calls.filter(({ path }) => path === '/ping/fail')).to.deep.equal([])
  })
})
