import { expect } from 'chai'
import type { Config } from '../../../keeper/config.ts'
import { logAlerts, openAlerts } from '../../../keeper/base/alerts.ts'
import type { Alerts, Notice } from '../../../keeper/base/alerts.ts'
import type { Address } from '../../../keeper/base/schema.ts'
import { cutOf, hourOf, hoursOf, startOfHour, systemClock } from '../../../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../../../keeper/chain/journal/journal.ts'
import type { Evidence } from '../../../keeper/heartbeat/evidence.ts'
import { startRunner } from '../../../keeper/jobs/runner.ts'
import type { Runner } from '../../../keeper/jobs/runner.ts'
import { listSlots } from '../../../keeper/jobs/slots.ts'
import { closeKeeper, openKeeper } from '../../../keeper/keeper.ts'
import type { Keeper } from '../../../keeper/keeper.ts'
import { readStatus } from '../../../keeper/validators/status.ts'
import { testClock } from '../../helpers/clock.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from '../../helpers/day-oracle.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import type { FaultProxy } from '../../helpers/fault-proxy.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  testDeps,
} from '../../helpers/muster.ts'
import type { World } from '../../helpers/muster.ts'
import { testLog } from '../../helpers/logs.ts'

const MEMBERS = 10
const NODES = makeMembers(MEMBERS).map(({ node }) => node as Address)
const HOUR = 3_600
const CUT = cutOf(FIRST_CUT, 1)
const HOURS = hoursOf(hourOf(FIRST_CUT), 1)
// Until the pool tries a node again that was down.
const PATIENCE_MS = 60_000

