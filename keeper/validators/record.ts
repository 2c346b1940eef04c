import type { Bps, Wei } from '../base/amount.ts'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import { cutOf, hourOf, hoursOf, openOf, startOfHour } from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import { onlineRateBps } from '../heartbeat/online-rate.ts'
import { WORD, bitOf } from '../heartbeat/words.ts'
import { STATES } from './cycle.ts'
import type { CycleState } from './cycle.ts'
import { judgeHour, project } from './projection.ts'
import type { CycleTerms, HourState, Projection } from './projection.ts'
import { readPushes } from './pushes.ts'
import type { Push, Pushes } from './pushes.ts'
import { majorityOf, readReporters, reportersIn } from './reporters.ts'
import type { ReporterTerm } from './reporters.ts'
import type { ChainRoom } from './room.ts'
import { isActive } from './roster.ts'
import type { RosterEntry } from './roster.ts'

/** One hour of a cycle, as the chain has it for one validator. */
export interface HourRecord {
  hour: Hour
  startsAt: UnixSeconds
  state: HourState
  /** A push that is still to come can make an online hour of it. */
  mayTurn: boolean
  /** Until then it can be pushed. */
  closesAt: UnixSeconds
  pushedBy: number
  seenBy: number
  reports: Report[]
}

/** What one reporter said, and the transaction that proves it. */
export interface Report {
  reporter: Address
  online: boolean
  /** Of the push that set the bit; of the first one when none did. */
  hash: Hex
  block: number
}

/** future, open, closed (past its cut): not decided. The others as the contract says. */
export type RecordState = 'future' | 'open' | 'closed' | Exclude<CycleState, 'none'>

export interface CycleRecord extends Projection {
  cycle: Cycle
  state: RecordState
  opensAt: UnixSeconds
  cutAt: UnixSeconds
  rateBps: Bps
  minSnapshots: number
  /** With nobody eligible everybody is paid. */
  payAll: boolean
  reporters: number
  majority: number
  isActive: boolean
  onlineRateBps: Bps
  hours: HourRecord[]
}

/** What all validators of a cycle share, read once. */
export interface CycleView extends CycleTerms {
  cycle: Cycle
  state: CycleState
  payAll: boolean
  weighted: boolean
  reporters: readonly ReporterTerm[]
  /** What the contract itself counts, while its ring still has the cycle. */
  counted: { snapshots: number } | undefined
}

export interface EvidenceAt {
  block: number
  now: UnixSeconds
  pushes: Pushes
  cycles: CycleView[]
}

/** Everything of some cycles that decides them, at one block. */
export async function readEvidenceOf(
  room: ChainRoom,
  cycles: readonly Cycle[],
  at: { block: number; now: UnixSeconds },
): Promise<EvidenceAt> {
  const terms = await readReporters(room, at.block)
  const fromCycle = Math.min(...cycles)
  const pushes = await readPushes(room, { fromCycle, toBlock: at.block, terms })
  const views: CycleView[] = []
  for (const cycle of cycles) views.push(await readView(room, cycle, terms, at.block))
  return { ...at, pushes, cycles: views }
}

async function readView(
  { contracts }: ChainRoom,
  cycle: Cycle,
  terms: readonly ReporterTerm[],
  block: number,
): Promise<CycleView> {
  const { registry, rewards } = contracts
  const blockTag = { blockTag: block }
  const [params, decided, record] = await Promise.all([
    rewards.paramsAt(cycle, blockTag),
    rewards.cycle(cycle, blockTag),
    registry.record(cycle, blockTag),
  ])
  const state = STATES[Number(decided.state)] ?? 'none'
  return {
    cycle,
    state,
    rateBps: Number(params.rateBps),
    minSnapshots: Number(params.minSnapshots),
    payAll: params.payAll,
    weighted: params.weighted,
    reporters: reportersIn(terms, cycle),
    counted: record.words === 0n ? undefined : { snapshots: Number(record.snapshots) },
  }
}

interface Terms {
  firstCut: UnixSeconds
  pushWindow: number
}

