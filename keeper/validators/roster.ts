import type { EventLog, Log } from 'ethers'
import { KeeperError, isKeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import type { ChainRoom } from './room.ts'

export interface RosterEntry {
  index: number
  node: Address
  fund: Address
  weight: bigint
  /** First cycle in which the validator counts. */
  activeFrom: Cycle
  /** Last one; FOREVER while it has not been removed. */
  activeTo: Cycle
}

export interface Roster {
  block: number
  entries: RosterEntry[]
  /** The newest index of each node: one that came back has a new index. */
  byNode: ReadonlyMap<Address, RosterEntry>
}

export const FOREVER = 2 ** 32 - 1

const EVENTS = ['ValidatorAdded', 'ValidatorRemoved', 'FundChanged', 'WeightChanged'] as const

/**
 * The roster at one block, from its events: each validator is in them once, where asking validator by
 * validator would take 100,000 calls. The count of the contract proves that none is missing.
 */
export async function readRoster(room: ChainRoom, block?: number): Promise<Roster> {
  const head = block ?? (await room.client.blockNumber())
  return readOn(room, [], room.contracts.deployment.deployBlock, head)
}

/** The same roster later: only what happened since is read, unless a reorg took something of it back. */
export async function updateRoster(room: ChainRoom, before: Roster): Promise<Roster> {
  const head = await room.client.blockNumber()
  if (head <= before.block) return before
  const entries = before.entries.map((entry) => ({ ...entry }))
  try {
    return await readOn(room, entries, Math.max(0, before.block + 1 - OVERLAP), head)
  } catch (error) {
    if (!isKeeperError(error, 'ROSTER_INCOMPLETE')) throw error
    return readRoster(room, head)
  }
}

// Deeper than reorgs commonly are; what is read a second time changes nothing.
const OVERLAP = 64

async function readOn(
  room: ChainRoom,
  entries: RosterEntry[],
  fromBlock: number,
  head: number,
): Promise<Roster> {
  const { registry, deployment } = room.contracts
  const topics = EVENTS.map((name) => registry.interface.getEvent(name).topicHash as Hex)
  const query = { address: deployment.registry, fromBlock, toBlock: head }
  const logs = await readLogs(room.client, { ...query, topics: [topics] })
  for (const log of logs) apply(entries, decode(room, log))
  const expected = Number(await registry.validatorCount({ blockTag: head }))
  const found = entries.filter((entry) => entry !== undefined).length
  if (found !== expected || entries.length !== expected) {
    throw new KeeperError('ROSTER_INCOMPLETE', { found, expected, fromBlock })
  }
  return { block: head, entries, byNode: new Map(entries.map((entry) => [entry.node, entry])) }
}

export function isActive({ activeFrom, activeTo }: RosterEntry, cycle: Cycle): boolean {
  return activeFrom <= cycle && cycle <= activeTo
}

export function activeIn({ entries }: Roster, cycle: Cycle): RosterEntry[] {
  return entries.filter((entry) => isActive(entry, cycle))
}

interface Change {
  name: string
  args: EventLog['args']
}

function decode({ contracts }: ChainRoom, log: Log): Change {
  const parsed = contracts.registry.interface.parseLog(log)
  if (!parsed) throw new KeeperError('INTERNAL', { what: 'a log of the roster without an event' })
  return parsed
}

/** Changes of fund and weight hold from the next cycle on; the newest is what is shown. */
function apply(entries: RosterEntry[], { name, args }: Change): void {
  const index = Number(args['index'])
  if (name === 'ValidatorAdded') {
    entries[index] = {
      index,
      node: args['node'] as Address,
      fund: args['fund'] as Address,
      weight: args['weight'] as bigint,
      activeFrom: Number(args['activeFrom']),
      activeTo: FOREVER,
    }
    return
  }
  const entry = entries[index]
  if (!entry) return
  if (name === 'ValidatorRemoved') entry.activeTo = Number(args['activeTo'])
  if (name === 'FundChanged') entry.fund = args['fund'] as Address
  if (name === 'WeightChanged') entry.weight = args['weight'] as bigint
}
