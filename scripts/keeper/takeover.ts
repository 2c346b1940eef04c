// Two keepers on one PostgreSQL: how long after the leader's death the other leads.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cutOf, systemClock } from '../../keeper/base/time.ts'
import { startDaemon } from '../../test/helpers/daemon.ts'
import type { Daemon } from '../../test/helpers/daemon.ts'
import { createDatabase } from '../../test/helpers/databases.ts'
import { FIRST_CUT, createWorld, makeMembers } from '../../test/helpers/muster.ts'
import type { Measurement } from './measure.ts'
import { rounded } from './measure.ts'

const LEASE_MS = 4_000
const GOAL_LEASES = 2

/** A leader that is killed, and one that stands still: its connection stays open. */
export async function measureTakeover(signal: 'SIGKILL' | 'SIGSTOP'): Promise<Measurement> {
  const world = await createWorld({ members: makeMembers(25), isNodeApart: true })
  const database = await createDatabase()
  const otherHome = await mkdtemp(join(tmpdir(), 'muster-bench-'))
  await cp(join(world.home, 'deployments'), join(otherHome, 'deployments'), { recursive: true })
  const daemons: Daemon[] = []
  const start = (home: string): Daemon => {
    const clockAt = { shows: cutOf(FIRST_CUT, 1) - 3_600, machineAt: systemClock.now() }
    const place = { rpcUrl: world.node.url, databaseUrl: database.url, leaseMs: LEASE_MS }
    const logFile = join(home, 'keeper.log')
    const daemon = startDaemon({ ...place, home, clockAt, logFile })
    daemons.push(daemon)
    return daemon
  }
  try {
    const leader = start(world.home)
    await leader.says('keeper-leads')
    const standby = start(otherHome)
    await standby.says('keeper-stands-by')
    const startMs = performance.now()
    leader.kill(signal)
    await standby.says('keeper-leads')
    const tookMs = performance.now() - startMs
    return {
      name: `takeover after ${signal}`,
      unit: 'leases',
      goal: GOAL_LEASES,
      found: rounded(tookMs / LEASE_MS),
      details: { leaseMs: LEASE_MS, tookMs: Math.round(tookMs) },
    }
  } finally {
    for (const daemon of daemons) daemon.kill('SIGKILL')
    await Promise.all(daemons.map(({ ended }) => ended))
    await world.close()
    await database.drop()
    await rm(otherHome, { recursive: true, force: true })
  }
}
