import { zeroPadValue } from 'ethers'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import { faultOf } from '../chain/rpc/client.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { NATIVE } from '../chain/contracts.ts'
import { TRANSFER, decodeLog } from './chain-events.ts'
import type { ChainEvent, Sources } from './chain-events.ts'
import { inParallel } from './parallel.ts'

/** Called now and then: what is being read, how much of it is done. */
export type OnProgress = (phase: string, done: number, total: number) => void

// The smallest range that the public node providers allow in one eth_getLogs.
const MAX_BLOCKS_PER_QUERY = 10_000
// At that size 38 years of Ethereum's blocks: beyond it the range is a mistake.
const MAX_QUERIES = 10_000
// After a refusal the range grows again by so much, because only some stretches are dense.
const GROWTH = 2

export interface Filter {
  address: Address | Address[]
  topics: (Hex | Hex[] | null)[]
}

interface NodeLog {
  address: Hex
  topics: Hex[]
  data: Hex
  blockNumber: Hex
  blockHash: Hex
  transactionHash: Hex
  logIndex: Hex
  /** Newer nodes tell it and save us a request a block. */
  blockTimestamp?: Hex
}

/** Every event of our contracts, and of the token every transfer of ours, in the order of the chain; or what is asked for. */
export async function readEvents(
  client: ChainClient,
  sources: Sources,
  range: { from: number; to: number },
  onProgress: OnProgress,
  filters: readonly Filter[] = filtersOf(sources),
): Promise<ChainEvent[]> {
  const logs: NodeLog[] = []
  for (const filter of filters) {
    for (const log of await readLogs(client, filter, range, onProgress)) logs.push(log)
  }
  const times = await readTimes(client, logs, onProgress)
  const events = logs.flatMap((log) => {
    const block = Number(log.blockNumber)
    const at = { block, tx: log.transactionHash, logIndex: Number(log.logIndex) }
    const time = times.get(block) ?? 0
    return decodeLog(log, { ...at, time }, sources) ?? []
  })
  return events.sort((a, b) => a.at.block - b.at.block || a.at.logIndex - b.at.logIndex)
}

function filtersOf({ registry, rewards, asset }: Sources): Filter[] {
  const ours: Filter = { address: [registry, rewards], topics: [] }
  if (asset === NATIVE) return [ours]
  const topic = TRANSFER.getEvent('Transfer')?.topicHash as Hex
  // What comes in is told by Funded; what goes out is what the token must confirm.
  const leaving: Filter = { address: asset, topics: [topic, zeroPadValue(rewards, 32) as Hex] }
  return [ours, leaving]
}

/** Page by page; a range that the node refuses as too large is halved until it takes it. */
async function readLogs(
  client: ChainClient,
  filter: Filter,
  range: { from: number; to: number },
  onProgress: OnProgress,
): Promise<NodeLog[]> {
  const logs: NodeLog[] = []
  let [from, size] = [range.from, MAX_BLOCKS_PER_QUERY]
  for (let queries = 0; from <= range.to; queries += 1) {
    if (queries >= MAX_QUERIES) throw new KeeperError('INTERNAL', { what: 'endless log range' })
    const to = Math.min(range.to, from + size - 1)
    const found = await getLogs(client, filter, from, to)
    if (found === undefined) {
      size = Math.max(1, Math.floor(size / GROWTH))
      continue
    }
    for (const log of found) logs.push(log)
    from = to + 1
    size = Math.min(MAX_BLOCKS_PER_QUERY, size * GROWTH)
    onProgress('reading events', to - range.from + 1, range.to - range.from + 1)
  }
  return logs
}

/** Undefined when the node finds the range too large and it can still be made smaller. */
async function getLogs(
  client: ChainClient,
  filter: Filter,
  from: number,
  to: number,
): Promise<NodeLog[] | undefined> {
  const [fromBlock, toBlock] = [quantity(from), quantity(to)]
  try {
    return await client.request<NodeLog[]>('eth_getLogs', [{ ...filter, fromBlock, toBlock }])
  } catch (error) {
    if (faultOf(error) === undefined && isKeeperError(error)) throw error
    if (to > from) return undefined
    throw new KeeperError('LOGS_UNAVAILABLE', { block: from, reason: messageOf(error) }, error)
  }
}

async function readTimes(
  client: ChainClient,
  logs: readonly NodeLog[],
  onProgress: OnProgress,
): Promise<Map<number, number>> {
  const times = new Map<number, number>()
  const unknown = new Set<number>()
  for (const { blockNumber, blockTimestamp } of logs) {
    const block = Number(blockNumber)
    if (blockTimestamp === undefined) unknown.add(block)
    else times.set(block, Number(blockTimestamp))
  }
  const blocks = [...unknown].filter((block) => !times.has(block))
  await inParallel(blocks, onProgress, 'reading block times', async (block) => {
    const found = await client.block(block)
    if (!found) throw new KeeperError('LOGS_UNAVAILABLE', { block, reason: 'no such block' })
    times.set(block, found.timestamp)
  })
  return times
}

export function quantity(value: number): Hex {
  return `0x${value.toString(16)}`
}
