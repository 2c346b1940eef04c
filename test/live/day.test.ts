// Fifty real agents for a compressed day: who was killed when decides what the chain says and whom it pays.
import { expect } from 'chai'
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Wallet } from 'ethers'
import { startIntakeService } from '../../keeper/api/intake/service.ts'
import type { IntakeService, ServiceFigures } from '../../keeper/api/intake/service.ts'
import { logAlerts } from '../../keeper/base/alerts.ts'
import { waitFor } from '../../keeper/base/retry.ts'
import type { Address } from '../../keeper/base/schema.ts'
import { hourOf, hoursOf, scaledClock, systemClock } from '../../keeper/base/time.ts'
import { createKeystore } from '../../keeper/chain/keys/signer.ts'
import { openAgents } from '../../keeper/commands/live-agents.ts'
import type { Agents, AgentSpec } from '../../keeper/commands/live-agents.ts'
import { liveDay, playMoves } from '../../keeper/commands/live-day.ts'
import {
  LIVE_SETTINGS,
  hoursUp,
  isUpAtFirst,
  movesOf,
} from '../../keeper/commands/live-schedule.ts'
import { loadConfig } from '../../keeper/config.ts'
import { indicesOf } from '../../keeper/heartbeat/words.ts'
import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import type { Keeper } from '../../keeper/keeper.ts'
import type { DayReport } from '../../keeper/validators/day.ts'
import type { LiarOrder } from '../helpers/liar-child.ts'
import { ROLES, VICTIM } from '../helpers/live-roles.ts'
import type { Role } from '../helpers/live-roles.ts'
import { FIRST_CUT, createWorld, testDeps } from '../helpers/muster.ts'
import type { World } from '../helpers/muster.ts'
import { testLog } from '../helpers/logs.ts'
import { endChild } from '../helpers/programs.ts'

// An hour in 7.2 seconds, a ping in 200 ms: fifty processes need their time on two cores.
const FACTOR = 500
const LEAD_SECONDS = 300
const GATHER_LIMIT_MS = 180_000
// An odd number of wei, so that something is left of the division.
const POOL = 10n ** 18n + 7n
const ELIGIBLE_HOURS = 20
const PASSWORD = 'a password of the live test'

interface Seat extends Role {
  node: Address
  fund: Address
  /** What its process signs with, rightly or not. */
  key: string
}

