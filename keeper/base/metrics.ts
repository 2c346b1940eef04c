import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

interface Row<Type extends string, Label extends string> {
  type: Type
  name: string
  about: string
  labels: readonly Label[]
  buckets?: readonly number[]
}

function counter<Label extends string = never>(
  name: string,
  about: string,
  labels: readonly Label[] = [],
): Row<'counter', Label> {
  return { type: 'counter', name, about, labels }
}

function gauge<Label extends string = never>(
  name: string,
  about: string,
  labels: readonly Label[] = [],
): Row<'gauge', Label> {
  return { type: 'gauge', name, about, labels }
}

function histogram<Label extends string = never>(
  name: string,
  about: string,
  labels: readonly Label[],
  buckets: readonly number[],
): Row<'histogram', Label> {
  return { type: 'histogram', name, about, labels, buckets }
}

// A local node mines in milliseconds, Ethereum in 12 s, a bump comes after a minute, and after some
// hours somebody has to look.
const TX_BUCKETS = [0.05, 0.25, 1, 3, 6, 12, 24, 60, 120, 300, 900, 3_600, 14_400]
// The goal is 2 ms for all writes of one transaction; a disk that fsyncs takes 5 to 20.
const WRITE_BUCKETS = [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2]

/** Every metric of ours, once: the docs, the alert rules' test and createMetrics are made from it. */
export const METRICS = {
  info: gauge('muster_info', 'always 1; the labels say which chain, and whose keys it has', [
    'chain_id',
    'roles',
  ]),
  leader: gauge('muster_leader', '1: this keeper sends; 0: it stands by or is still starting'),
  alertActive: gauge('muster_alert_active', 'alerts that are raised now', ['kind', 'severity']),
  alertsRaised: counter('muster_alerts_raised_total', 'alerts told as new', ['kind']),
  alertPosts: counter(
    'muster_alert_posts_total',
    'notices for MUSTER_ALERT_URL: delivered, failed after all attempts, dropped by a full queue',
    ['outcome'],
  ),
  tx: counter('muster_tx_total', 'transactions that reached a state since the start', [
    'kind',
    'state',
  ]),
  txAttempts: counter('muster_tx_attempts_total', 'signed attempts: send, bump, cancel', [
    'purpose',
  ]),
  txInFlight: gauge('muster_tx_in_flight', 'transactions that this process is carrying out', [
    'sender',
  ]),
  txSeconds: histogram(
    'muster_tx_seconds',
    'seconds from the intent to its receipt',
    ['kind'],
    TX_BUCKETS,
  ),
  journalWriteSeconds: histogram(
    'muster_journal_write_seconds',
    'seconds that one durable write of the journal takes',
    [],
    WRITE_BUCKETS,
  ),
  rpcRequests: counter(
    'muster_rpc_requests_total',
    'requests to an endpoint: ok, refused (a JSON-RPC error), failed (no proper answer)',
    ['endpoint', 'method', 'outcome'],
  ),
  rpcSeconds: counter(
    'muster_rpc_request_seconds_total',
    'seconds spent waiting for an endpoint; by the requests: its mean latency',
    ['endpoint', 'method'],
  ),
  rpcSlowest: gauge('muster_rpc_request_seconds_max', 'slowest request since the start', [
    'endpoint',
    'method',
  ]),
  rpcUp: gauge('muster_rpc_endpoint_up', '1: its circuit is closed; 0: open or being tried', [
    'endpoint',
  ]),
  rpcHead: gauge('muster_rpc_endpoint_head', 'highest block that an endpoint has shown', [
    'endpoint',
  ]),
  rpcQuorum: gauge('muster_rpc_quorum', 'endpoints that must agree before a receipt counts'),
  chainHead: gauge('muster_chain_head', 'highest block that a quorum has'),
  chainFinal: gauge('muster_chain_final', 'highest block that is final by MUSTER_FINALITY'),
  clockSkew: gauge(
    'muster_clock_skew_seconds',
    'seconds since the newest block by our clock; below zero: our clock is behind the chain',
  ),
  slotLastSuccess: gauge(
    'muster_slot_last_success_timestamp_seconds',
    'unix time at which a job last completed a slot',
    ['job'],
  ),
  slotOpen: gauge('muster_slot_open', 'slots that are claimed and not done', ['job']),
  slotLate: gauge('muster_slot_late', 'open slots that were due over an hour ago', ['job']),
  senderBalance: gauge(
    'muster_sender_balance_wei',
    'coin that a sender has for gas; as a float, for graphs only',
    ['role', 'sender'],
  ),
  poolRunway: gauge('muster_pool_runway_cycles', 'cycles that the pool lasts at the present rate'),
  deadLetters: gauge('muster_dead_letters', 'jobs of the programs that failed for good'),
  partnersHours: gauge(
    'muster_partners_hours_through_timestamp_seconds',
    'unix time at which the last hour ended that was distributed to partners',
  ),
  partnersDays: gauge(
    'muster_partners_days_through_timestamp_seconds',
    'unix time at which the last day ended that was distributed to partners',
  ),
  partnersLate: gauge(
    'muster_partners_late_votes',
    'votes that came after their hour was distributed and wait for a correction',
  ),
  partnersUnsent: gauge(
    'muster_partners_unsent_sums',
    'hourly sums of special partners that are not in the second database yet',
  ),
  intakeSessions: gauge('muster_intake_sessions', 'connections of nodes, logged in or not'),
  intakeNodes: gauge('muster_intake_nodes', 'nodes that are logged in'),
  intakeBeats: counter('muster_intake_beats_total', 'beats that were counted'),
  intakeRefused: counter(
    'muster_intake_refused_total',
    'frames, logins, beats and connections that were refused, by code',
    ['code'],
  ),
  intakeHours: counter(
    'muster_intake_hours_total',
    'hours that were closed: heard, or unheard because the intake listened too little in them',
    ['result'],
  ),
  intakeUnsaved: gauge(
    'muster_intake_unsaved_nodes',
    'nodes whose last counts are in memory only; above zero for two seconds at a time',
  ),
  sampleFailures: counter(
    'muster_sample_failures_total',
    'readings for this page that failed; their gauges are left out until one succeeds',
    ['source'],
  ),
} as const

