import { expect } from 'chai'
import { logAlerts } from '../../../../keeper/base/alerts.ts'
import { createLogger } from '../../../../keeper/base/log.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { hourOf, startOfHour, systemClock } from '../../../../keeper/base/time.ts'
import { listJournal } from '../../../../keeper/chain/journal/journal.ts'
import type { Config } from '../../../../keeper/config.ts'
import { ORIGIN_RULE } from '../../../../keeper/heartbeat/hour-rule.ts'
import { findHour, listHours } from '../../../../keeper/heartbeat/tally/closed-hours.ts'
import { openTally } from '../../../../keeper/heartbeat/tally/tally.ts'
import type { RunningTally } from '../../../../keeper/heartbeat/tally/tally.ts'
import { startRunner } from '../../../../keeper/jobs/runner.ts'
import type { Runner } from '../../../../keeper/jobs/runner.ts'
import { listSlots } from '../../../../keeper/jobs/slots.ts'
import { closeKeeper, openKeeper } from '../../../../keeper/keeper.ts'
import type { Keeper } from '../../../../keeper/keeper.ts'
import { readRoster } from '../../../../keeper/validators/roster.ts'
import { testClock } from '../../../helpers/clock.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { startFaultProxy } from '../../../helpers/fault-proxy.ts'
import type { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { FIRST_CUT, createWorld, makeMembers, testDeps } from '../../../helpers/muster.ts'
import type { World } from '../../../helpers/muster.ts'

const FIRST = hourOf(FIRST_CUT)
const NODES = makeMembers(5).map(({ node }) => node as Address)
const GRACE = 5
// Until the pool tries a node again that was down.
const PATIENCE_MS = 60_000

describe('the hours that an intake closed', function () {
  this.timeout(120_000)
  let world: World
  let proxy: FaultProxy
  let keeper: Keeper
  let clock: TestClock
  let tally: RunningTally
  let runner: Runner
  let events: Record<string, unknown>[]

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(5) })
    proxy = await startFaultProxy(world.node.url)
    clock = testClock(FIRST_CUT)
    events = []
    const log = createLogger({
      level: 'info',
      write: (line) => void events.push(JSON.parse(line) as Record<string, unknown>),
    })
    const config: Config = {
      ...world.config,
      rpcUrl: [proxy.url],
      nonceWaitMs: 1_500,
      rpcTimeoutMs: 1_000,
    }
    keeper = await openKeeper(config, { ...testDeps(), clock, log })
    tally = await openTally({
      db: keeper.db,
      clock,
      log,
      rule: ORIGIN_RULE,
      validators: async () => (await readRoster(keeper)).entries.map(({ node }) => node),
    })
    runner = startRunner(keeper, {
      alerts: logAlerts(log, clock),
      evidence: tally.evidence,
    })
  })
  afterEach(async () => {
    await runner.stop()
    await tally.stop()
    await closeKeeper(keeper)
    await proxy.close()
    await world.close()
  })

  /** One hour of beats, so many of each node; then the chain and our clock are behind its end. */
  async function passHour(beats: readonly number[], { isChainUp = true } = {}): Promise<void> {
    const end = startOfHour(hourOf(clock.now()) + 1)
    for (let i = 0; i < 80; i += 1) {
      for (const [n, count] of beats.entries()) {
        if (i < count) tally.count(NODES[n] as Address, clock.nowMs())
      }
      clock.advance(45)
    }
    clock.set(end + GRACE)
    if (isChainUp) await world.moveTo(end + GRACE)
    await tally.wake()
    await runner.wake()
  }

  async function pushed(): Promise<[hour: number, words: string[]][]> {
    const { registry } = world.muster
    const all = await registry.queryFilter(registry.filters.SnapshotPushed())
    const rows = all.map(async ({ args }): Promise<[number, string[]]> => {
      const words = await registry.snapshotOf(args.hour, keeper.reporter.address)
      return [Number(args.hour) - FIRST, words.map(String)]
    })
    return Promise.all(rows)
  }

  it('are pushed once with who was up in them, and keep the hash of their push (Z-41, Z-42)', async () => {
    await passHour([80, 46, 47, 0, 80])
    expect(await pushed()).to.deep.equal([[0, ['21']]])
    const [tx] = await listJournal(keeper.db, { kind: 'snapshot' })
    expect((await findHour(keeper.db, FIRST))?.txHash).to.equal(tx?.hash)
    const rows = await keeper.db.query(
      'select count, tx_hash from heartbeat_statistic order by node',
    )
    expect(rows.map((row) => row['count'])).to.deep.equal([80, 46, 47, 0, 80])
    expect(new Set(rows.map((row) => row['tx_hash']))).to.deep.equal(new Set([tx?.hash]))

    // A crash between the push and its record: the journal knows the hash.
    await keeper.db.query('update tally_hour set tx_hash = null')
    await passHour([80, 80, 80, 80, 80])
    expect(await pushed()).to.deep.equal([
      [0, ['21']],
      [1, ['31']],
    ])
    expect((await findHour(keeper.db, FIRST))?.txHash).to.equal(tx?.hash)
  })

  it('wait for a chain that is down, go out in order when it is back, and are named late', async () => {
    await passHour([80, 80, 80, 80, 80])
    await proxy.down()
    await passHour([80, 0, 80, 80, 80], { isChainUp: false })
    await passHour([80, 80, 0, 80, 80], { isChainUp: false })
    expect((await listHours(keeper.db, 9)).filter(({ state }) => state === 'heard')).to.have.length(
      3,
    )
    expect(await pushed()).to.have.length(1)

    await proxy.up()
    await world.moveTo(clock.now() + 600)
    clock.advance(600)
    await wakeUntilPushed(3)
    expect(await pushed()).to.deep.equal([
      [0, ['31']],
      [1, ['29']],
      [2, ['27']],
    ])
    const late = events.filter(({ event }) => event === 'hours-pushed-late')
    expect(late.flatMap((event) => event['late'])).to.deep.equal([FIRST + 1, FIRST + 2])
    const slots = (await listSlots(keeper.db)).filter(({ job }) => job === 'push-hours')
    expect(slots.map(({ status }) => status)).to.deep.equal(['completed', 'completed', 'completed'])
  })

  it('are left out when nobody listened, and no slot waits for them (R-05)', async () => {
    await passHour([80, 80, 80, 80, 80])
    await tally.stop()
    clock.advance(3_600)
    tally = await openTally({
      db: keeper.db,
      clock,
      log: keeper.log,
      rule: ORIGIN_RULE,
      validators: async () => NODES,
    })
    await tally.wake()
    await world.moveTo(clock.now())
    await runner.wake()
    const slots = (await listSlots(keeper.db)).filter(({ job }) => job === 'push-hours')
    expect(slots.every(({ status }) => status === 'completed')).to.equal(true)
    const missed = slots.find(({ slot }) => slot === startOfHour(FIRST + 2))
    expect(missed?.facts).to.deep.include({ missing: [FIRST + 1], unheard: [FIRST + 1] })
    expect(await pushed()).to.have.length(1)
  })

  async function wakeUntilPushed(hours: number): Promise<void> {
    const end = systemClock.nowMs() + PATIENCE_MS
    while (systemClock.nowMs() < end && (await pushed()).length < hours) {
      await runner.wake()
      await systemClock.sleep(250)
    }
  }
})