describe('a day of fifty agents', function () {
  // The day is 173 s; on a busy machine the agents take a minute to come.
  this.timeout(600_000)
  const clock = scaledClock({ startMs: (FIRST_CUT - LEAD_SECONDS) * 1_000, factor: FACTOR })
  const seats = ROLES.map(seatOf)
  let world: World
  let keeper: Keeper
  let service: IntakeService
  let agents: Agents
  let day: DayReport
  let figures: ServiceFigures
  const liars = new Map<string, ChildProcess>()

  before(async () => {
    world = await createWorld({ members: seats, pool: POOL, isNodeApart: true })
    const place = {
      rpcUrl: world.node.url,
      home: world.home,
      deploymentsDir: join(world.home, 'deployments'),
    }
    const config = loadConfig({}, { ...place, ...LIVE_SETTINGS, pollMs: '20' })
    keeper = await openKeeper(config, { ...testDeps(), clock })
    const alerts = logAlerts(testLog)
    service = await startIntakeService(keeper, { alerts, clock, paceFactor: FACTOR })
    agents = openAgents(await specsOf(seats, world.home), {
      intakes: [service.url],
      passwordFile: join(world.home, 'password'),
      env: keptForLogs(),
    })
    day = await play()
    figures = service.figures()
  })
  after(async () => {
    await agents?.stop()
    await Promise.all([...liars.values()].map((child) => endChild(child)))
    await service?.close()
    if (keeper) await closeKeeper(keeper)
    await world?.close()
  })

  async function play(): Promise<DayReport> {
    const stop = new AbortController()
    const first = seats.filter(({ outages }) => isUpAtFirst(outages))
    const honest = first.filter(({ lies }) => lies === undefined)
    for (const { name } of honest) agents.start(name)
    await gathered(honest.length)
    for (const seat of seats) if (seat.lies) liars.set(seat.name, startLiar(seat))
    for (const { name, hasWrongKey } of seats) if (hasWrongKey) agents.start(name)
    const moves = seats.flatMap(({ name, outages, hasWrongKey }) =>
      hasWrongKey ? [] : movesOf(outages, FIRST_CUT).map((move) => ({ ...move, name })),
    )
    const { evidence, tally } = service
    const playing = playMoves({
      moves,
      clock,
      signal: stop.signal,
      make: ({ act, name }) => {
        const liar = liars.get(name)
        if (liar) liar.kill('SIGKILL')
        else agents[act](name)
      },
      countOf: (name) => tally.countOf(seatNamed(name).node, hourOf(clock.now())),
    })
    try {
      const room = { keeper, evidence, clock, cycle: 1, signal: stop.signal }
      return await liveDay({ ...room, onHour: () => {} })
    } finally {
      stop.abort()
      await playing.catch(() => {})
    }
  }

  async function gathered(count: number): Promise<void> {
    await waitFor(async () => (service.figures().nodes >= count ? true : undefined), {
      what: `${count} agents`,
      timeoutMs: GATHER_LIMIT_MS,
      clock: systemClock,
      firstDelayMs: 100,
      maxDelayMs: 100,
    })
  }

  function seatNamed(wanted: string): Seat {
    return seats.find(({ name }) => name === wanted) ?? expect.fail(wanted)
  }

  function startLiar({ lies = 'flooder', key }: Seat): ChildProcess {
    const file = fileURLToPath(new URL('../helpers/liar-child.ts', import.meta.url))
    const victim = seatNamed(VICTIM).node
    const localAddress = `127.0.0.${liars.size + 2}`
    const order: LiarOrder = {
      kind: lies,
      url: service.url,
      key,
      localAddress,
      victim,
    }
    return fork(file, [JSON.stringify(order)], { stdio: 'ignore' })
  }

  it('Z-40 Z-41 Z-42 has exactly the hours on the chain that the kills left to each', async () => {
    const { registry, deployment } = world.muster
    const hours = hoursOf(hourOf(deployment.firstCut), 1)
    const pushed = await Promise.all(
      hours.map((hour) => registry.snapshotOf(hour, deployment.reporter)),
    )
    const online = pushed.map((words) => new Set(indicesOf(words)))

    const found = seats.map(({ name }, index) => [
      name,
      online.map((set) => (set.has(index) ? '1' : '0')).join(''),
    ])

    expect(found).to.deep.equal(seats.map((seat) => [seat.name, digitsOf(seat)]))
    expect(day.snapshots).to.equal(24)
    expect(day.missing).to.deep.equal([])
  })

  it('pays those with 20 of 24 hours an equal share, nobody else, and keeps the rest to the wei', async () => {
    const isIn = (seat: Seat): boolean =>
      hoursUp(seat.outages).filter(Boolean).length >= ELIGIBLE_HOURS
    const count = BigInt(seats.filter(isIn).length)
    const share = POOL / count

    const paid = await Promise.all(seats.map(({ fund }) => keeper.client.balanceOf(fund)))

    const found = seats.map(({ name }, index) => [name, paid[index]])
    expect(found).to.deep.equal(seats.map((seat) => [seat.name, isIn(seat) ? share : 0n]))
    expect(day).to.include({ eligible: Number(count), pool: POOL, unpaid: 0 })
    expect(day).to.include({ paid: share * count, credited: 0n, carried: POOL - share * count })
  })

  it('refused every lie by its name', () => {
    const { refused } = figures
    const lies = [
      'NODE_UNKNOWN',
      'LOGIN_INVALID',
      'RATE_LIMITED',
      'BEAT_REPLAYED',
      'BEAT_FROM_FUTURE',
    ]
    for (const code of lies) expect(refused, code).to.have.property(code).that.is.greaterThan(0)
  })

  it('counted for nobody more than the beats that fit into an hour', async () => {
    const rows = await keeper.db.query<{ most: number }>('select max(seen) as most from tally')

    expect(rows).to.deep.equal([{ most: 12 }])
  })
})

function seatOf(role: Role): Seat {
  const wallet = Wallet.createRandom()
  const registered = role.hasWrongKey ? Wallet.createRandom() : wallet
  const fund = Wallet.createRandom().address as Address
  return { ...role, key: wallet.privateKey, node: registered.address as Address, fund }
}

function digitsOf({ outages }: Role): string {
  return hoursUp(outages)
    .map((isUp) => (isUp ? '1' : '0'))
    .join('')
}

async function specsOf(seats: readonly Seat[], home: string): Promise<AgentSpec[]> {
  await writeFile(join(home, 'password'), PASSWORD, { mode: 0o600 })
  const agents = seats.filter(({ lies, name }) => lies === undefined && name !== VICTIM)
  return Promise.all(
    agents.map(async ({ name, key: privateKey }) => {
      const dir = join(home, 'agents', name)
      await mkdir(dir, { recursive: true })
      const keystore = join(dir, 'node.json')
      await createKeystore({ file: keystore, password: PASSWORD, light: true, privateKey })
      return { name, keystore, dir }
    }),
  )
}

/** How scripts/test.ts keeps the logs of every process (S-48). */
function keptForLogs(): Record<string, string> {
  const kept = /^(NODE_OPTIONS|NODE_COMPILE_CACHE|MUSTER_TEST_LOGS|MUSTER_TEST_SECRETS)$/
  const found = Object.entries(process.env).filter(([name]) => kept.test(name))
  return Object.fromEntries(found.map(([name, value = '']) => [name, value]))
}