type Table = typeof METRICS
export type MetricKey = keyof Table

type Handle<Each> =
  Each extends Row<'counter', infer Label>
    ? Counter<Label>
    : Each extends Row<'gauge', infer Label>
      ? Gauge<Label>
      : Each extends Row<'histogram', infer Label>
        ? Histogram<Label>
        : never

/** One set a keeper: two in a process never share a number. */
export type Metrics = { readonly [Key in MetricKey]: Handle<Table[Key]> } & {
  readonly contentType: string
  /** The page that Prometheus reads. */
  text(): Promise<string>
}

export interface MetricsOptions {
  /** Memory, CPU, event loop and garbage collection of this process. */
  withProcess?: boolean
}

export function createMetrics({ withProcess = false }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  if (withProcess) collectDefaultMetrics({ register: registry })
  const handles = Object.entries(METRICS).map(([key, row]) => [key, handleOf(registry, row)])
  return {
    ...(Object.fromEntries(handles) as { [Key in MetricKey]: Handle<Table[Key]> }),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

function handleOf(registry: Registry, row: Row<string, string>): unknown {
  const { type, name, about, labels, buckets = [] } = row
  const options = { name, help: about, labelNames: [...labels], registers: [registry] }
  if (type === 'counter') return new Counter(options)
  if (type === 'gauge') return unset(new Gauge(options))
  return new Histogram({ ...options, buckets: [...buckets] })
}

/** A gauge that nobody has read yet is left out: 0 would say that the pool is empty. */
export function unset<Label extends string>(gauge: Gauge<Label>): Gauge<Label> {
  gauge.reset()
  gauge.remove({})
  return gauge
}
