import type { Log } from 'ethers'
import { KeeperError, isKeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { faultOf } from './client.ts'
import type { ChainClient } from './client.ts'

export interface LogQuery {
  address: Address
  /** By position; null takes every topic, a list any of them. */
  topics: (Hex | Hex[] | null)[]
  fromBlock: number
  toBlock: number
}

// The smallest range that the public node providers allow in one eth_getLogs.
const MAX_BLOCKS_PER_QUERY = 10_000
// 10,000 queries of that size are 38 years of Ethereum's blocks: beyond it the range is a mistake.
const MAX_QUERIES = 10_000

/** Logs in chain order. A range that the node refuses as too large is halved until it takes it. */
export async function readLogs(client: ChainClient, query: LogQuery): Promise<Log[]> {
  const logs: Log[] = []
  let size = MAX_BLOCKS_PER_QUERY
  let from = query.fromBlock
  for (let queries = 0; from <= query.toBlock; queries += 1) {
    if (queries >= MAX_QUERIES) throw new KeeperError('INTERNAL', { what: 'endless log range' })
    const to = Math.min(query.toBlock, from + size - 1)
    const found = await getLogs(client, { ...query, fromBlock: from, toBlock: to })
    if (found === undefined) {
      size = Math.ceil(size / 2)
      continue
    }
    for (const log of found) logs.push(log)
    from = to + 1
  }
  return logs
}

/** Undefined when the node finds the range too large and it can still be made smaller. */
async function getLogs(client: ChainClient, query: LogQuery): Promise<Log[] | undefined> {
  try {
    return await client.provider.getLogs(query)
  } catch (error) {
    const isRefusal = faultOf(error) !== undefined || !isKeeperError(error)
    if (isRefusal && query.toBlock > query.fromBlock) return undefined
    throw error
  }
}
