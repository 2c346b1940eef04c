import { EXIT } from '../base/error-catalogue.ts'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import { requireCode } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { NATIVE } from '../chain/contracts.ts'
import { readSideLog } from '../chain/journal/side-log-file.ts'
import { listTallyHours } from '../heartbeat/receipts/stored.ts'
import { readClosedHour } from '../heartbeat/tally/closed-hours.ts'
import { listSlots } from '../jobs/slots.ts'
import type { Db } from '../store/db.ts'
import { openStore } from '../store/open-store.ts'
import { listActions } from '../validators/action-log.ts'
import type { ChainAsk } from '../verify/audit-chain.ts'
import type { Shown } from '../verify/audit-receipts.ts'
import type { StoreNotes } from '../verify/audit-store.ts'
import { readReporters } from '../validators/reporters.ts'
import type { TallyNotes, TallyRow } from '../verify/audit-tally.ts'
import { stateReader } from '../verify/compare-state.ts'
import { verify } from '../verify/verify.ts'
import type { CycleLine, Verdict, WithRecords } from '../verify/verify.ts'
import type { Report, Run } from './command.ts'
import { ownSenders } from './own-senders.ts'
import { grouped, money, plural, table } from './print.ts'
import type { Asset } from './print.ts'
import { showPhases } from './progress.ts'
import { countsText, readReceipts } from './receipt-files.ts'
import { openClient, openSession } from './session.ts'

export interface AuditOptions {
  from?: string
  to?: string
  chainOnly?: boolean
  registry?: string
  rewards?: string
  fromBlock?: string
  receipts?: string[]
}

const FIRST_CYCLE = 1
const LAST_CYCLE = 2 ** 32 - 1
// As many actions and slots as thirty years of a busy keeper write.
const MAX_NOTES = 1_000_000

/** Exit code 1 when anything disagrees: the first divergence is named, with what was expected. */
export async function auditCommand(run: Run, options: AuditOptions): Promise<Report> {
  const ask = await openAsk(run, options)
  const progress = showPhases({}, run.clock)
  const onProgress = (phase: string, done: number, total: number): void =>
    progress.update({ phase, done, total })
  try {
    const chainAsk = { ...ask.chain, onProgress }
    const shown = await readReceipts(options.receipts ?? [])
    const verdict = options.chainOnly
      ? await verify(chainAsk, undefined, shown)
      : await verifyAll(run, chainAsk, ask.keys, shown)
    progress.stop()
    const exitCode = verdict.ok ? EXIT.ok : EXIT.failed
    return { json: verdict, lines: linesOf(verdict, ask.asset), exitCode }
  } finally {
    progress.stop()
    ask.chain.client.close()
  }
}

async function verifyAll(
  run: Run,
  ask: ChainAsk,
  keys: Opened['keys'],
  shown: readonly Shown[],
): Promise<Verdict> {
  const { home } = run.config
  const db = await openStore({ ...run.config, clock: run.clock })
  // The side log first: what it saw of the journal is in the store, and the store may go on.
  const told: string[] = []
  const withRecords: WithRecords = async (use) => {
    const side = readSideLog(home, 'all')
    return db.begin(async (t) => {
      const notes = await readNotes(t)
      const own = await ownSenders(t, ask.client.chainId, keys)
      told.push(...own.notes)
      return use({ db: t, side, ours: own.ours, notes })
    })
  }
  try {
    const verdict = await verify(ask, withRecords, shown)
    return { ...verdict, notes: [...verdict.notes, ...told] }
  } finally {
    await db.close()
  }
}

/** All of one moment: beside a running keeper its rows and their events would not fit. */
async function readNotes(t: Db): Promise<StoreNotes> {
  if (t.kind === 'postgres') await t.exec('set transaction isolation level repeatable read')
  const actions = await listActions(t, MAX_NOTES)
  const slots = await listSlots(t, MAX_NOTES)
  return { actions, slots, tally: await tallyOf(t) }
}

/** Row by row only when an hour is recounted: forty days of 10,000 validators are ten million. */
export async function tallyOf(t: Db): Promise<TallyNotes> {
  const rowsOf = async (hour: Hour): Promise<readonly TallyRow[] | undefined> => {
    const rows = (await readClosedHour(t, hour))?.rows ?? []
    return rows.length > 0 ? rows : undefined
  }
  return { hours: await listTallyHours(t), rowsOf }
}

interface Opened {
  chain: Omit<ChainAsk, 'onProgress'>
  keys: { keeper: Address; reporters: Address[] }
  asset: Asset
}

