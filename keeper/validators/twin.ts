import { mulDivDown } from '../base/amount.ts'
import type { Bps, Wei } from '../base/amount.ts'
import { leastAppearances, meetsRate } from '../heartbeat/online-rate.ts'
import { WORD, bitOf, positionsOf, toWords } from '../heartbeat/words.ts'

/** What decides a cycle, read from the chain: the same facts that extract has. */
export interface CycleEvidence {
  /** For each hour of the cycle the words of every reporter that pushed it. */
  hours: (readonly (readonly bigint[])[])[]
  reporters: number
  /** Validators active in the cycle, by roster word. */
  masks: readonly bigint[]
  rateBps: Bps
  minSnapshots: number
  weighted: boolean
  payAll: boolean
  /** Asked only for the weighted split. */
  weightOf(index: number): bigint
}

export interface Decision {
  isRolledOver: boolean
  snapshots: number
  /** Hours of the cycle that count, 0 … 23. */
  counted: number[]
  appearances: number[]
  eligibleWords: bigint[]
  eligible: number
  weightSum: bigint
}

/** The twin of Extraction.sol: written from the rules, one validator at a time, without its bit tricks. */
export function decideCycle(evidence: CycleEvidence): Decision {
  const { hours, reporters, minSnapshots, rateBps, masks } = evidence
  const majority = Math.floor(reporters / 2) + 1
  const counted = hours.flatMap((pushes, hour) => (pushes.length >= majority ? [hour] : []))
  const snapshots = counted.length
  const appearances = countAppearances(evidence, counted, majority)
  const isRolledOver = snapshots < minSnapshots
  const active = masks.flatMap((mask, w) => positionsOf(mask).map((bit) => w * WORD + bit))
  const online = active.filter((index) => meetsRate(appearances[index] ?? 0, snapshots, rateBps))
  const chosen = online.length === 0 && evidence.payAll ? active : online
  const eligible = isRolledOver ? [] : chosen
  return {
    isRolledOver,
    snapshots,
    counted,
    appearances,
    eligibleWords: toWords(eligible, masks.length),
    eligible: eligible.length,
    weightSum: weightSumOf(evidence, eligible),
  }
}

/** Hours in which a majority of the reporters saw each validator up. */
function countAppearances(
  { hours, masks }: CycleEvidence,
  counted: readonly number[],
  majority: number,
): number[] {
  const appearances = Array.from({ length: masks.length * WORD }, () => 0)
  for (const hour of counted) {
    const votes = Array.from({ length: masks.length * WORD }, () => 0)
    for (const words of hours[hour] ?? []) {
      for (const [w, word] of words.entries()) {
        for (const bit of positionsOf(word))
          votes[w * WORD + bit] = (votes[w * WORD + bit] ?? 0) + 1
      }
    }
    for (const [index, count] of votes.entries()) {
      if (count >= majority) appearances[index] = (appearances[index] ?? 0) + 1
    }
  }
  return appearances
}

function weightSumOf({ weighted, weightOf }: CycleEvidence, eligible: readonly number[]): bigint {
  if (!weighted) return BigInt(eligible.length)
  return eligible.reduce((total, index) => total + weightOf(index), 0n)
}

export interface Split {
  pool: Wei
  weighted: boolean
  weightSum: bigint
  weightOf(index: number): bigint
}

/** floor(pool / eligible) or floor(pool * weight / weights); the rest is carried. */
export function shareOf({ pool, weighted, weightSum, weightOf }: Split, index: number): Wei {
  if (weightSum === 0n) return 0n
  return mulDivDown(pool, weighted ? weightOf(index) : 1n, weightSum)
}

/** Why a validator is not among the eligible: for people, not for deciding. */
export function reasonOf(
  { eligibleWords, appearances, snapshots }: Decision,
  masks: readonly bigint[],
  index: number,
  rateBps: Bps,
): string | undefined {
  const word = Math.floor(index / WORD)
  if (((eligibleWords[word] ?? 0n) & bitOf(index)) !== 0n) return undefined
  if (((masks[word] ?? 0n) & bitOf(index)) === 0n) return 'not active in the cycle'
  const least = leastAppearances(snapshots, rateBps)
  return `online ${appearances[index] ?? 0} of ${snapshots} hours, ${least} are needed`
}
