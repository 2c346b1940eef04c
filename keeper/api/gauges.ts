import { describe } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { unset } from '../base/metrics.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import { finalityOf } from '../chain/sending/finality.ts'
import type { FinalityView } from '../chain/sending/finality.ts'
import type { Keeper } from '../keeper.ts'
import type { Db } from '../store/db.ts'
import { readRunway } from '../validators/runway.ts'
import { within } from './deadline.ts'
import { readIntake } from './intake/intake-gauges.ts'
import type { IntakeService } from './intake/service.ts'
import type { DoneSlot } from './ping.ts'
import type { Watched } from './readiness.ts'

/** What the jobs have to say of one job's slots. */
export interface SlotFigures {
  job: string
  lastDone: DoneSlot | undefined
  open: number
  late: number
}

/** What the programs' queue has to say. */
export interface JobFigures {
  /** Failed for good. */
  deadLettersTotal: number
}

/** What the program of partners has to say; undefined figures are left out. */
export interface PartnersPage {
  hoursThrough: UnixSeconds | undefined
  daysThrough: UnixSeconds | undefined
  lateVotes: number
  unsent: number
}

export interface Sampled extends Watched {
  intake(): IntakeService | undefined
  clock: Clock
  log: Logger
  slots(keeper: Keeper): Promise<SlotFigures[]>
  jobs(db: Db): Promise<JobFigures>
  partners?(db: Db): Promise<PartnersPage>
}

interface Source {
  name: string
  /** Taken off the page when the reading fails: an old number would look like a present one. */
  gauges: readonly (keyof Metrics)[]
  read(keeper: Keeper): Promise<void>
}

// Prometheus gives a page 10 s by default; the sources are read beside one another.
const SOURCE_TIMEOUT_MS = 5_000
// A page a second is somebody's mistake; a page every 15 s is usual.
export const SAMPLE_MIN_AGE_MS = 5_000
// Amounts and rates of a day: ten minutes old is new enough, and it is nine requests.
const RUNWAY_MIN_AGE_MS = 10 * 60_000

/** Reads what has no event of its own, when the page is asked for. */
export function gaugeReader(metrics: Metrics, sampled: Sampled): () => Promise<void> {
  const sources = sourcesOf(metrics, sampled)
  return async () => {
    readAlerts(metrics, sampled)
    readIntake(metrics, sampled.intake())
    metrics.leader.set(sampled.role() === 'leader' ? 1 : 0)
    const keeper = sampled.keeper()
    if (!keeper) return
    await Promise.all(sources.map((source) => readSource(metrics, sampled.log, source, keeper)))
  }
}

async function readSource(
  metrics: Metrics,
  log: Logger,
  { name, gauges, read }: Source,
  keeper: Keeper,
): Promise<void> {
  try {
    await within(SOURCE_TIMEOUT_MS, `reading the ${name}`, () => read(keeper))
  } catch (error) {
    for (const key of gauges) unset(metrics[key] as Metrics['leader'])
    metrics.sampleFailures.inc({ source: name })
    log.debug({ source: name, reason: describe(error).message }, 'sample-failed')
  }
}

function readAlerts(metrics: Metrics, { alerts }: Sampled): void {
  unset(metrics.alertActive)
  for (const { kind, severity } of alerts.active()) metrics.alertActive.inc({ kind, severity })
}

function sourcesOf(metrics: Metrics, sampled: Sampled): Source[] {
  const chain: (keyof Metrics)[] = ['chainHead', 'chainFinal', 'clockSkew', 'rpcUp', 'rpcHead']
  return [
    { name: 'chain', gauges: chain, read: chainReader(metrics, sampled.clock) },
    {
      name: 'balances',
      gauges: ['senderBalance'],
      read: (keeper) => readBalances(metrics, keeper),
    },
    { name: 'pool', gauges: ['poolRunway'], read: runwayReader(metrics, sampled.clock) },
    {
      name: 'slots',
      gauges: ['slotLastSuccess', 'slotOpen', 'slotLate'],
      read: async (keeper) => setSlots(metrics, await sampled.slots(keeper)),
    },
    {
      name: 'jobs',
      gauges: ['deadLetters'],
      read: async ({ db }) => metrics.deadLetters.set((await sampled.jobs(db)).deadLettersTotal),
    },
    {
      name: 'partners',
      gauges: ['partnersHours', 'partnersDays', 'partnersLate', 'partnersUnsent'],
      read: async ({ db, config }) => {
        // Where nobody distributes, nothing is late.
        if (config.partners !== 'pay' || !sampled.partners) return
        setPartners(metrics, await sampled.partners(db))
      },
    },
  ]
}

