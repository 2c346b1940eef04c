import type { Logger } from '../base/log.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { Contracts } from '../chain/contracts.ts'
import type { Sender } from '../chain/sending/sender.ts'
import type { Db } from '../store/db.ts'

/** What can be read without a key or a store. */
export interface ChainRoom {
  client: ChainClient
  contracts: Contracts
}

/** Told between the steps of a day that a crash may fall between; tests kill the process there. */
export type DayStep = 'snapshots-pushed' | 'extracted' | 'batch-sent' | 'transferred'

/** All that the validators' day works with: two senders, because two keys sign (Z-50). */
export interface ValidatorsRoom extends ChainRoom {
  db: Db
  reporter: Sender
  keeper: Sender
  clock: Clock
  log: Logger
  /** Payees in one transfer transaction. */
  batchSize: number
  /** Others push the hours: the day waits until the chain has them. */
  isWithoutReporter?: boolean
  onStep?: (step: DayStep) => void | Promise<void>
  signal?: AbortSignal
}

/** The chain's own time: what is due is decided by it, whatever this machine's clock says. */
export async function blockTime({ client }: ChainRoom): Promise<number> {
  return (await client.block('latest'))?.timestamp ?? 0
}

// As many calls at a time do not flood a node.
const CONCURRENT_READS = 8

/** When each of some blocks was made; a block that the node does not have is left out. */
export async function blockTimes(
  { client }: ChainRoom,
  blocks: Iterable<number>,
): Promise<Map<number, UnixSeconds>> {
  const asked = [...new Set(blocks)]
  const times = new Map<number, UnixSeconds>()
  for (let i = 0; i < asked.length; i += CONCURRENT_READS) {
    const some = asked.slice(i, i + CONCURRENT_READS)
    const read = await Promise.all(some.map((number) => client.block(number)))
    for (const block of read) if (block) times.set(block.number, block.timestamp)
  }
  return times
}
