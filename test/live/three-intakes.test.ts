import { expect } from 'chai'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import { startIntakeService } from '../../keeper/api/intake/service.ts'
import type { IntakeService } from '../../keeper/api/intake/service.ts'
import { logAlerts } from '../../keeper/base/alerts.ts'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { hourOf, scaledClock, startOfHour, systemClock } from '../../keeper/base/time.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { startAgent } from '../../keeper/heartbeat/agent/agent.ts'
import type { Agent } from '../../keeper/heartbeat/agent/agent.ts'
import { closeKeeper } from '../../keeper/keeper.ts'
import type { Keeper } from '../../keeper/keeper.ts'
import { pushHours } from '../../keeper/validators/push-hours.ts'
import { readReporterView } from '../../keeper/validators/reporter-view.ts'
import { readValidator } from '../../keeper/validators/validator-view.ts'
import { KEYS } from '../helpers/deploy.ts'
import { nodeKey } from '../helpers/intake-desk.ts'
import { keyedMembers } from '../helpers/intake-service.ts'
import { testLog } from '../helpers/logs.ts'
import { FIRST_CUT, createWorld } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'

// An hour in six seconds: a beat each 75 ms.
const PACE = 600
const NODES = 4
const REPORTERS = [KEYS.reporter, `0x${'b'.repeat(64)}`, `0x${'c'.repeat(64)}`] as Hex[]

interface Monitor {
  home: string
  keeper: Keeper
  service: IntakeService
}

/** Each with its own key, home, store, port and tally; the nodes beat to all of them. */
describe('three intakes of three reporters', function () {
  this.timeout(90_000)
  let world: World
  const monitors: Monitor[] = []
  const agents: Agent[] = []
  const clock = scaledClock({ startMs: (FIRST_CUT - 60) * 1_000, factor: PACE })

  before(async () => {
    world = await createWorld({ members: keyedMembers(NODES), pool: 0n })
    const { registry, deployment } = world.muster
    for (const key of REPORTERS.slice(1)) {
      const { address } = new Wallet(key)
      await world.node.request('hardhat_setBalance', [address, '0x56bc75e2d63100000'])
      const data = registry.interface.encodeFunctionData('addReporter', [address])
      await world.muster.asAdmin(deployment.registry, data)
    }
    const homes = [world.home, await copyOf(world.home), await copyOf(world.home)]
    await world.moveTo(FIRST_CUT - 60)
    for (const [i, key] of REPORTERS.entries()) {
      monitors.push(await openMonitor(homes[i] ?? '', key))
    }
  })
  after(async () => {
    await Promise.all(agents.map((agent) => agent.stop()))
    for (const { home, keeper, service } of monitors) {
      await service.close()
      await closeKeeper(keeper)
      await rm(home, { recursive: true, force: true })
    }
    await world.close()
  })

  /** Before it was used: a new store takes seconds to make. */
  async function copyOf(home: string): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'muster-monitor-'))
    await cp(home, copy, { recursive: true })
    return copy
  }

  async function openMonitor(home: string, key: Hex): Promise<Monitor> {
    const signers = { reporter: walletSigner(key) }
    const keeper = await world.open({ signers, roles: ['reporter'], clock }, home)
    const service = await startIntakeService(
      { ...keeper, config: { ...keeper.config, intakePort: 0 } },
      { alerts: logAlerts(testLog, systemClock), clock, paceFactor: PACE },
    )
    return { home, keeper, service }
  }

  it('a node that reaches two of three counts as up; one that reaches one alone does not (R-11, Z-40)', async () => {
    const urls = monitors.map(({ service }) => service.url)
    // Node 3 beats for nobody; node 2 is heard by the third monitor alone.
    const heardBy = [urls, urls.slice(0, 2), urls.slice(2), []]
    for (const [n, intakes] of heardBy.entries()) {
      if (intakes.length === 0) continue
      agents.push(startAgent({ key: walletSigner(nodeKey(n).privateKey), intakes }))
    }
    clock.start()
    const hour = hourOf(FIRST_CUT)
    const end = startOfHour(hour + 1)
    // The tally closes an hour a little after its end.
    await clock.sleep((end - clock.now() + 300) * 1_000)
    await Promise.all(monitors.map(({ service }) => closed(service, hour)))
    await world.moveTo(end + 120)
    for (const { keeper, service } of monitors) {
      const { evidence } = service
      await pushHours(keeper, 1, { job: 'push-hours', trigger: 'manual', evidence })
    }

    const room = { client: world.node.client, contracts: world.muster }
    const states: (string | undefined)[] = []
    for (let n = 0; n < NODES; n += 1) {
      const { validators } = await readValidator(room, String(n), { decided: 0 })
      const first = validators[0]?.cycles[0]?.hours[0]
      states.push(first && `${first.state}: ${first.seenBy} of ${first.pushedBy}`)
    }
    expect(states).to.deep.equal([
      'online: 3 of 3',
      'online: 2 of 3',
      'offline: 1 of 3',
      'offline: 0 of 3',
    ])
    const { cycles } = await readReporterView(room, 1)
    const outvoted = cycles[0]?.reporters.map(({ reporter, about, differing }) => [
      reporter,
      differing,
      about.map(({ index }) => index),
    ])
    const addresses = REPORTERS.map((key) => new Wallet(key).address as Address)
    expect(outvoted).to.deep.equal([
      [addresses[0], { up: 0, down: 0 }, []],
      [addresses[1], { up: 0, down: 0 }, []],
      [addresses[2], { up: 1, down: 1 }, [1, 2]],
    ])
  })

  async function closed({ evidence }: IntakeService, hour: number): Promise<void> {
    for (let look = 0; look < 100; look += 1) {
      if ((await evidence.nodesIn(hour)) !== undefined) return
      await systemClock.sleep(100)
    }
    throw new Error(`hour ${hour} was not closed`)
  }
})
