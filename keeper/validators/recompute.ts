import { KeeperError } from '../base/errors.ts'
import { hourOf, hoursOf } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { countBits, covers, positionsOf } from '../heartbeat/words.ts'
import type { CycleFacts } from './cycle.ts'
import { readPages, readRosterWords } from './pages.ts'
import { readPushes } from './pushes.ts'
import { readReporters, reportersIn } from './reporters.ts'
import type { ChainRoom } from './room.ts'
import { decideCycle, shareOf } from './twin.ts'
import type { CycleEvidence, Decision } from './twin.ts'

const ZERO_WEIGHT = 0n

/**
 * Undefined when the lane of the cycle holds a newer one: then there is nothing left to count. Reporters and
 * their words come from events: of a cycle that is decided the contract may tell the set of a later one.
 */
export async function readEvidence(
  room: ChainRoom,
  cycle: Cycle,
): Promise<CycleEvidence | undefined> {
  const { registry, rewards, deployment } = room.contracts
  const words = Number((await registry.record(cycle)).words)
  if (words === 0) return undefined
  const toBlock = await room.client.blockNumber()
  const [params, terms] = await Promise.all([rewards.paramsAt(cycle), readReporters(room, toBlock)])
  const pushes = await readPushes(room, { fromCycle: cycle, toBlock, terms })
  const { masks } = await readRosterWords(room, cycle, words)
  const pages = params.weighted ? await readPages(room, cycle, words) : undefined
  const hours = hoursOf(hourOf(deployment.firstCut), cycle)
  return {
    hours: hours.map((hour) => (pushes.get(hour) ?? []).map((push) => push.words)),
    reporters: reportersIn(terms, cycle).length,
    masks,
    rateBps: Number(params.rateBps),
    minSnapshots: Number(params.minSnapshots),
    weighted: params.weighted,
    payAll: params.payAll,
    weightOf: (index) => pages?.weightOf(index) ?? ZERO_WEIGHT,
  }
}

/**
 * Compares what the chain decided with what we get from its snapshots by another program. The first
 * difference stops everything: nothing is transferred on a decision that we cannot explain.
 */
export async function checkDecision(
  room: ChainRoom,
  facts: CycleFacts,
): Promise<Decision | undefined> {
  const evidence = await readEvidence(room, facts.cycle)
  if (!evidence) return undefined
  const own = decideCycle(evidence)
  const faults = await faultsOf(room, facts, evidence, own)
  if (faults.length > 0) throw new KeeperError('EXTRACT_DIFFERS', { cycle: facts.cycle, faults })
  return own
}

async function faultsOf(
  { contracts }: ChainRoom,
  facts: CycleFacts,
  evidence: CycleEvidence,
  own: Decision,
): Promise<string[]> {
  const { cycle, pool, weighted, weightSum, unpaid } = facts
  const split = { pool, weighted, weightSum: own.weightSum, weightOf: evidence.weightOf }
  const faults = compare([
    ['snapshots', facts.snapshots, own.snapshots],
    ['eligible', facts.eligible, own.eligible],
    ['weights', weightSum, own.weightSum],
    ['allocated', facts.allocated, allocatedBy(split, own)],
  ])
  if (!covers(own.eligibleWords, unpaid)) faults.push('unpaid validators that are not eligible')
  if (countBits(unpaid) > facts.eligible) faults.push('more unpaid than eligible')
  for (const [w, mask] of unpaid.entries()) {
    const [position] = mask === 0n ? [] : positionsOf(mask)
    if (position === undefined) continue
    const index = w * 256 + position
    const reward = await contracts.rewards.rewardOf(cycle, index, { blockTag: facts.block })
    faults.push(...compare([[`share of validator ${index}`, reward, shareOf(split, index)]]))
  }
  return faults
}

function compare(pairs: [name: string, chain: bigint | number, own: bigint | number][]): string[] {
  return pairs.flatMap(([name, chain, own]) =>
    chain === own ? [] : [`${name}: ${chain} on chain, ${own} by our count`],
  )
}

/** A sum of floored shares, so that what flooring leaves is seen to be carried. */
function allocatedBy(split: Parameters<typeof shareOf>[0], own: Decision): bigint {
  if (!split.weighted) return own.eligible === 0 ? 0n : shareOf(split, 0) * BigInt(own.eligible)
  const shares = own.eligibleWords.flatMap((word, w) =>
    word === 0n ? [] : positionsOf(word).map((position) => shareOf(split, w * 256 + position)),
  )
  return shares.reduce((total, share) => total + share, 0n)
}
