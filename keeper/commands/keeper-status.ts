import { askKeeper } from '../api/control.ts'
import { isKeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { EndpointStatus } from '../chain/rpc/endpoint.ts'
import { listOpen } from '../chain/journal/journal-queries.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import { readLeases } from '../chain/journal/lease.ts'
import type { LeaseRow } from '../chain/journal/lease.ts'
import type { Config } from '../config.ts'
import type { SigningRole } from '../keeper.ts'
import { jobsOf } from '../jobs/jobs.ts'
import { readPartnersFigures } from '../programs/partners/figures.ts'
import type { PartnersFigures } from '../programs/partners/figures.ts'
import { reportSlots } from '../jobs/slot-report.ts'
import type { ReportedSlot, SlotReport } from '../jobs/slot-report.ts'
import { hasStore, openStore } from '../store/open-store.ts'
import type { Db } from '../store/db.ts'
import type { Run } from './command.ts'
import { plural, shownTime } from './print.ts'

/** What the chain cannot tell: the keeper's queue, its slots, and who may sign. */
export interface KeeperStatus {
  isRunning: boolean
  /** Keys with transactions that are not final, oldest nonce first. */
  queue: { sender: Address; open: QueuedTx[] }[]
  slots: SlotReport
  leases: LeaseRow[]
  endpoints: EndpointStatus[]
  /** Where they are distributed, or were. */
  partners?: PartnersFigures & { mode: Config['partners'] }
}

export interface QueuedTx {
  id: bigint
  kind: string
  key: string
  state: TxRecord['state']
  nonce: number | undefined
  reason: string | undefined
  createdAt: UnixSeconds
}

interface StatusSource {
  db: Db
  chainId: number
  config: Pick<Config, 'zone' | 'dailyTime' | 'partners'>
  now: number
  endpoints: EndpointStatus[]
  isRunning: boolean
  roles?: readonly SigningRole[]
}

export async function readKeeperStatus(source: StatusSource): Promise<KeeperStatus> {
  const { db, chainId, config, now, endpoints, isRunning } = source
  const open = await listOpen(db, chainId)
  const senders = [...new Set(open.map(({ sender }) => sender))]
  const queue = senders.map((sender) => ({
    sender,
    open: open.filter((tx) => tx.sender === sender).map(queuedOf),
  }))
  const jobs = source.roles && jobsOf({ roles: source.roles })
  const slots = await reportSlots(db, config, now, jobs)
  const partners = await readPartnersFigures(db)
  const hasPartners = config.partners === 'pay' || partners.hoursThrough !== undefined
  return {
    isRunning,
    queue,
    slots,
    leases: await readLeases(db),
    endpoints,
    ...(hasPartners ? { partners: { ...partners, mode: config.partners } } : {}),
  }
}

function queuedOf({ id, kind, key, state, nonce, reason, createdAt }: TxRecord): QueuedTx {
  return { id, kind, key, state, nonce, reason, createdAt }
}

/** From the running keeper, else from the store; undefined: neither can be asked, and that is no fault. */
export async function askKeeperStatus(
  run: Run,
  chainId: number,
  endpoints: EndpointStatus[],
): Promise<KeeperStatus | undefined> {
  const { config, clock, signal } = run
  const asked = { name: 'status', args: [], options: {} }
  try {
    const answer = await askKeeper(config.home, asked, signal)
    if (answer) return answer.json as KeeperStatus
    if (config.databaseUrl === undefined && !hasStore(config.home)) return undefined
    const db = await openStore({ ...config, clock })
    try {
      const now = clock.now()
      return await readKeeperStatus({ db, chainId, config, now, endpoints, isRunning: false })
    } finally {
      await db.close()
    }
  } catch (error) {
    if (isKeeperError(error, 'STORE_LOCKED', 'STORE_UNAVAILABLE', 'CONTROL_CLOSED'))
      return undefined
    throw error
  }
}

/** Only what somebody should know: an idle keeper says one line. */
export function keeperLines({
  isRunning,
  queue,
  slots,
  leases,
  endpoints,
  partners,
}: KeeperStatus): string[] {
  const held = leases.filter(({ holder, isStale }) => holder !== undefined && !isStale)
  const holders = [...new Set(held.map(({ holder }) => holder))]
  const leads = holders.length > 0 ? `, keys held by ${holders.join(', ')}` : ''
  return [
    `keeper ${isRunning ? 'runs' : 'does not run here'}${leads}; ${nextLine(slots)}`,
    ...(partners ? [partnersLine(partners)] : []),
    ...queue.flatMap(queueLines),
    ...slots.open.map((slot) => `  ${slotLine(slot)}: ${slot.status}${reasonOf(slot)}`),
    ...slots.skipped.map((slot) => `  ${slotLine(slot)}: skipped${reasonOf(slot)}`),
    ...endpoints
      .filter(({ state }) => state !== 'closed')
      .map(({ url, lastError }) => `  endpoint ${url} is left out: ${lastError ?? 'it failed'}`),
    ...(endpoints.length === 1 ? ['  one endpoint: its word alone counts (MUSTER_RPC_URL)'] : []),
  ]
}

function nextLine({ jobs }: SlotReport): string {
  return jobs.map(({ job, next }) => `next ${job} ${shownTime(next)}`).join(', ')
}

function partnersLine(partners: NonNullable<KeeperStatus['partners']>): string {
  const { mode, hoursThrough, lastDay, lateVotes, unsent } = partners
  const through =
    hoursThrough === undefined
      ? 'nothing distributed yet'
      : `distributed until ${shownTime(hoursThrough)}`
  return [
    `partners (${mode}): ${through}, last day ${lastDay ?? '-'}`,
    ...(lateVotes > 0 ? [`${plural(lateVotes, 'late vote')} (muster partners correct)`] : []),
    ...(unsent > 0 ? [`${plural(unsent, 'special sum')} not sent`] : []),
  ].join(', ')
}

function queueLines({ sender, open }: KeeperStatus['queue'][number]): string[] {
  const stopped = open.filter(({ state }) => state === 'unknown' || state === 'foreign')
  const [oldest] = open.filter((tx) => !stopped.includes(tx))
  return [
    `  ${sender}: ${plural(open.length, 'transaction')} not final`,
    ...(oldest ? [`    the oldest: ${oldestLine(oldest)}`] : []),
    ...stopped.map(
      ({ id, kind, key, state, reason }) =>
        `  ALERT: the queue is stopped by ${id} (${kind} ${key}, ${state}): ${reason ?? '?'}; muster resume ${id}`,
    ),
  ]
}

function oldestLine({ id, kind, key, state, nonce, createdAt }: QueuedTx): string {
  return `${id} (${kind} ${key}), nonce ${nonce ?? '-'}, ${state}, planned ${shownTime(createdAt)}`
}

function slotLine({ job, slot }: ReportedSlot): string {
  return `slot ${job} ${isoTime(slot)}`
}

function reasonOf({ reason }: ReportedSlot): string {
  return reason === undefined ? '' : ` (${reason})`
}
