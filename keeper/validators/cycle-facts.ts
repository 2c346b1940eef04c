import { HOURS_PER_CYCLE, cutOf, hourOf, hoursOf } from '../base/time.ts'
import type { Cycle, Hour } from '../base/time.ts'
import type { CycleFacts } from './cycle.ts'
import { STATES } from './cycle.ts'
import type { ChainRoom } from './room.ts'

// 512 words is the contract's largest roster; a few calls at a time do not flood a node.
const CONCURRENT_READS = 8

/** All of it as of one block (the latest), so that no fact belongs to another moment than the next. */
export async function readCycle(
  { client, contracts }: ChainRoom,
  cycle: Cycle,
  block?: number,
): Promise<CycleFacts> {
  const { registry, rewards, deployment } = contracts
  const head = await client.block(block ?? 'latest')
  const at = { blockTag: head?.number ?? 0 }
  const [decided, record, next, pausedUntil] = await Promise.all([
    rewards.cycle(cycle, at),
    registry.record(cycle, at),
    rewards.nextCycle(at),
    rewards.pausedUntil(at),
  ])
  const state = STATES[Number(decided.state)] ?? 'none'
  const words = Number(decided.words === 0n ? record.words : decided.words)
  const unpaid =
    state === 'settled' ? await readUnpaid({ client, contracts }, cycle, words, at) : []
  return {
    cycle,
    block: at.blockTag,
    now: head?.timestamp ?? 0,
    state,
    words,
    unpaid,
    cut: cutOf(deployment.firstCut, cycle),
    next: Number(next),
    isFinal: record.isFinal,
    snapshots: Number(record.snapshots),
    missing: missingHours(deployment.firstCut, cycle, record.missing),
    pushWindow: deployment.pushWindow,
    pausedUntil: Number(pausedUntil),
    eligible: Number(decided.eligible),
    pool: decided.pool,
    allocated: decided.allocated,
    weighted: decided.weighted,
    weightSum: decided.weightSum,
    extractedAt: Number(decided.extractedAt),
    transferFrom: Number(decided.transferFrom),
  }
}

export function missingHours(firstCut: number, cycle: Cycle, mask: bigint): Hour[] {
  const hours = hoursOf(hourOf(firstCut), cycle)
  return hours.filter((_hour, i) => i < HOURS_PER_CYCLE && (mask >> BigInt(i)) % 2n === 1n)
}

async function readUnpaid(
  room: ChainRoom,
  cycle: Cycle,
  count: number,
  at: { blockTag: number },
): Promise<bigint[]> {
  return readUnpaidOf(
    room,
    cycle,
    Array.from({ length: count }, (_, word) => word),
    at,
  )
}

/** The unpaid masks of some roster words, in their order. */
export async function readUnpaidOf(
  { contracts }: ChainRoom,
  cycle: Cycle,
  words: readonly number[],
  at: { blockTag?: number } = {},
): Promise<bigint[]> {
  const masks: bigint[] = []
  for (let i = 0; i < words.length; i += CONCURRENT_READS) {
    const some = words.slice(i, i + CONCURRENT_READS)
    const read = some.map((word) => contracts.rewards.unpaidMask(cycle, word, at))
    masks.push(...(await Promise.all(read)))
  }
  return masks
}
