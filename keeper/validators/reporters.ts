import type { Log } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import type { ChainRoom } from './room.ts'
import { FOREVER } from './roster.ts'

/** A reporter in its seat. One that was removed and added again has two terms. */
export interface ReporterTerm {
  reporter: Address
  seat: number
  /** First cycle that it may push for. */
  from: Cycle
  /** Last one; FOREVER while it has not been removed. */
  to: Cycle
  /** Where the guardian expelled it: its pushes for open cycles count no more. */
  expelled?: ChainPlace
}

/** Where on the chain something happened; by log index within the block. */
export interface ChainPlace {
  block: number
  logIndex: number
  hash: Hex
}

const EVENTS = ['ReporterAdded', 'ReporterRemoved', 'ReporterExpelled'] as const

/** Every reporter there ever was, from events: the contract itself tells only of cycles that are open. */
export async function readReporters(room: ChainRoom, block?: number): Promise<ReporterTerm[]> {
  const { client, contracts } = room
  const { registry, deployment } = contracts
  const topics = EVENTS.map((name) => registry.interface.getEvent(name).topicHash as Hex)
  const logs = await readLogs(client, {
    address: deployment.registry,
    topics: [topics],
    fromBlock: deployment.deployBlock,
    toBlock: block ?? (await client.blockNumber()),
  })
  const terms: ReporterTerm[] = []
  for (const log of logs) apply(room, terms, log)
  if (terms.length > 0) return terms
  throw new KeeperError('REPORTERS_UNKNOWN', { fromBlock: deployment.deployBlock })
}

function apply({ contracts }: ChainRoom, terms: ReporterTerm[], log: Log): void {
  const event = contracts.registry.interface.parseLog(log)
  if (!event) return
  const { name, args } = event
  const reporter = args['reporter'] as Address
  if (name === 'ReporterAdded') {
    const [seat, from] = [Number(args['seat']), Number(args['fromCycle'])]
    terms.push({ reporter, seat, from, to: FOREVER })
    return
  }
  const term = terms.findLast((each) => each.reporter === reporter)
  if (!term) return
  if (name === 'ReporterRemoved') term.to = Math.min(term.to, Number(args['toCycle']))
  else term.expelled = placeOf(log)
}

export function placeOf({ blockNumber, index, transactionHash }: Log): ChainPlace {
  return { block: blockNumber, logIndex: index, hash: transactionHash as Hex }
}

export function isBefore(one: ChainPlace, other: ChainPlace): boolean {
  return one.block === other.block ? one.logIndex < other.logIndex : one.block < other.block
}

/** The set of a cycle. An expelled reporter keeps its seat in it, so that the majority stays what it was. */
export function reportersIn(terms: readonly ReporterTerm[], cycle: Cycle): ReporterTerm[] {
  const inForce = terms.filter(({ from, to }) => from <= cycle && cycle <= to)
  return inForce.toSorted((one, other) => one.seat - other.seat)
}

/** k = floor(n / 2) + 1 of n reporters. */
export function majorityOf(reporters: number): number {
  return Math.floor(reporters / 2) + 1
}