async function openAsk(run: Run, options: AuditOptions): Promise<Opened> {
  const from = numberOf(options.from, '--from') ?? FIRST_CYCLE
  const to = numberOf(options.to, '--to') ?? LAST_CYCLE
  if (from < FIRST_CYCLE || from > to) {
    throw usage(`--from ${from} and --to ${to} name no cycle`)
  }
  const fromBlock = numberOf(options.fromBlock, '--from-block')
  const isNamed = options.registry !== undefined || options.rewards !== undefined
  if (isNamed) return openNamed(run, options, { from, to, fromBlock: fromBlock ?? 0 })
  const session = await openSession(run)
  const { client, contracts } = session
  const { registry, rewards, asset, deployBlock, keeper, reporter } = contracts.deployment
  const terms = await readReporters(session).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  return {
    chain: { client, registry, rewards, asset, from, to, fromBlock: fromBlock ?? deployBlock },
    keys: { keeper, reporters: [reporter, ...terms.map((term) => term.reporter)] },
    asset: contracts.deployment,
  }
}

/** An auditor has a node and two addresses, and need not trust a file of ours. */
async function openNamed(
  run: Run,
  { registry, rewards, chainOnly }: AuditOptions,
  range: { from: number; to: number; fromBlock: number },
): Promise<Opened> {
  if (registry === undefined || rewards === undefined) {
    throw usage('--registry and --rewards go together')
  }
  if (!chainOnly) throw usage('with --registry and --rewards only --chain-only is possible')
  const addresses = {
    registry: parseWith(addressSchema, registry, '--registry'),
    rewards: parseWith(addressSchema, rewards, '--rewards'),
  }
  const client = await openClient(run)
  try {
    await requireCode(client, addresses.registry, 'HeartbeatRegistry')
    await requireCode(client, addresses.rewards, 'ValidatorRewards')
    const asset = await assetOf(client, addresses)
    const keys = { keeper: NATIVE, reporters: [] }
    return { chain: { client, ...addresses, ...range, asset }, keys, asset: UNITS }
  } catch (error) {
    client.close()
    throw error
  }
}

/** Without a file nobody says how the asset is written. */
const UNITS: Asset = { decimals: 0, symbol: 'units' }

async function assetOf(
  client: ChainClient,
  addresses: { registry: Address; rewards: Address },
): Promise<Address> {
  const reader = stateReader(client, { ...addresses, asset: NATIVE }, await client.blockNumber())
  const [asset] = await reader.rewards('asset')
  return asset as Address
}

function numberOf(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw usage(`${flag} ${text} is not a whole number`)
}

function usage(what: string): KeeperError {
  return new KeeperError('USAGE', { what, command: 'verify' })
}

function linesOf(verdict: Verdict, asset: Asset): string[] {
  const { chainId, block, events, transactions, cycles, notes, divergence, found } = verdict
  return [
    `chain ${chainId} to block ${block}: ${plural(events, 'event')} of ${plural(transactions, 'transaction')}`,
    ...cycleLines(cycles, asset),
    ...totalLines(verdict, asset),
    ...layerLines(verdict),
    ...notes.map((note) => `note: ${note}`),
    ...(divergence ? [`✗ ${divergence.sentence}`] : []),
    ...(found > 1 ? [`  and ${plural(found - 1, 'further difference')}: --json lists them`] : []),
  ]
}

function cycleLines(cycles: readonly CycleLine[], asset: Asset): string[] {
  if (cycles.length === 0) return ['no cycle of that range is decided']
  const rows = cycles.map((line) => [
    line.ok ? '✓' : '✗',
    String(line.cycle),
    line.state,
    String(line.snapshots),
    String(line.eligible),
    money(line.pool, asset),
    money(line.paid, asset),
    money(line.credited, asset),
    money(line.unpaid, asset),
    line.strangers.length > 0 ? `by another sender: ${line.strangers.join(', ')}` : '',
  ])
  const head = ['', 'cycle', 'state', 'snapshots', 'eligible', 'pool', 'paid', 'credited', 'unpaid']
  return table([...head, ''], rows)
}

function totalLines({ totals }: Verdict, asset: Asset): string[] {
  const { funded, returned, ...rest } = totals
  const parts = { ...rest, ...(returned > 0n ? { returned } : {}) }
  const sum = Object.entries(parts).map(([name, amount]) => `${name} ${money(amount, asset)}`)
  return [`funded ${money(funded, asset)}`, `  = ${sum.join(' + ')}`]
}

function layerLines({ layers, journalRows, receipts }: Verdict): string[] {
  const marks = { ok: '✓', diverged: '✗', skipped: '–' } as const
  return [
    `${marks[layers.chain]} derived from events ↔ chain`,
    `${marks[layers.journal]} chain ↔ journal (${grouped(journalRows)} rows)`,
    `${marks[layers.store]} journal ↔ store`,
    ...(layers.receipts === 'skipped'
      ? []
      : [`${marks[layers.receipts]} receipts ↔ chain (${countsText(receipts)})`]),
  ]
}
