import type { Interface } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { readLogs } from '../chain/rpc/logs.ts'

/** Called now and then: what is being done, how much of it. */
export type OnProgress = (phase: string, done: number, total: number) => void

export interface FinalEvent {
  name: string
  args: { [name: string]: unknown }
  tx: Hex
  index: number
  block: number
}

export interface EventRange {
  client: ChainClient
  contract: Address
  face: Interface
  names: readonly string[]
  from: number
  to: number
  onProgress: OnProgress
}

// One query of the node; what is in memory at a time are the events of so many blocks.
const BLOCKS_A_STEP = 10_000

/** Fresh from the chain and in its order, whatever the books have of them. A transaction is never cut. */
export async function* finalEvents(range: EventRange): AsyncGenerator<FinalEvent> {
  const { client, contract, face, names, onProgress } = range
  const topics = [names.map((name) => face.getEvent(name)?.topicHash as Hex)]
  const total = range.to - range.from + 1
  for (let from = range.from; from <= range.to; from += BLOCKS_A_STEP) {
    const to = Math.min(range.to, from + BLOCKS_A_STEP - 1)
    const logs = await readLogs(client, { address: contract, topics, fromBlock: from, toBlock: to })
    for (const log of logs) {
      const event = face.parseLog(log)
      if (event === null) continue
      const args = event.args.toObject() as { [name: string]: unknown }
      const tx = log.transactionHash as Hex
      yield { name: event.name, args, tx, index: log.index, block: log.blockNumber }
    }
    onProgress('reading events', to - range.from + 1, total)
  }
}
