import { KeeperError } from '../base/errors.ts'
import { cycleSchema, parseWith } from '../base/schema.ts'
import { cutOf, hourOf, isoTime, startOfHour } from '../base/time.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { runDaySlot } from '../jobs/runner.ts'
import { closeKeeper, openKeeper } from '../keeper.ts'
import type { Keeper, SigningRole } from '../keeper.ts'
import { readBeats } from '../heartbeat/beats.ts'
import { fileEvidence } from '../heartbeat/evidence.ts'
import { parseHour, readOnline } from '../heartbeat/input.ts'
import type { OnlineInput } from '../heartbeat/input.ts'
import { cycleOf, pushHour } from '../heartbeat/snapshot.ts'
import type { DayProgress, DayReport } from '../validators/day.ts'
import { extractCycle } from '../validators/extract.ts'
import { readPayments } from '../validators/payments.ts'
import { readCycle } from '../validators/cycle-facts.ts'
import { wordsFrom, wordsOf } from '../validators/push-hours.ts'
import { replayDay } from '../validators/replay.ts'
import { readRoster } from '../validators/roster.ts'
import { transferCycle } from '../validators/transfer.ts'
import type { Report, Run } from './command.ts'
import { grouped, money, plural, shownHours, table } from './print.ts'
import type { Asset } from './print.ts'
import { DAY_PHASES, showPhases, showProgress } from './progress.ts'
import { openClient, openSigner } from './session.ts'
import { findValidator } from './validators.ts'

/** The keeper with the keys that the command needs, and no others. */
export async function withKeeper<T>(
  run: Run,
  roles: readonly SigningRole[],
  work: (keeper: Keeper) => Promise<T>,
): Promise<T> {
  const client = await openClient(run)
  const { chainId } = client
  client.close()
  const signers: Partial<Record<SigningRole, Awaited<ReturnType<typeof openSigner>>>> = {}
  for (const role of roles) signers[role] = await openSigner(run, role, chainId)
  const { clock, log, signal } = run
  const keeper = await openKeeper(run.config, { clock, log, signal, roles, signers })
  warnOfEmbeddedStore(run, {
    isEmbedded: keeper.db.kind === 'pglite',
    isLocal: chainId === LOCAL_CHAIN_ID,
  })
  try {
    return await work(keeper)
  } finally {
    await closeKeeper(keeper)
  }
}

/** The embedded store never waits for the disk: fine for trying, not for money. */
export function warnOfEmbeddedStore(run: Run, on: { isEmbedded: boolean; isLocal: boolean }): void {
  if (!on.isEmbedded || on.isLocal) return
  run.note(
    'WARNING: real payouts with the embedded store. After a power loss its journal may lack the',
  )
  run.note('last transactions. Set DATABASE_URL to a PostgreSQL for anything of value.')
}

export async function pushCommand(
  run: Run,
  { from, hour: text }: { from: string; hour?: string },
): Promise<Report> {
  return withKeeper(run, ['reporter'], async (keeper) => {
    const hour = text === undefined ? await lastHour(keeper) : parseHour(text)
    const input = await readOnline(from, hour)
    const cycle = cycleOf(keeper, hour)
    refuseEmptyList(input)
    // In a list that somebody wrote, a stranger is a mistake; among beats it is only noise (Z-14).
    const words =
      input.form === 'beats'
        ? await wordsOf(keeper, { hour, cycle, nodes: input.nodes })
        : await wordsFrom(keeper, hour, input)
    const { online, status, tx } = await pushHour(keeper, { hour, words, source: from })
    const when = isoTime(startOfHour(hour))
    const done = status === 'pushed' ? 'pushed' : 'the chain has it already:'
    return {
      json: { hour, cycle, online, status, hash: tx?.hash },
      lines: [
        `${done} hour ${hour} (${when}), cycle ${cycle}: ${plural(online, 'validator')} online`,
        ...(tx ? [`  ${tx.hash}`] : []),
      ],
    }
  })
}

