import type { ErrorCode } from '../base/error-catalogue.ts'
import { KeeperError, describe, isKeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { SECONDS_PER_HOUR, hourOf, hoursOf, startOfHour } from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'
import type { Evidence } from '../heartbeat/evidence.ts'
import { cycleOf, findSnapshot, pushHour } from '../heartbeat/snapshot.ts'
import type { PushResult } from '../heartbeat/snapshot.ts'
import type { OnlineInput } from '../heartbeat/input.ts'
import { indicesOf, toWords } from '../heartbeat/words.ts'
import { recordAction } from './action-log.ts'
import type { Trigger } from './action-log.ts'
import { explainRefusal, isEarly } from './push-right.ts'
import type { Roster } from './roster.ts'
import { activeIn, isActive, readRoster } from './roster.ts'
import type { ChainRoom, ValidatorsRoom } from './room.ts'
import { blockTime } from './room.ts'

export interface PushedHours {
  pushed: PushResult[]
  /** Of these, the ones that were pushed long after their end: the chain or this keeper was away. */
  late: Hour[]
  /** Over, but neither stored nor known to the evidence. */
  missing: Hour[]
  /** Of these, the ones that will not come: nobody looked in them. */
  unheard: Hour[]
  /** Their window is over or their cycle decided: lost for all alike. */
  lost: Hour[]
}

// A push comes at most 15 s after the end of its hour, and a try again after a minute.
export const LATE_PUSH_SECONDS = 300

export interface PushOptions {
  job: string
  trigger: Trigger
  evidence?: Evidence | undefined
  onHour?: (result: PushResult) => void | Promise<void>
}

/** Pushes every closed hour of the cycle that the chain does not have: stored ones, then the evidence's. */
export async function pushHours(
  room: ValidatorsRoom,
  cycle: Cycle,
  options: PushOptions,
): Promise<PushedHours> {
  const result: PushedHours = { pushed: [], late: [], missing: [], unheard: [], lost: [] }
  const now = await blockTime(room)
  const hours = hoursOf(hourOf(room.contracts.deployment.firstCut), cycle)
  let roster: Roster | undefined
  for (const hour of hours.filter((each) => startOfHour(each) + SECONDS_PER_HOUR <= now)) {
    const stored = await findSnapshot(room.db, hour)
    const nodes = stored ? undefined : await options.evidence?.nodesIn(hour)
    if (!stored && !nodes) {
      result.missing.push(hour)
      if (await options.evidence?.isUnheard?.(hour)) result.unheard.push(hour)
      continue
    }
    const source = stored?.source ?? options.evidence?.name ?? 'unknown'
    roster ??= stored ? undefined : await readRoster(room)
    const words =
      stored?.words ?? (await wordsOf(room, { hour, cycle, nodes: nodes ?? [], roster }))
    await pushOne(room, { hour, words, source }, options, result)
  }
  const { lost } = result
  const late = lateOf(result.pushed, now)
  if (late.length > 0) room.log.warn({ cycle, late }, 'hours-pushed-late')
  if (lost.length > 0) room.log.warn({ cycle, lost }, 'hours-lost')
  return { ...result, late }
}

/** By the time of the block before the first of them was sent. */
function lateOf(pushed: readonly PushResult[], now: UnixSeconds): Hour[] {
  const sent = pushed.filter(({ status }) => status === 'pushed').map(({ hour }) => hour)
  return sent.filter((hour) => now - startOfHour(hour + 1) > LATE_PUSH_SECONDS)
}

/** A list that a person gives: a node that is not registered is a mistake in it. */
export async function wordsFor(
  room: ValidatorsRoom,
  { hour, nodes }: { hour: Hour; nodes: readonly Address[] },
): Promise<bigint[]> {
  const roster = await readRoster(room)
  const unknown = nodes.filter((node) => !roster.byNode.has(node))
  if (unknown.length > 0) {
    const listed = unknown.slice(0, MAX_LISTED)
    throw new KeeperError('SNAPSHOT_UNKNOWN_NODES', { nodes: listed, total: unknown.length })
  }
  return wordsOf(room, { hour, cycle: cycleOf(room, hour), nodes, roster })
}

/** What a file gave, as the words of a push. A bitmap must name validators of the cycle only. */
export async function wordsFrom(
  room: ValidatorsRoom,
  hour: Hour,
  input: OnlineInput,
): Promise<bigint[]> {
  if (input.form !== 'bitmap') return wordsFor(room, { hour, nodes: input.nodes })
  const cycle = cycleOf(room, hour)
  const { entries } = await readRoster(room)
  const strange = indicesOf(input.words).filter((index) => {
    const entry = entries[index]
    return entry === undefined || !isActive(entry, cycle)
  })
  if (strange.length === 0) return input.words
  const indices = strange.slice(0, MAX_LISTED)
  throw new KeeperError('BITS_BEYOND_ROSTER', { indices, total: strange.length, cycle })
}

// An error names the first hundred: they tell enough.
const MAX_LISTED = 100

/** Nodes as bits. Who is not registered, or not active in the cycle, beats for nothing (Z-14). */
export async function wordsOf(
  room: ChainRoom & Pick<ValidatorsRoom, 'log'>,
  given: { hour: Hour; cycle: Cycle; nodes: readonly Address[]; roster?: Roster | undefined },
): Promise<bigint[]> {
  const { hour, cycle, nodes } = given
  const roster = given.roster ?? (await readRoster(room))
  // Not by its newest index: a node that was removed and added again in a cycle keeps its old one until the cut.
  const indexOf = new Map(activeIn(roster, cycle).map(({ node, index }) => [node, index]))
  const indices = nodes.flatMap((node) => indexOf.get(node) ?? [])
  const ignored = nodes.length - indices.length
  if (ignored > 0) room.log.warn({ hour, cycle, ignored }, 'beats-of-strangers-ignored')
  const count = Number(await room.contracts.registry.wordCountOf(cycle))
  return toWords(indices, count)
}

const LOST: ErrorCode[] = ['HOUR_TOO_OLD', 'CYCLE_SETTLED']

async function pushOne(
  room: ValidatorsRoom,
  given: { hour: Hour; words: bigint[]; source: string },
  { job, trigger, onHour }: PushOptions,
  result: PushedHours,
): Promise<void> {
  const action = { job, trigger, action: 'snapshot', targets: [given.hour] }
  try {
    const pushed = await pushHour(room, given)
    result.pushed.push(pushed)
    const status = pushed.status === 'pushed' ? 'done' : 'skipped'
    if (pushed.tx) {
      await recordAction(room.db, room.clock, { ...action, status, txHash: pushed.tx.hash })
    }
    await onHour?.(pushed)
  } catch (refusal) {
    const error = await explainRefusal(room, cycleOf(room, given.hour), refusal)
    if (isEarly(error)) throw error
    const { message } = describe(error)
    await recordAction(room.db, room.clock, { ...action, status: 'failed', error: message })
    if (!isKeeperError(error, ...LOST)) throw error
    result.lost.push(given.hour)
  }
}