function chainReader(metrics: Metrics, clock: Clock): Source['read'] {
  let finality: FinalityView | undefined
  return async (keeper) => {
    const { client } = keeper
    for (const role of keeper.roles) {
      const { address, inFlight } = keeper[role]
      metrics.txInFlight.set({ sender: address }, inFlight())
    }
    readEndpoints(metrics, keeper)
    const head = await client.block('latest')
    if (!head) return
    metrics.chainHead.set(head.number)
    metrics.clockSkew.set(clock.now() - head.timestamp)
    finality ??= quietFinality(keeper)
    metrics.chainFinal.set(await finality.block())
  }
}

/** The sender tells when finality stalls; a page that is read must not tell it a second time. */
function quietFinality({ client, clock, config }: Keeper): FinalityView {
  const alerts = { raise: () => {}, clear: () => {}, active: () => [] }
  const { finality, finalityDepth } = config
  return finalityOf({ client, clock, alerts, finality, finalityDepth, finalityStallMs: Infinity })
}

function readEndpoints(metrics: Metrics, { client }: Keeper): void {
  metrics.rpcQuorum.set(client.quorum)
  for (const { name: endpoint, state, head } of named(client.endpoints())) {
    metrics.rpcUp.set({ endpoint }, state === 'closed' ? 1 : 0)
    if (head !== undefined) metrics.rpcHead.set({ endpoint }, head)
  }
  metrics.rpcRequests.reset()
  metrics.rpcSeconds.reset()
  for (const { url: endpoint, method, requests, refused, failed, ...ms } of client.stats()) {
    const ok = requests - refused - failed
    metrics.rpcRequests.inc({ endpoint, method, outcome: 'ok' }, ok)
    metrics.rpcRequests.inc({ endpoint, method, outcome: 'refused' }, refused)
    metrics.rpcRequests.inc({ endpoint, method, outcome: 'failed' }, failed)
    metrics.rpcSeconds.inc({ endpoint, method }, ms.totalMs / 1_000)
    metrics.rpcSlowest.set({ endpoint, method }, ms.maxMs / 1_000)
  }
}

/** Two endpoints of one provider differ only in a key, which is not shown: they are numbered. */
function named<T extends { url: string }>(endpoints: readonly T[]): (T & { name: string })[] {
  const seen = new Map<string, number>()
  return endpoints.map((endpoint) => {
    const count = (seen.get(endpoint.url) ?? 0) + 1
    seen.set(endpoint.url, count)
    return { ...endpoint, name: count === 1 ? endpoint.url : `${endpoint.url} #${count}` }
  })
}

async function readBalances(metrics: Metrics, keeper: Keeper): Promise<void> {
  for (const role of keeper.roles) {
    const sender = keeper[role].address
    metrics.senderBalance.set({ role, sender }, Number(await keeper.client.balanceOf(sender)))
  }
}

function runwayReader(metrics: Metrics, clock: Clock): Source['read'] {
  let readAtMs = -Infinity
  return async (keeper) => {
    if (clock.nowMs() - readAtMs < RUNWAY_MIN_AGE_MS) return
    const cycles = await readRunway(keeper)
    if (cycles === undefined) unset(metrics.poolRunway)
    else metrics.poolRunway.set(cycles)
    readAtMs = clock.nowMs()
  }
}

function setSlots(metrics: Metrics, figures: readonly SlotFigures[]): void {
  for (const { job, lastDone, open, late } of figures) {
    metrics.slotOpen.set({ job }, open)
    metrics.slotLate.set({ job }, late)
    const at: UnixSeconds | undefined = lastDone?.finishedAt
    if (at !== undefined) metrics.slotLastSuccess.set({ job }, at)
  }
}

function setPartners(metrics: Metrics, figures: PartnersPage): void {
  const { hoursThrough, daysThrough, lateVotes, unsent } = figures
  if (hoursThrough !== undefined) metrics.partnersHours.set(hoursThrough)
  if (daysThrough !== undefined) metrics.partnersDays.set(daysThrough)
  metrics.partnersLate.set(lateVotes)
  metrics.partnersUnsent.set(unsent)
}