describe('a keeper whose nodes are down', function () {
  this.timeout(120_000)
  let world: World
  let proxy: FaultProxy
  let keeper: Keeper
  let clock: TestClock
  let runner: Runner | undefined

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS) })
    proxy = await startFaultProxy(world.node.url)
    clock = testClock(CUT)
    const config: Config = {
      ...world.config,
      rpcUrl: [proxy.url],
      nonceWaitMs: 1_500,
      rpcTimeoutMs: 1_000,
    }
    keeper = await openKeeper(config, { ...testDeps(), clock })
  })
  afterEach(async () => {
    await runner?.stop()
    runner = undefined
    await closeKeeper(keeper)
    await proxy.close()
    await world.close()
  })

  function start(options: { evidence?: Evidence; alerts?: Alerts } = {}): Runner {
    const alerts = logAlerts(testLog, clock)
    runner = startRunner(keeper, { alerts, ...options })
    return runner
  }

  async function moveTo(unix: number): Promise<void> {
    await world.moveTo(unix)
    clock.set(unix)
  }

  /** Wakes until nothing of that job is open; the first wake-up may find the node still left out. */
  async function wakeUntilDone(job: string): Promise<void> {
    const end = systemClock.nowMs() + PATIENCE_MS
    while (systemClock.nowMs() < end) {
      await runner?.wake()
      const slots = (await listSlots(keeper.db)).filter((slot) => slot.job === job)
      if (slots.every(({ status }) => status === 'completed')) return
      await systemClock.sleep(250)
    }
    throw new Error(`${job} is still open`)
  }

  it('S-36 all nodes down for three hours over 18:00: one run when they are back, marked late', async () => {
    await pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24))
    const notices: Pick<Notice, 'kind' | 'key' | 'state'>[] = []
    const sink = ({ kind, key, state }: Notice): void => void notices.push({ kind, key, state })
    start({ alerts: openAlerts({ clock, sinks: [sink] }) })
    await proxy.down()
    for (const hours of [0, 1, 2]) {
      clock.set(CUT + hours * HOUR + 15)
      await runner?.wake()
    }
    const [waiting] = await daySlots(keeper.db)
    expect([waiting?.status, waiting?.attempts]).to.deep.equal(['available', 3])

    await proxy.up()
    await moveTo(CUT + 3 * HOUR + 15)
    await wakeUntilDone('settle-day')
    const slots = await daySlots(keeper.db)
    expect(slots.map(({ slot, status }) => [slot, status])).to.deep.equal([[CUT, 'completed']])
    expect(slots[0]?.lateReason).to.be.a('string')
    const key = `settle-day ${CUT}`
    const own = notices.filter((notice) => notice.kind === 'slot-late' && notice.key === key)
    // Told again each hour while it lasts.
    const told = own.map(({ state }) => state).filter((state) => state !== 'lasting')
    expect(told).to.deep.equal(['raised', 'cleared'])
    await expectPaidOnce(world, { members: MEMBERS, share: ETHER / 10n, cycles: 1 })
    const rows = await expectJournalComplete(world, keeper.db)
    expect(rows.map(({ kind }) => kind)).to.deep.equal(['extract', 'transfer'])
  })

  it('S-46 hours closed while the node takes nothing stay in the store and go out in order, each once, with the key they had', async () => {
    const evidence: Evidence = { name: 'test', nodesIn: async () => NODES }
    start({ evidence })
    const heal = proxy.fail({ kind: 'reset' }, { method: 'eth_sendRawTransaction' })
    for (const hour of HOURS.slice(0, 3)) {
      await moveTo(startOfHour(hour + 1))
      await runner?.wake()
    }
    const [before] = await listJournal(keeper.db, { kind: 'snapshot', keyPrefix: String(HOURS[0]) })
    const signed = await attemptsOf(keeper.db, before?.id ?? 0n)
    expect(await pushedHours()).to.deep.equal([])

    heal()
    await wakeUntilDone('push-hours')
    expect(await pushedHours()).to.deep.equal(HOURS.slice(0, 3))
    const [after] = await listJournal(keeper.db, { kind: 'snapshot', keyPrefix: String(HOURS[0]) })
    const sent = await attemptsOf(keeper.db, after?.id ?? 0n)
    // The bytes that were signed for the first hour are the ones that went out.
    expect(sent.map(({ hash }) => hash)).to.deep.equal(signed.map(({ hash }) => hash))
    const rows = (await listJournal(keeper.db, { kind: 'snapshot' })).toReversed()
    expect(rows.map(({ key }) => Number(key))).to.deep.equal(HOURS.slice(0, 3))
    await expectJournalComplete(world, keeper.db)
  })

  it('S-46 an hour whose answer was lost is not pushed twice, and hours nobody heard are listed', async () => {
    const silent = HOURS[1] as number
    const evidence: Evidence = {
      name: 'test',
      nodesIn: async (hour) => (hour === silent ? undefined : NODES),
    }
    start({ evidence })
    await moveTo(startOfHour((HOURS[0] as number) + 1))
    proxy.fail({ kind: 'lost-answer' }, { method: 'eth_sendRawTransaction', times: 1 })
    await wakeUntilDone('push-hours')
    expect(await pushedHours()).to.deep.equal([HOURS[0]])

    for (const hour of HOURS.slice(1, 3)) {
      await moveTo(startOfHour(hour + 1))
      await runner?.wake()
    }
    expect(await pushedHours()).to.deep.equal([HOURS[0], HOURS[2]])
    const slots = (await listSlots(keeper.db)).filter(({ job }) => job === 'push-hours')
    const last = slots.find(({ slot }) => slot === startOfHour((HOURS[2] as number) + 1))
    expect(last?.facts['missing']).to.deep.equal([silent])
    const waiting = slots.find(({ slot }) => slot === startOfHour(silent + 1))
    expect(waiting?.status).to.equal('available')
    expect(waiting?.lateReason).to.contain('no beats')
    const status = await readStatus({ client: world.node.client, contracts: world.muster })
    expect(status.missing).to.deep.equal([silent])
    await expectJournalComplete(world, keeper.db)
  })

  /** As the chain counted them, in its order. */
  async function pushedHours(): Promise<number[]> {
    const { registry } = world.muster
    const events = await registry.queryFilter(registry.filters.SnapshotPushed())
    return events.map(({ args }) => Number(args.hour))
  }
})
