import type { Address } from '../../keeper/base/schema.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import type { TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import type { BusinessState } from '../../keeper/chain/sending/send-context.ts'
import { createChain } from './model-chain.ts'
import type { ModelChain } from './model-chain.ts'
import { decodeCall } from './model-contract.ts'
import { createNode } from './model-node.ts'
import type { ModelNode } from './model-node.ts'
import { randomOf } from './random.ts'
import type { Random } from './random.ts'
import { drawSchedule } from './schedule.ts'
import type { Schedule } from './schedule.ts'
import { readSimCycle } from './sim-day.ts'
import { RPC_TIMEOUT_MS, SENDER } from './sim-keeper.ts'
import type { KeeperWorld } from './sim-keeper.ts'
import { emptySideLog } from './sim-side-log.ts'
import type { SimSideLog } from './sim-side-log.ts'
import type { SimStore, StoreCopy } from './sim-store.ts'
import { createTime } from './sim-time.ts'

/** What really happened: an excuse for the keeper to stop, and nothing it could ask. */
export interface Truth {
  foreignNonces: number[]
  /** Blocks that were final went away. */
  isFinalityBroken: boolean
  /** The store went back in time, and the side log with it. */
  isMemoryLost: boolean
  /** The store went back in time; the side log did not. */
  isStoreLost: boolean
  /** Rows that a human has closed. */
  resolved: Set<bigint>
}

export interface SimWorld extends KeeperWorld {
  seed: number
  random: Random
  schedule: Schedule
  chain: ModelChain
  nodes: ModelNode[]
  store: SimStore
  sideLog: SimSideLog
  truth: Truth
  contract: Address
  members: bigint
  /** States of the store to fall back to, oldest first. */
  copies: { copy: StoreCopy; lines: number }[]
  isQuiet(): boolean
  /** Until nothing goes wrong any more; 0 afterwards. */
  quietInMs(): number
  /** The day is paid or the queue has stopped for good: time need not go on. */
  isOver: boolean
  touches: number
}

export const CONTRACT_ADDRESS: Address = '0x5B38Da6a701c568545dCfcB03FcB875f56beddC4'

export function createWorld(seed: number, store: SimStore, note: (line: string) => void): SimWorld {
  const random = randomOf(seed)
  const schedule = drawSchedule(random.fork('schedule'))
  const time = createTime()
  const startMs = time.nowMs()
  const members = 2n ** BigInt(schedule.members) - 1n
  const { finalDepth } = schedule
  const timed = (line: string): void =>
    note(`${String(time.nowMs() - startMs).padStart(7)} ${line}`)
  const contract = CONTRACT_ADDRESS
  const chain = createChain({ sender: SENDER, contract, members, finalDepth, startMs })
  const nodes = Array.from({ length: schedule.nodes }, (_, index) => {
    const name = `node-${index}`
    const words = schedule.words[index] ?? 'geth'
    const own = { random: random.fork(name), timeoutMs: RPC_TIMEOUT_MS, words, note: timed }
    return createNode({ name, chain, time, ...own })
  })
  const sideLog = emptySideLog()
  const copies: SimWorld['copies'] = []
  const copying = random.fork('copies')
  const onWritten = async (): Promise<void> => {
    if (!copying.chance(schedule.copyPermille)) return
    copies.push({ copy: await store.copy(), lines: sideLog.lines.length })
  }
  return {
    seed,
    random: random.fork('faults'),
    schedule,
    chain,
    nodes,
    store,
    time,
    contract,
    members,
    sideLog,
    truth: {
      foreignNonces: [],
      isFinalityBroken: false,
      isMemoryLost: false,
      isStoreLost: false,
      resolved: new Set(),
    },
    copies,
    onWritten,
    isQuiet: () => time.nowMs() - startMs >= schedule.quietAtMs,
    quietInMs: () => Math.max(0, startMs + schedule.quietAtMs - time.nowMs()),
    isOver: false,
    touches: 0,
    stateOf: (client, tx) => businessState(client, contract, tx),
    note: timed,
  }
}

/** What the contract says of a purpose, as the validators' room tells the sender. */
async function businessState(
  client: ChainClient,
  contract: Address,
  { data }: TxRecord,
): Promise<BusinessState> {
  const call = decodeCall(data)
  if (call.kind === 'none') return 'unknown'
  const { extracted, unpaid } = await readSimCycle(client, contract, call.cycle)
  if (call.kind === 'extract') return extracted ? 'done' : 'open'
  const left = call.mask & unpaid
  if (left === call.mask) return 'open'
  return left === 0n ? 'done' : 'partly'
}