async function lastHour({ client }: Keeper): Promise<number> {
  return hourOf((await client.block('latest'))?.timestamp ?? 0) - 1
}

/** More often an unfinished file than an hour in which really nobody was there. */
function refuseEmptyList(input: OnlineInput): void {
  if (input.form !== 'list' || input.nodes.length > 0) return
  const fault = 'it names nobody; if nobody was online, give a bitmap of zeros'
  throw new KeeperError('SNAPSHOT_INPUT_INVALID', { file: input.file, faults: [fault] })
}

export async function extractCommand(run: Run, options: { cycle?: string }): Promise<Report> {
  return withKeeper(run, ['keeper'], async (keeper) => {
    const cycle = await cycleOr(options.cycle, async () =>
      Number(await keeper.contracts.rewards.nextCycle()),
    )
    const { facts, txs } = await extractCycle(keeper, cycle)
    const { state, eligible, snapshots, pool, allocated } = facts
    const hashes = txs.map(({ hash }) => hash)
    const asset = keeper.contracts.deployment
    const said =
      state === 'settled'
        ? `${plural(eligible, 'validator')} eligible of ${snapshots} snapshots; ${money(allocated, asset)} of ${money(pool, asset)} allocated`
        : `${state}: the money stays in the pool (${snapshots} snapshots)`
    return {
      json: { cycle, state, eligible, snapshots, pool, allocated, hashes },
      lines: [
        `cycle ${cycle}: ${said}`,
        ...(hashes.length > 0
          ? hashes.map((hash) => `  ${hash}`)
          : ['  it was decided before; nothing was sent']),
      ],
    }
  })
}

async function cycleOr(text: string | undefined, fallback: () => Promise<number>): Promise<number> {
  return text === undefined ? fallback() : parseWith(cycleSchema, text, 'cycle')
}

async function lastDecided({ contracts, client }: Keeper): Promise<number> {
  const next = Number(await contracts.rewards.nextCycle())
  if (next > 1) return next - 1
  const now = (await client.block('latest'))?.timestamp ?? 0
  const cut = isoTime(cutOf(contracts.deployment.firstCut, next))
  throw new KeeperError('NOTHING_DECIDED', { cycle: next, cut, blockTime: isoTime(now) })
}

export interface TransferOptions {
  cycle?: string
  all?: boolean
}

export async function transferCommand(
  run: Run,
  options: TransferOptions,
  names: string[],
): Promise<Report> {
  if ((names.length === 0) === (options.all !== true)) {
    throw new KeeperError('USAGE', { what: 'name validators, or --all', command: 'transfer' })
  }
  const progress = showProgress('batches', run.clock)
  return withKeeper(run, ['keeper'], async (keeper) => {
    const cycle = await cycleOr(options.cycle, async () => lastDecided(keeper))
    const only = names.length === 0 ? {} : { only: await wordsNamed(keeper, names) }
    const onBatch = async ({ done, total }: { done: number; total: number }): Promise<void> =>
      progress.update(done, total)
    const { txs, batchSize } = await transferCycle(keeper, cycle, { ...only, onBatch })
    const { paid, credited, refusals } = await readPayments(keeper, await readCycle(keeper, cycle))
    const asset = keeper.contracts.deployment
    const rows = txs.map(({ hash, gasUsed }, i) => [
      String(i + 1),
      hash ?? '-',
      grouped(gasUsed ?? 0n),
    ])
    return {
      json: {
        cycle,
        batchSize,
        batches: txs.length,
        paid,
        credited,
        refused: refusals,
        txs: txs.map(({ hash, gasUsed }) => ({ hash, gasUsed })),
      },
      lines: [
        txs.length === 0
          ? `cycle ${cycle}: nothing of it was unpaid, nothing was sent`
          : `cycle ${cycle}: ${plural(txs.length, 'batch', 'batches')} of at most ${batchSize} sent`,
        ...(rows.length > 0 ? table(['batch', 'hash', 'gas'], rows) : []),
        `paid so far ${money(paid, asset)}, credited ${money(credited, asset)}`,
      ],
    }
  }).finally(() => progress.stop())
}

