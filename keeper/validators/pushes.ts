import type { Log } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import { HOURS_PER_CYCLE, cycleOfHour, hourOf, openOf } from '../base/time.ts'
import type { Cycle, Hour } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { topicOf, blockAt } from './payments.ts'
import { isBefore, placeOf } from './reporters.ts'
import type { ChainPlace, ReporterTerm } from './reporters.ts'
import type { ChainRoom } from './room.ts'

/** What one reporter said of one hour: the union of its pushes, each with its transaction. */
export interface Push {
  reporter: Address
  words: bigint[]
  parts: { words: bigint[]; place: ChainPlace }[]
}

/** By hour; reporters in the order of their first push. */
export type Pushes = ReadonlyMap<Hour, readonly Push[]>

export interface PushRange {
  fromCycle: Cycle
  toBlock: number
  terms: readonly ReporterTerm[]
}

/**
 * Who pushed what for the cycles from `fromCycle` on, from events: they have the transactions, and stay when
 * the contract's ring of four cycles has gone on.
 */
export async function readPushes(room: ChainRoom, range: PushRange): Promise<Pushes> {
  const { client, contracts } = room
  const { registry, deployment } = contracts
  const { firstCut, deployBlock } = deployment
  const { fromCycle, toBlock, terms } = range
  const opens = openOf(firstCut, Math.max(1, fromCycle))
  const fromBlock = await blockAt(client, opens, deployBlock, toBlock)
  const pushed = registry.interface.getEvent('SnapshotPushed').topicHash as Hex
  const query = { address: deployment.registry, topics: [pushed], fromBlock, toBlock }
  const hours = new Map<Hour, Push[]>()
  for (const log of await readLogs(client, query)) add(room, hours, log)
  for (const term of terms) {
    if (term.expelled) await drop(room, hours, { ...term, expelled: term.expelled })
  }
  return hours
}

function add({ contracts }: ChainRoom, hours: Map<Hour, Push[]>, log: Log): void {
  const event = contracts.registry.interface.parseLog(log)
  if (!event) return
  const [hour, reporter] = [Number(event.args['hour']), event.args['reporter'] as Address]
  // A copy: ethers' own lists are frozen.
  const words = [...(event.args['words'] as readonly bigint[])]
  const pushes = hours.get(hour) ?? []
  hours.set(hour, pushes)
  const known = pushes.find((push) => push.reporter === reporter)
  const part = { words, place: placeOf(log) }
  if (!known) {
    pushes.push({ reporter, words, parts: [part] })
    return
  }
  known.words = known.words.map((word, w) => word | (words[w] ?? 0n))
  known.parts.push(part)
}

/** What the guardian did to an expelled reporter's pushes: those for cycles that were open then are gone. */
async function drop(
  room: ChainRoom,
  hours: Map<Hour, Push[]>,
  { reporter, expelled }: ReporterTerm & { expelled: ChainPlace },
): Promise<void> {
  const firstHour = hourOf(room.contracts.deployment.firstCut)
  const cycles = new Set<Cycle>()
  for (const [hour, pushes] of hours) {
    const hasPushed = pushes.some((push) => push.reporter === reporter)
    if (hasPushed) cycles.add(cycleOfHour(firstHour, hour))
  }
  for (const cycle of cycles) {
    if (await wasFrozen(room, cycle, expelled)) continue
    const first = firstHour + (cycle - 1) * HOURS_PER_CYCLE
    for (let hour = first; hour < first + HOURS_PER_CYCLE; hour += 1) {
      // One that came back has pushes of a later term.
      const kept = hours.get(hour)?.filter((push) => !isOf(push, reporter, expelled))
      if (kept) hours.set(hour, kept)
    }
  }
}

function isOf({ reporter, parts }: Push, expelledOne: Address, at: ChainPlace): boolean {
  return reporter === expelledOne && parts.every(({ place }) => isBefore(place, at))
}

async function wasFrozen(room: ChainRoom, cycle: Cycle, at: ChainPlace): Promise<boolean> {
  const { registry, deployment } = room.contracts
  const names = ['RecordFrozen', 'RecordCleared'] as const
  const topics = names.map((name) => registry.interface.getEvent(name).topicHash as Hex)
  const logs = await readLogs(room.client, {
    address: deployment.registry,
    topics: [topics, topicOf(cycle)],
    fromBlock: deployment.deployBlock,
    toBlock: at.block,
  })
  return logs.some((log) => isBefore(placeOf(log), at))
}
