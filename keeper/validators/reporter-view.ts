import type { Address } from '../base/schema.ts'
import { cycleOfHour, hourOf, hoursOf, startOfHour } from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import { countBits } from '../heartbeat/words.ts'
import { FINALITY_DELAY } from './cycle.ts'
import { compareReporters } from './disagreement.ts'
import type { Disagreement, ValidatorDifference } from './disagreement.ts'
import { readPushes } from './pushes.ts'
import type { Push, Pushes } from './pushes.ts'
import { majorityOf, readReporters, reportersIn } from './reporters.ts'
import type { ReporterTerm } from './reporters.ts'
import { blockTimes } from './room.ts'
import type { ChainRoom } from './room.ts'
import { FOREVER, readRoster } from './roster.ts'

/** Who watches the validators, how well, and where they disagree: from the chain alone. */
export interface ReporterView {
  chainId: number
  block: number
  blockTime: UnixSeconds
  openCycle: Cycle
  /** Every term there ever was. */
  reporters: ReporterLine[]
  /** Newest first. */
  cycles: ReporterCycle[]
}

export type ReporterState = 'pending' | 'active' | 'leaving' | 'removed' | 'expelled'

export interface ReporterLine {
  reporter: Address
  seat: number
  state: ReporterState
  from: Cycle
  /** Null while it has not been removed. */
  to: Cycle | null
}

export interface ReporterCycle {
  cycle: Cycle
  reporters: ReporterRecord[]
  majority: number
  /** Hours that are over. */
  over: number
  /** Of them those that a majority pushed. */
  counted: number
}

export interface ReporterRecord {
  reporter: Address
  expelled: boolean
  pushed: number
  /** Hours that are over and that it has not pushed. */
  missing: Hour[]
  /** Pushed more than half an hour after their end: extract does not wait for them. */
  late: Hour[]
  /** Validators seen up, summed over its hours. */
  bits: number
  /** Bits in which it was outvoted, in hours that count: it said up, or not up, and the majority did not. */
  differing: { up: number; down: number }
  /** Validators that they are about, at most MAX_LISTED, most hours first. */
  about: { index: number; node: Address | null; up: Hour[]; down: Hour[] }[]
  aboutFound: number
}

// An honest reporter differs about a few at the edge of an hour; a longer list only says that it lies.
const MAX_LISTED = 100

/** The open cycle and the one before, or the one that is asked for. */
export async function readReporterView(room: ChainRoom, asked?: Cycle): Promise<ReporterView> {
  const { client, contracts } = room
  const head = await client.block('latest')
  const [block, now] = [head?.number ?? 0, head?.timestamp ?? 0]
  const openCycle = cycleOfHour(hourOf(contracts.deployment.firstCut), hourOf(now))
  const terms = await readReporters(room, block)
  const newest = [openCycle, openCycle - 1].filter((cycle) => cycle > 0)
  const cycles = asked === undefined ? newest : [asked]
  const fromCycle = Math.min(...cycles)
  const pushes: Pushes =
    cycles.length > 0 ? await readPushes(room, { fromCycle, toBlock: block, terms }) : new Map()
  const { entries } = await readRoster(room, block)
  const nodeOf = (index: number): Address | null => entries[index]?.node ?? null
  const views: ReporterCycle[] = []
  for (const cycle of cycles) {
    views.push(await readCycleOf(room, { cycle, now, pushes, terms, nodeOf }))
  }
  return {
    chainId: client.chainId,
    block,
    blockTime: now,
    openCycle,
    reporters: terms.map((term) => lineOf(term, openCycle)),
    cycles: views,
  }
}

function lineOf(term: ReporterTerm, openCycle: Cycle): ReporterLine {
  const { reporter, seat, from, to } = term
  return { reporter, seat, from, to: to === FOREVER ? null : to, state: stateOf(term, openCycle) }
}

function stateOf({ from, to, expelled }: ReporterTerm, openCycle: Cycle): ReporterState {
  if (to < openCycle || to < from) return 'removed'
  if (expelled) return 'expelled'
  if (from > openCycle) return 'pending'
  return to === FOREVER ? 'active' : 'leaving'
}

interface CycleAsk {
  cycle: Cycle
  now: UnixSeconds
  pushes: Pushes
  terms: readonly ReporterTerm[]
  nodeOf: (index: number) => Address | null
}

async function readCycleOf(room: ChainRoom, ask: CycleAsk): Promise<ReporterCycle> {
  const { cycle, now, pushes, terms } = ask
  const set = reportersIn(terms, cycle)
  const majority = majorityOf(set.length)
  const hours = hoursOf(hourOf(room.contracts.deployment.firstCut), cycle)
  const over = hours.filter((hour) => startOfHour(hour + 1) <= now)
  const own = new Map(over.map((hour) => [hour, pushes.get(hour) ?? []]))
  const differing = compareReporters(own, majority)
  const times = await blockTimes(room, [...own.values()].flat().flatMap(firstBlock))
  const records = set.map((term) =>
    recordOf(term, { own, times, nodeOf: ask.nodeOf, differing: differing.get(term.reporter) }),
  )
  const counted = over.filter((hour) => (own.get(hour)?.length ?? 0) >= majority).length
  return { cycle, reporters: records, majority, over: over.length, counted }
}

interface RecordFacts {
  own: ReadonlyMap<Hour, readonly Push[]>
  times: ReadonlyMap<number, UnixSeconds>
  nodeOf: CycleAsk['nodeOf']
  differing: Disagreement | undefined
}

function recordOf(term: ReporterTerm, facts: RecordFacts): ReporterRecord {
  const { own, times, nodeOf, differing } = facts
  const pushed = [...own].flatMap(([hour, pushes]) => {
    const push = pushes.find(({ reporter }) => reporter === term.reporter)
    return push ? [{ hour, push }] : []
  })
  const isLate = ({ hour, push }: { hour: Hour; push: Push }): boolean => {
    const at = times.get(firstBlock(push)[0] ?? 0) ?? 0
    return at >= startOfHour(hour + 1) + FINALITY_DELAY
  }
  const hours = new Set(pushed.map(({ hour }) => hour))
  const weightOf = ({ up, down }: ValidatorDifference): number => up.length + down.length
  const about = [...(differing?.validators.values() ?? [])].toSorted(
    (one, other) => weightOf(other) - weightOf(one) || one.index - other.index,
  )
  return {
    reporter: term.reporter,
    expelled: term.expelled !== undefined,
    pushed: pushed.length,
    missing: [...own.keys()].filter((hour) => !hours.has(hour)),
    late: pushed.filter(isLate).map(({ hour }) => hour),
    bits: pushed.reduce((total, { push }) => total + countBits(push.words), 0),
    differing: { up: differing?.up ?? 0, down: differing?.down ?? 0 },
    about: about.slice(0, MAX_LISTED).map((each) => ({ ...each, node: nodeOf(each.index) })),
    aboutFound: about.length,
  }
}

/** Where it was pushed first; a repetition only adds bits. */
function firstBlock({ parts }: Push): number[] {
  return parts.slice(0, 1).map(({ place }) => place.block)
}
