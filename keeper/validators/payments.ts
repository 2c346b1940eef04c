import type { Log } from 'ethers'
import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { positionsOf } from '../heartbeat/words.ts'
import type { CycleFacts } from './cycle.ts'
import { readPages } from './pages.ts'
import type { ChainRoom } from './room.ts'
import { shareOf } from './twin.ts'

export interface Refusal {
  index: number
  to: Address
  amount: Wei
  credited: boolean
}

/** What became of a cycle's money, from the chain's events: whoever sent the transactions. */
export interface Payments {
  /** By batches and by the payees' own claims. */
  paid: Wei
  /** Refused or swept, now waiting to be withdrawn. */
  credited: Wei
  /** pool - allocated, back in the pool. */
  carried: Wei
  pool: Wei
  refusals: Refusal[]
  /** The transactions that decided the cycle or paid a batch of it, in the order of the chain. */
  transactions: Hex[]
}

const EVENTS = ['Extracted', 'Paid', 'PaymentRefused', 'Claimed', 'Swept'] as const
const NONE: Payments = {
  paid: 0n,
  credited: 0n,
  carried: 0n,
  pool: 0n,
  refusals: [],
  transactions: [],
}

export async function readPayments(room: ChainRoom, facts: CycleFacts): Promise<Payments> {
  if (facts.state !== 'settled') return { ...NONE }
  const { rewards, deployment } = room.contracts
  const fromBlock = await blockAt(
    room.client,
    facts.extractedAt,
    deployment.deployBlock,
    facts.block,
  )
  const topics = EVENTS.map((name) => rewards.interface.getEvent(name).topicHash as Hex)
  const query = { address: deployment.rewards, fromBlock, toBlock: await room.client.blockNumber() }
  const logs = await readLogs(room.client, { ...query, topics: [topics, topicOf(facts.cycle)] })
  return addUp(logs, room, await shareReader(room, facts))
}

export function topicOf(cycle: Cycle): Hex {
  return `0x${cycle.toString(16).padStart(64, '0')}`
}

type Share = (index: number) => Wei

/** The weights of the cycle's own pages; the equal split needs none. */
export async function shareReader(
  room: ChainRoom,
  facts: Pick<CycleFacts, 'cycle' | 'pool' | 'weighted' | 'weightSum' | 'words'>,
): Promise<Share> {
  const { cycle, words, pool, weighted, weightSum } = facts
  const pages = weighted ? await readPages(room, cycle, words) : undefined
  const weightOf = (index: number): bigint => pages?.weightOf(index) ?? 0n
  return (index) => shareOf({ pool, weighted, weightSum, weightOf }, index)
}

function addUp(logs: readonly Log[], { contracts }: ChainRoom, share: Share): Payments {
  const total: Payments = { ...NONE, refusals: [] }
  const transactions = new Set<Hex>()
  for (const log of logs) {
    const event = contracts.rewards.interface.parseLog(log)
    if (!event) continue
    const { args } = event
    const isBatch = event.name === 'Extracted' || event.name === 'Paid'
    if (isBatch) transactions.add(log.transactionHash as Hex)
    if (event.name === 'Extracted') {
      total.pool = args['pool'] as bigint
      total.carried = args['carried'] as bigint
    }
    if (event.name === 'Paid') total.paid += paidBy(args['words'] as PaidWords, share)
    if (event.name === 'Claimed') total.paid += args['amount'] as bigint
    if (event.name === 'Swept') total.credited += args['amount'] as bigint
    if (event.name === 'PaymentRefused') addRefusal(total, refusalOf(args))
  }
  return { ...total, transactions: [...transactions] }
}

/** As the event Paid lists them: whom a batch paid, by roster word. */
export type PaidWords = readonly { word: bigint; mask: bigint }[]

export function paidBy(words: PaidWords, share: Share): Wei {
  const indices = words.flatMap(({ word, mask }) =>
    positionsOf(mask).map((position) => Number(word) * 256 + position),
  )
  return indices.reduce((sum, index) => sum + share(index), 0n)
}

function refusalOf(args: { [key: string]: unknown }): Refusal {
  return {
    index: Number(args['index']),
    to: args['to'] as Address,
    amount: args['amount'] as bigint,
    credited: args['credited'] as boolean,
  }
}

function addRefusal(total: Payments, refusal: Refusal): void {
  total.refusals.push(refusal)
  if (refusal.credited) total.credited += refusal.amount
}

/** The first block at or after an instant, by halving: 32 looks cover four billion blocks. */
export async function blockAt(
  client: ChainClient,
  time: UnixSeconds,
  from: number,
  to: number,
): Promise<number> {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const block = await client.block(middle)
    if (block !== undefined && block.timestamp < time) low = middle + 1
    else high = middle
  }
  return low
}