async function wordsNamed(keeper: Keeper, names: string[]): Promise<bigint[]> {
  const roster = await readRoster(keeper)
  const indices = names
    .flatMap((name) => name.split(','))
    .map((name) => findValidator(roster, name).index)
  return Array.from({ length: Math.ceil(roster.entries.length / 256) }, (_, word) =>
    indices
      .filter((index) => Math.floor(index / 256) === word)
      .reduce((bits, index) => bits | (1n << BigInt(index % 256)), 0n),
  )
}

export interface RunDayOptions {
  cycle?: string
  replay?: string
  beats?: string
}

/** The whole day of one cycle; may be run again at any time: what is done is not done twice. */
export async function runDayCommand(run: Run, options: RunDayOptions): Promise<Report> {
  if (options.replay !== undefined && options.beats !== undefined) {
    throw new KeeperError('USAGE', {
      what: 'give --replay or --beats, not both',
      command: 'run-day',
    })
  }
  const progress = showPhases(DAY_PHASES, run.clock)
  return withKeeper(run, ['reporter', 'keeper'], async (keeper) => {
    const day = await dayOf(keeper, options, progress.update)
    progress.stop()
    return { json: day, lines: dayLines(day, keeper.contracts.deployment) }
  }).finally(() => progress.stop())
}

async function dayOf(
  keeper: Keeper,
  options: RunDayOptions,
  onProgress: (progress: DayProgress) => void,
): Promise<DayReport> {
  const cycle =
    options.cycle === undefined ? undefined : parseWith(cycleSchema, options.cycle, 'cycle')
  if (options.replay !== undefined) {
    return replayDay(keeper, { beats: await readBeats(options.replay), cycle, onProgress })
  }
  const evidence = options.beats === undefined ? undefined : fileEvidence(options.beats)
  return runDaySlot(keeper, { cycle, trigger: 'manual', evidence, onProgress })
}

// More than this many of a kind are counted, not listed.
const MAX_LISTED = 3

export function dayLines(day: DayReport, asset: Asset): string[] {
  const { cycle, state, snapshots, missing, eligible, unpaid } = day
  const lost = missing.length > 0 ? ` (missing hours: ${shownHours(missing)})` : ''
  const sent = txLines(day.txs)
  const rest = unpaid > 0 ? ` + ${plural(unpaid, 'validator')} unpaid` : ''
  return [
    `cycle ${cycle}: ${state}; ${plural(snapshots, 'snapshot')}${lost}, ${plural(eligible, 'validator')} eligible`,
    ...(sent.length > 0 ? sent : ['  all of it had been done before; nothing was sent']),
    `pool ${money(day.pool, asset)} = paid ${money(day.paid, asset)}` +
      ` + credited ${money(day.credited, asset)} + carried ${money(day.carried, asset)}${rest}`,
  ]
}

function txLines(txs: DayReport['txs']): string[] {
  const kinds = [...new Set(txs.map(({ kind }) => kind))]
  const rows = kinds.flatMap((kind) => {
    const all = txs.filter((tx) => tx.kind === kind)
    const listed = all.slice(0, all.length > MAX_LISTED + 1 ? MAX_LISTED : all.length)
    const shown = listed.map((tx) => [kind, tx.key.slice(0, 24), grouped(tx.gasUsed), tx.hash])
    const left = all.slice(listed.length)
    const gas = left.reduce((total, tx) => total + tx.gasUsed, 0n)
    const more = [kind, `… and ${left.length} more`, grouped(gas), 'see muster journal']
    return left.length > 0 ? [...shown, more] : shown
  })
  return rows.length > 0 ? table(['kind', 'key', 'gas', 'hash'], rows) : []
}