/** One validator's hours of a cycle and what may become of it. */
export function recordOf(
  terms: Terms,
  evidence: EvidenceAt,
  view: CycleView,
  entry: RosterEntry,
): CycleRecord {
  const { cycle, state, rateBps, minSnapshots, payAll, reporters } = view
  const { firstCut } = terms
  const [opensAt, cutAt] = [openOf(firstCut, cycle), cutOf(firstCut, cycle)]
  const majority = majorityOf(reporters.length)
  const hours = hoursOf(hourOf(firstCut), cycle).map((hour) =>
    recordHour(hour, { ...terms, ...evidence, view, majority, index: entry.index }),
  )
  const active = isActive(entry, cycle)
  const projection = project(hours, { rateBps, minSnapshots }, active)
  const undecided = evidence.now < opensAt ? 'future' : evidence.now < cutAt ? 'open' : 'closed'
  return {
    cycle,
    state: state === 'none' ? undecided : state,
    opensAt,
    cutAt,
    rateBps,
    minSnapshots,
    payAll,
    reporters: reporters.length,
    majority,
    isActive: active,
    ...projection,
    onlineRateBps: onlineRateBps(projection.appearances, projection.snapshots),
    hours,
  }
}

interface HourAsk extends Terms, EvidenceAt {
  view: CycleView
  majority: number
  index: number
}

function recordHour(hour: Hour, ask: HourAsk): HourRecord {
  const { pushWindow, now, pushes, majority, index } = ask
  const { reporters, state } = ask.view
  const [startsAt, endsAt] = [startOfHour(hour), startOfHour(hour + 1)]
  const closesAt = endsAt + pushWindow
  const reports = reportsOf(pushes.get(hour) ?? [], index)
  const [pushedBy, seenBy] = [reports.length, reports.filter(({ online }) => online).length]
  const hasPushed = new Set(reports.map(({ reporter }) => reporter))
  const awaited = reporters.filter(
    ({ reporter, expelled }) => expelled === undefined && !hasPushed.has(reporter),
  ).length
  const isOpen = state === 'none' && now < closesAt
  const votes = { pushedBy, seenBy, awaited, isOver: endsAt <= now, isOpen }
  return { hour, startsAt, ...judgeHour(votes, majority), closesAt, pushedBy, seenBy, reports }
}

function reportsOf(pushes: readonly Push[], index: number): Report[] {
  const has = (words: readonly bigint[]): boolean =>
    ((words[Math.floor(index / WORD)] ?? 0n) & bitOf(index)) !== 0n
  return pushes.flatMap(({ reporter, parts }) => {
    const told = parts.find(({ words }) => has(words)) ?? parts[0]
    if (!told) return []
    const { hash, block } = told.place
    return [{ reporter, online: has(told.words), hash, block }]
  })
}

/**
 * The same two numbers asked of the contract, where it still has them: logs that a node has lost must not
 * pass for hours in which nobody was up.
 */
export async function checkRecord(
  { contracts }: ChainRoom,
  { block }: EvidenceAt,
  { counted }: CycleView,
  { cycle, snapshots, appearances }: CycleRecord,
  index: number,
): Promise<void> {
  if (!counted) return
  const { registry } = contracts
  const asked = registry['appearances(uint32,uint32)'](index, cycle, { blockTag: block })
  const told = [counted.snapshots, Number(await asked)]
  if (told[0] === snapshots && told[1] === appearances) return
  const [contract, events] = [shown(told), shown([snapshots, appearances])]
  throw new KeeperError('RECORD_DIFFERS', { cycle, index, contract, events })
}

function shown([snapshots, appearances]: readonly number[]): string {
  return `online ${appearances} of ${snapshots} hours`
}

/** If the cycle were decided now. */
export interface Preview {
  eligible: number
  pool: Wei
  /** 0 in the weighted split, where shares differ. */
  share: Wei
}

/** Undefined where the node gives up on a count of that many validators. */
export async function readPreview(
  { contracts }: ChainRoom,
  cycle: Cycle,
  block: number,
): Promise<Preview | undefined> {
  try {
    const asked = await contracts.rewards.previewExtract(cycle, { blockTag: block })
    return { eligible: Number(asked.eligible), pool: asked.pool, share: asked.share }
  } catch (error) {
    if (isKeeperError(error, 'RPC_UNAVAILABLE')) throw error
    return undefined
  }
}
