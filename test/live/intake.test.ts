import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { SECONDS_PER_HOUR, hourOf, startOfHour, systemClock } from '../../keeper/base/time.ts'
import type { Hour } from '../../keeper/base/time.ts'
import { startAgent } from '../../keeper/heartbeat/agent/agent.ts'
import type { Agent } from '../../keeper/heartbeat/agent/agent.ts'
import { findHour, readClosedHour } from '../../keeper/heartbeat/tally/closed-hours.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import type { Daemon } from '../helpers/daemon.ts'
import { startDaemon } from '../helpers/daemon.ts'
import type { DaemonOrder } from '../helpers/daemon-child.ts'
import { POSTGRES_URL, createDatabase } from '../helpers/databases.ts'
import type { TestDatabase } from '../helpers/databases.ts'
import { nodeKey } from '../helpers/intake-desk.ts'
import { connectNode, keyedMembers } from '../helpers/intake-service.ts'
import { FIRST_CUT, createWorld } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'

const NODES = 3
const LEASE_MS = 3_000
// What is counted is stored every two seconds; a little more for a slow machine.
const FLUSHED_MS = 2_500

describe('the intake, as a real process', function () {
  this.timeout(120_000)
  let world: World
  let runs = 0
  const daemons: Daemon[] = []
  const agents: Agent[] = []

  beforeEach(async () => {
    world = await createWorld({ members: keyedMembers(NODES), pool: 0n })
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.stop()
    for (const daemon of daemons.splice(0)) {
      daemon.kill('SIGKILL')
      await daemon.ended
    }
    await world.close()
  })

  async function start(order: Partial<DaemonOrder> = {}): Promise<{ daemon: Daemon; url: string }> {
    runs += 1
    const home = order.home ?? world.home
    const logFile = join(home, `intake-${runs}.log`)
    const clockAt = { shows: FIRST_CUT + 1_200, machineAt: systemClock.now() }
    const time = order.pace ? {} : { clockAt }
    const given = { rpcUrl: world.node.url, home, logFile, intakePort: 0, ...time, ...order }
    const daemon = startDaemon(given)
    daemons.push(daemon)
    const { port } = await daemon.says('intake-listening')
    return { daemon, url: `http://127.0.0.1:${String(port)}` }
  }

  async function helloStatus(url: string): Promise<number> {
    return (await fetch(`${url}/v1/hello`)).status
  }

  it('killed in the middle of an hour keeps what it had counted, and counts nobody twice', async () => {
    const first = await start()
    await first.daemon.says('runner-started')
    for (let i = 0; i < NODES; i += 1) {
      const node = await connectNode(first.url)
      expect(await node.login(nodeKey(i))).to.include({ count: 0 })
      expect(await node.beat()).to.include({ count: 1 })
    }
    await systemClock.sleep(FLUSHED_MS)
    first.daemon.kill('SIGKILL')
    await first.daemon.ended
    const second = await start()
    await second.daemon.says('runner-started')
    for (let i = 0; i < NODES; i += 1) {
      const node = await connectNode(second.url)
      expect(await node.login(nodeKey(i))).to.include({ count: 1 })
      expect(await node.beat()).to.include({ count: 1, why: 'too-soon' })
      node.end()
    }
    second.daemon.kill('SIGTERM')
    expect(await second.daemon.ended).to.deep.equal([0, null])
  })

  it('restarted in the middle of an hour loses it for nobody: the agents come back, and the hour is pushed with all of them', async () => {
    // An hour of the origin's rule in 15 seconds, from ten minutes before it.
    const factor = 240
    const hour = hourOf(FIRST_CUT) + 1
    const startMs = startOfHour(hour) * 1_000 - 600_000
    const pace = { factor, startMs, startedAtMs: systemClock.nowMs() }
    await world.moveTo(startOfHour(hour + 1) + 1)
    const untilVirtual = async (unix: number): Promise<void> => {
      const dueMs = pace.startedAtMs + (unix * 1_000 - startMs) / factor
      await systemClock.sleep(Math.max(0, dueMs - systemClock.nowMs()))
    }
    const first = await start({ pace })
    for (let i = 0; i < NODES; i += 1) {
      agents.push(startAgent({ key: keyOf(i), intakes: [first.url] }))
    }
    await untilVirtual(startOfHour(hour) + SECONDS_PER_HOUR / 3)
    first.daemon.kill('SIGKILL')
    await first.daemon.ended
    const second = await start({ pace, intakePort: Number(new URL(first.url).port) })
    await pushed(second.daemon, hour)
    const { expected, rows } = await closedHour(second.daemon, hour)
    expect(expected).to.be.within(47, 79)
    expect(rows.map(({ online }) => online)).to.deep.equal([true, true, true])
    const [word = 0n] = await world.muster.registry.snapshotOf(
      hour,
      world.muster.deployment.reporter,
    )
    expect(word).to.equal(0b111n)
  })

  const keyOf = (index: number) => {
    const wallet = nodeKey(index)
    const address = wallet.address as `0x${string}`
    const sign = async (typed: { domain: object; types: object; value: object }) =>
      (await wallet.signTypedData(
        typed.domain,
        typed.types as never,
        typed.value as never,
      )) as `0x${string}`
    return { address, signTypedData: sign }
  }

  async function pushed(daemon: Daemon, hour: Hour): Promise<void> {
    for (let n = 1; ; n += 1) {
      const line = await daemon.says('snapshot-pushed', n)
      if (line['hour'] === hour) return
    }
  }

  async function closedHour(daemon: Daemon, hour: Hour) {
    daemon.kill('SIGTERM')
    expect(await daemon.ended).to.deep.equal([0, null])
    const db = await openStore({ home: world.home, clock: systemClock })
    try {
      const closed = await readClosedHour(db, hour)
      if (!closed) throw new Error(`hour ${hour} is not closed`)
      expect((await findHour(db, hour))?.txHash).to.match(/^0x/)
      return closed
    } finally {
      await db.close()
    }
  }

  if (POSTGRES_URL !== undefined) {
    describe('on one PostgreSQL with another one', () => {
      let database: TestDatabase
      let otherHome: string
      beforeEach(async () => {
        database = await createDatabase()
        otherHome = await mkdtemp(join(tmpdir(), 'muster-intake-'))
        await cp(join(world.home, 'deployments'), join(otherHome, 'deployments'), {
          recursive: true,
        })
      })
      afterEach(async () => {
        for (const daemon of daemons.splice(0)) {
          daemon.kill('SIGKILL')
          await daemon.ended
        }
        await database.drop()
        await rm(otherHome, { recursive: true, force: true })
      })

      it('of two intakes for one reporter key one counts; the other says INTAKE_STANDBY and goes on with the same counts when the first is killed', async () => {
        const databaseUrl = database.url
        const first = await start({ databaseUrl, leaseMs: LEASE_MS })
        await first.daemon.says('runner-started')
        const second = await start({ databaseUrl, leaseMs: LEASE_MS, home: otherHome })
        await second.daemon.says('keeper-stands-by')
        expect([await helloStatus(first.url), await helloStatus(second.url)]).to.deep.equal([
          200, 503,
        ])
        const node = await connectNode(first.url)
        await node.login(nodeKey(0))
        expect(await node.beat()).to.include({ count: 1 })
        await systemClock.sleep(FLUSHED_MS)
        first.daemon.kill('SIGKILL')
        await second.daemon.says('runner-started')
        const again = await connectNode(second.url)
        expect(await again.login(nodeKey(0))).to.include({ count: 1 })
        again.end()
      })
    })
  }
})
