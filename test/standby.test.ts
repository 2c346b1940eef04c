import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { cutOf, systemClock } from '../keeper/base/time.ts'
import { attemptsOf } from '../keeper/chain/journal/journal.ts'
import { closeKeeper, openKeeper } from '../keeper/keeper.ts'
import { openStore } from '../keeper/store/open-store.ts'
import type { Daemon } from './helpers/daemon.ts'
import { startDaemon } from './helpers/daemon.ts'
import type { DaemonOrder } from './helpers/daemon-child.ts'
import { POSTGRES_URL, createDatabase } from './helpers/databases.ts'
import type { TestDatabase } from './helpers/databases.ts'
import { daySlots, expectJournalComplete, expectPaidOnce } from './helpers/day-oracle.ts'
import { rejectionOf } from './helpers/errors.ts'
import {
  ETHER,
  FIRST_CUT,
  createWorld,
  makeMembers,
  pushCycle,
  testDeps,
} from './helpers/muster.ts'
import type { World } from './helpers/muster.ts'

const MEMBERS = 50
const BATCHES = 5
const LEASE_MS = 4_000
const CUT = cutOf(FIRST_CUT, 1)

/** As on two machines: each has a home of its own. */
if (POSTGRES_URL !== undefined) describe('two keepers on one PostgreSQL', twoKeepers)

function twoKeepers(this: Mocha.Suite): void {
  this.timeout(180_000)
  let world: World
  let database: TestDatabase
  let otherHome: string
  const daemons: Daemon[] = []

  beforeEach(async () => {
    world = await createWorld({ members: makeMembers(MEMBERS), isNodeApart: true })
    database = await createDatabase()
    otherHome = await mkdtemp(join(tmpdir(), 'muster-standby-'))
    await cp(join(world.home, 'deployments'), join(otherHome, 'deployments'), { recursive: true })
    const keeper = await openKeeper({ ...world.config, databaseUrl: database.url }, testDeps())
    await pushCycle(world, keeper, 1, Array<number>(MEMBERS).fill(24))
    await closeKeeper(keeper)
  })
  afterEach(async () => {
    for (const daemon of daemons.splice(0)) {
      daemon.kill('SIGKILL')
      await daemon.ended
    }
    await world.close()
    await database.drop()
    await rm(otherHome, { recursive: true, force: true })
  })

  /** At 18:00 and twenty seconds: a leader settles the day at once. */
  function start(home: string, changes: Partial<DaemonOrder> = {}): Daemon {
    const clockAt = { shows: CUT + 20, machineAt: systemClock.now() }
    const place = { rpcUrl: world.node.url, databaseUrl: database.url, home, clockAt }
    const daemon = startDaemon({
      ...place,
      logFile: join(home, 'keeper.log'),
      leaseMs: LEASE_MS,
      ...changes,
    })
    daemons.push(daemon)
    return daemon
  }

  async function readyOf(daemon: Daemon): Promise<unknown[]> {
    const { port } = await daemon.says('ops-listening')
    const answer = await fetch(`http://127.0.0.1:${String(port)}/readyz`)
    const { ready, role } = (await answer.json()) as { ready: boolean; role: string }
    return [answer.status, ready, role]
  }

  /** Everything happened once, whichever of the two did it. */
  async function expectOneDay(): Promise<void> {
    await expectPaidOnce(world, { members: MEMBERS, share: ETHER / BigInt(MEMBERS), cycles: 1 })
    const db = await openStore({ ...world.config, databaseUrl: database.url, clock: systemClock })
    try {
      const rows = await expectJournalComplete(world, db)
      const kinds = rows.map(({ kind }) => kind)
      expect(kinds).to.deep.equal(['extract', ...Array<string>(BATCHES).fill('transfer')])
      for (const { id } of rows) expect(await attemptsOf(db, id)).to.have.length(1)
      const slots = await daySlots(db)
      expect(slots.map(({ slot, status }) => [slot, status])).to.deep.equal([[CUT, 'completed']])
    } finally {
      await db.close()
    }
  }

  it('S-42 one leads and the other stands by; the leader killed in the middle of the batches, the other finishes, nothing twice', async () => {
    const halt = { step: 'signed-stored', kind: 'transfer', on: 3, signal: 'SIGKILL' } as const
    const leader = start(world.home, { halt, pauseAt: 'extracted' })
    await leader.says('keeper-leads')
    const standby = start(otherHome, { opsPort: 0 })
    await standby.says('keeper-stands-by')
    expect(await readyOf(standby)).to.deep.equal([200, true, 'standby'])
    leader.kill('SIGUSR2')
    expect(await leader.ended).to.deep.equal([null, 'SIGKILL'])
    const killedMs = systemClock.nowMs()
    await standby.says('keeper-leads')
    expect(systemClock.nowMs() - killedMs).to.be.at.most(2 * LEASE_MS)
    await standby.says('day-done')
    expect((await readyOf(standby))[2]).to.equal('leader')
    standby.kill('SIGTERM')
    expect(await standby.ended).to.deep.equal([0, null])
    await expectOneDay()
  })

  it('S-42 a leader that stood still for longer than its lease is refused when it wakes, before it signs, and stands by', async () => {
    const halt = { step: 'intent-stored', kind: 'transfer', on: 3, signal: 'SIGSTOP' } as const
    const leader = start(world.home, { halt, pauseAt: 'extracted' })
    await leader.says('keeper-leads')
    const standby = start(otherHome)
    await standby.says('keeper-stands-by')
    leader.kill('SIGUSR2')
    await leader.says('batch-sent', 2)
    const stoppedMs = systemClock.nowMs()
    await standby.says('keeper-leads')
    expect(systemClock.nowMs() - stoppedMs).to.be.at.most(2 * LEASE_MS)
    await standby.says('day-done')

    const before = (await leader.lines()).length
    leader.kill('SIGCONT')
    await leader.says('keeper-stands-by')
    const after = (await leader.lines()).slice(before)
    expect(after.filter(({ event }) => /^(tx-|batch-sent|day-done)/.test(event))).to.deep.equal([])
    expect(after.some(({ code, kind }) => code === 'LEASE_LOST' || kind === 'lease-lost')).to.equal(
      true,
    )
    for (const daemon of [leader, standby]) {
      daemon.kill('SIGTERM')
      expect(await daemon.ended).to.deep.equal([0, null])
    }
    await expectOneDay()
  })

  it('S-42 a leader whose connection to the store is cut in the middle of the batches leads again by itself and finishes', async () => {
    const leader = start(world.home, { pauseAt: 'extracted' })
    await leader.says('extract-checked')
    const db = await openStore({ ...world.config, databaseUrl: database.url, clock: systemClock })
    // The sessions that hold the leases, one a sender.
    await db.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`,
    )
    await db.close()
    leader.kill('SIGUSR2')
    await leader.says('keeper-leads', 2)
    await leader.says('day-done')
    leader.kill('SIGTERM')
    expect(await leader.ended).to.deep.equal([0, null])
    await expectOneDay()
  })

  it('S-44 a run by hand beside a leading keeper is refused at once, and the day is run once', async () => {
    const leader = start(world.home)
    await leader.says('keeper-leads')
    const config = { ...world.config, databaseUrl: database.url, home: otherHome }
    const error = await rejectionOf(openKeeper(config, testDeps()))
    expect([error.code, error.exitCode]).to.deep.equal(['LEASE_HELD', 75])
    expect(error.facts['holder']).to.match(/:\d+$/)
    await leader.says('day-done')
    leader.kill('SIGTERM')
    expect(await leader.ended).to.deep.equal([0, null])
    await expectOneDay()
  })
}
