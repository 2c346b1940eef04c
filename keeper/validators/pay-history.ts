import type { Log } from 'ethers'
import { sum } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { WORD, bitOf } from '../heartbeat/words.ts'
import type { CycleState } from './cycle.ts'
import { shareReader } from './payments.ts'
import type { PaidWords } from './payments.ts'
import type { ChainRoom } from './room.ts'

/** What became of one validator's share of one decided cycle. */
export interface CyclePay {
  cycle: Cycle
  index: number
  state: CycleState
  /** Hours of the cycle that counted, as the decision says. */
  snapshots: number
  /** Its share: paid + unpaid + refused + swept. 0: not eligible, or nothing to share. */
  earned: Wei
  /** By a batch or by its own claim. */
  paid: Wei
  unpaid: Wei
  /** Refused by its fund address, or left for 30 days: a credit of the fund address then. */
  refused: Wei
  swept: Wei
}

export type MoneyKind = 'paid' | 'claimed' | 'refused' | 'swept'

/** One transaction that moved a validator's share. */
export interface MoneyMove {
  kind: MoneyKind
  cycle: Cycle
  index: number
  amount: Wei
  /** Where it went; null of a batch, whose event does not say it. */
  to: Address | null
  hash: Hex
  block: number
}

export interface PayHistory {
  /** Decided cycles in which anything was earned, oldest first. */
  cycles: CyclePay[]
  /** In the order of the chain. */
  moves: MoneyMove[]
}

const EVENTS = [
  'Extracted',
  'CycleRolledOver',
  'CycleVoided',
  'Paid',
  'Claimed',
  'PaymentRefused',
  'Swept',
] as const
// As many calls at a time do not flood a node.
const CONCURRENT_READS = 8

interface Decided {
  cycle: Cycle
  state: CycleState
  snapshots: number
  share(index: number): Wei
}

/**
 * Paid sums are in the events alone; what is unpaid is asked of the contract for the cycles in which no
 * event says what became of the share.
 */
export async function readPayHistory(
  room: ChainRoom,
  indices: readonly number[],
  block?: number,
): Promise<PayHistory> {
  const { client, contracts } = room
  const { rewards, deployment } = contracts
  const toBlock = block ?? (await client.blockNumber())
  const topics = EVENTS.map((name) => rewards.interface.getEvent(name).topicHash as Hex)
  const query = { address: deployment.rewards, fromBlock: deployment.deployBlock, toBlock }
  const logs = await readLogs(client, { ...query, topics: [topics] })
  const decided = new Map<Cycle, Decided>()
  const moves: MoneyMove[] = []
  for (const log of logs) {
    const event = rewards.interface.parseLog(log)
    if (!event) continue
    await addDecision(room, event, decided)
    moves.push(...movesOf(log, event, indices, decided))
  }
  const byShare = Map.groupBy(moves, shareKey)
  const lines = [...decided.values()].flatMap((facts) =>
    indices.map((index) => lineOf(facts, index, byShare.get(shareKey({ ...facts, index })) ?? [])),
  )
  await addUnpaid(room, lines, toBlock)
  return { cycles: lines.toSorted((one, other) => one.cycle - other.cycle), moves }
}

function shareKey({ cycle, index }: { cycle: Cycle; index: number }): string {
  return `${cycle}/${index}`
}

interface Event {
  name: string
  args: { [key: string]: unknown }
}

async function addDecision(
  room: ChainRoom,
  { name, args }: Event,
  decided: Map<Cycle, Decided>,
): Promise<void> {
  const cycle = Number(args['cycle'])
  if (name === 'CycleVoided') {
    const known = decided.get(cycle)
    if (known) decided.set(cycle, { ...known, state: 'voided' })
  }
  if (name !== 'Extracted' && name !== 'CycleRolledOver') return
  const snapshots = Number(args['snapshots'])
  if (name === 'CycleRolledOver') {
    decided.set(cycle, { cycle, snapshots, state: 'rolled-over', share: () => 0n })
    return
  }
  const weighted = args['weighted'] as boolean
  // The weights of the cycle's own pages, which may differ from today's.
  const words = weighted ? Number((await room.contracts.rewards.cycle(cycle)).words) : 0
  const [pool, weightSum] = [args['pool'] as bigint, args['weightSum'] as bigint]
  const share = await shareReader(room, { cycle, pool, weighted, weightSum, words })
  decided.set(cycle, { cycle, snapshots, state: 'settled', share })
}

function movesOf(
  log: Log,
  { name, args }: Event,
  indices: readonly number[],
  decided: ReadonlyMap<Cycle, Decided>,
): MoneyMove[] {
  const cycle = Number(args['cycle'])
  const at = { cycle, hash: log.transactionHash as Hex, block: log.blockNumber }
  if (name === 'Paid') {
    const paid = indices.filter((index) => hasBit(args['words'] as PaidWords, index))
    return paid.map((index) => ({
      kind: 'paid',
      ...at,
      index,
      amount: decided.get(cycle)?.share(index) ?? 0n,
      to: null,
    }))
  }
  const kind = kindOf({ name, args })
  const index = Number(args['index'] ?? -1)
  if (kind === undefined || !indices.includes(index)) return []
  return [{ kind, ...at, index, amount: args['amount'] as bigint, to: args['to'] as Address }]
}

/** A refusal in a stranger's batch changes nothing: the share stays unpaid. */
function kindOf({ name, args }: Event): MoneyKind | undefined {
  if (name === 'Claimed') return 'claimed'
  if (name === 'Swept') return 'swept'
  return name === 'PaymentRefused' && args['credited'] === true ? 'refused' : undefined
}

function hasBit(words: PaidWords, index: number): boolean {
  const own = words.find(({ word }) => Number(word) === Math.floor(index / WORD))
  return own !== undefined && (own.mask & bitOf(index)) !== 0n
}

function lineOf(
  { cycle, state, snapshots }: Decided,
  index: number,
  own: readonly MoneyMove[],
): CyclePay {
  const total = (...kinds: MoneyKind[]): Wei =>
    sum(own.filter(({ kind }) => kinds.includes(kind)).map(({ amount }) => amount))
  const [paid, refused, swept] = [total('paid', 'claimed'), total('refused'), total('swept')]
  const earned = paid + refused + swept
  return { cycle, index, state, snapshots, earned, paid, unpaid: 0n, refused, swept }
}

async function addUnpaid(
  { contracts }: ChainRoom,
  lines: readonly CyclePay[],
  blockTag: number,
): Promise<void> {
  const open = lines.filter(({ state, earned }) => state === 'settled' && earned === 0n)
  for (let i = 0; i < open.length; i += CONCURRENT_READS) {
    await Promise.all(
      open.slice(i, i + CONCURRENT_READS).map(async (line) => {
        line.unpaid = await contracts.rewards.rewardOf(line.cycle, line.index, { blockTag })
        line.earned = line.unpaid
      }),
    )
  }
}
