import { statfs } from 'node:fs/promises'
import type { ActiveAlert, Alerts } from '../base/alerts.ts'
import { KeeperError, describe } from '../base/errors.ts'
import { isoTime, systemClock } from '../base/time.ts'
import { unresolved } from '../chain/journal/journal.ts'
import type { Keeper } from '../keeper.ts'
import { within } from './deadline.ts'

/** starting and stopping are not ready; a standby is: it is doing its work. */
export type Role = 'starting' | 'standby' | 'leader' | 'stopping'

/** What can be looked at; a keeper that is not open yet has nothing. */
export interface Watched {
  role(): Role
  keeper(): Keeper | undefined
  alerts: Alerts
}

export type Check = { ok: boolean; ms?: number; reason?: string } & Record<string, unknown>

export interface Readiness {
  ready: boolean
  role: Role
  checks: Record<string, Check>
  alerts: { kind: string; severity: string; key: string; since: string; count: number }[]
}

// A monitor asks every 10 s and gives up after a few; each check runs beside the others.
export const CHECK_TIMEOUT_MS = 2_000
// A day's journal is far below a megabyte; with less than this the next write may be the one that fails.
const MIN_FREE_BYTES = 64 * 1024 * 1024

/** Everything that has to be true for the next slot to be settled in time, each by itself. */
export async function readReadiness(watched: Watched): Promise<Readiness> {
  const role = watched.role()
  const keeper = watched.keeper()
  const isRight = role === 'leader' || role === 'standby'
  const checks: Record<string, Check> = {
    role: isRight ? { ok: true } : { ok: false, reason: `it is ${role}` },
    ...(keeper ? await checkAll(keeper, watched.alerts) : {}),
  }
  if (!keeper && isRight) {
    checks['store'] = { ok: role === 'standby', reason: 'it is opened when this keeper leads' }
  }
  const ready = Object.values(checks).every(({ ok }) => ok)
  return { ready, role, checks, alerts: watched.alerts.active().map(shownAlert) }
}

async function checkAll(keeper: Keeper, alerts: Alerts): Promise<Record<string, Check>> {
  const checks: [string, () => Promise<object>][] = [
    ['store', () => checkStore(keeper)],
    ['endpoints', () => checkEndpoints(keeper)],
    ['journal', () => checkJournal(keeper, alerts)],
    ['queue', () => checkQueue(keeper)],
  ]
  const answers = await Promise.all(
    checks.map(async ([name, check]) => [name, await timed(name, check)] as const),
  )
  return Object.fromEntries(answers)
}

async function timed(name: string, check: () => Promise<object>): Promise<Check> {
  const startMs = systemClock.nowMs()
  const passed = (): number => systemClock.nowMs() - startMs
  try {
    const facts = await within(CHECK_TIMEOUT_MS, `the check of the ${name}`, check)
    return { ok: true, ms: passed(), ...facts }
  } catch (error) {
    return { ok: false, ms: passed(), reason: describe(error).message }
  }
}

async function checkStore({ db }: Keeper): Promise<object> {
  await db.one('select 1 as one')
  return { kind: db.kind }
}

/** Asks for a block that a quorum has: it comes only when enough endpoints answer. */
async function checkEndpoints({ client }: Keeper): Promise<object> {
  const block = await client.blockNumber()
  const endpoints = client.endpoints().map(({ url, state, head }) => ({ url, state, head }))
  return { block, quorum: client.quorum, endpoints }
}

/** Nothing is written for a question: the last write, the database's mode and the disk are looked at. */
async function checkJournal({ db, config }: Keeper, alerts: Alerts): Promise<object> {
  const isFailing = ({ kind }: ActiveAlert): boolean =>
    kind === 'journal-write-failing' || kind === 'side-log-failing'
  const failing = alerts.active().find(isFailing)
  if (failing) throw notReady(`the alert ${failing.kind} is raised`)
  const { mode } = await db.one<{ mode: string }>(
    `select current_setting('transaction_read_only') as mode`,
  )
  if (mode !== 'off') throw notReady('the database is read-only')
  const { bavail, bsize } = await statfs(config.home)
  const freeBytes = bavail * bsize
  if (freeBytes < MIN_FREE_BYTES) throw notReady(`only ${freeBytes} bytes are free in the home`)
  return { freeBytes }
}

async function checkQueue(keeper: Keeper): Promise<object> {
  const { db, client, roles } = keeper
  const rows = []
  for (const role of roles) {
    rows.push(...(await unresolved(db, client.chainId, keeper[role].address)))
  }
  const stopped = rows.find(({ state }) => state === 'unknown' || state === 'foreign')
  if (stopped) {
    const { id, kind, key, state } = stopped
    throw notReady(`${kind} ${key} (journal row ${id}) is ${state} and needs a human`)
  }
  return { open: rows.length }
}

function notReady(reason: string): KeeperError {
  return new KeeperError('NOT_READY', { reason })
}

function shownAlert({ kind, severity, key, since, count }: ActiveAlert): Readiness['alerts'][0] {
  return { kind, severity, key, since: isoTime(since), count }
}
