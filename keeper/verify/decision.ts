import { BPS } from '../base/amount.ts'
import type { Wei } from '../base/amount.ts'
import type { Cycle } from '../base/time.ts'
import { WORD, countFlags, flagsOf } from './bitmap.ts'
import type { Terms } from './chain-events.ts'
import { majorityOf } from './evidence-history.ts'
import type { EvidenceHistory } from './evidence-history.ts'
import type { RosterHistory } from './roster-history.ts'

/** What a cycle must come to, derived from events. */
export interface Decision {
  words: number
  snapshots: number
  /** Bit h: hour h of the cycle does not count. */
  missing: number
  isRolledOver: boolean
  appearances: Uint8Array
  /** A flag a validator: up long enough and active. */
  online: Uint8Array
  /** The same, or everybody active where nobody was up and the terms pay all. */
  eligible: Uint8Array
  /** True when `eligible` is everybody for want of anybody. */
  paysAll: boolean
}

export function decide(
  evidence: EvidenceHistory,
  roster: RosterHistory,
  terms: Terms,
  cycle: Cycle,
): Decision {
  const words = evidence.wordsOf(cycle)
  const majority = majorityOf(evidence.seatsOf(cycle).length)
  const appearances = new Uint8Array(words * WORD)
  let [snapshots, missing] = [0, 0]
  for (const [h, hour] of evidence.hoursOf(cycle).entries()) {
    const pushes = evidence.pushesOf(cycle, hour)
    if (pushes.length < majority) {
      missing |= 1 << h
      continue
    }
    snapshots += 1
    addHour(appearances, pushes, majority)
  }
  const isRolledOver = snapshots < terms.minSnapshots
  const active = (index: number): boolean => roster.isActive(cycle, index)
  const online = appearances.map((hours, index) =>
    meetsRate(hours, snapshots, terms.rateBps) && active(index) ? 1 : 0,
  )
  const paysAll = !isRolledOver && terms.payAll && countFlags(online) === 0
  const eligible = paysAll ? online.map((_, index) => (active(index) ? 1 : 0)) : online
  return { words, snapshots, missing, isRolledOver, appearances, online, eligible, paysAll }
}

/** An hour counts for a validator that a majority of the reporters saw. */
function addHour(appearances: Uint8Array, pushes: bigint[][], majority: number): void {
  const votes = new Uint8Array(appearances.length)
  for (const words of pushes) {
    for (const [index, flag] of flagsOf(words).entries()) {
      if (flag) votes[index] = (votes[index] ?? 0) + 1
    }
  }
  for (const [index, count] of votes.entries()) {
    if (count >= majority) appearances[index] = (appearances[index] ?? 0) + 1
  }
}

/** By multiplying: no rounding decides who is paid. */
function meetsRate(hours: number, snapshots: number, rateBps: number): boolean {
  return snapshots > 0 && BigInt(hours) * BPS >= BigInt(rateBps) * BigInt(snapshots)
}

/** How a pool is shared. */
export interface Sharing {
  pool: Wei
  eligible: number
  /** Divisor of the split: the eligible validators' weights, or their number. */
  weightSum: bigint
  allocated: Wei
  shareOf(index: number): Wei
}

/** floor(pool / eligible), or floor(pool × weight / weights); what flooring leaves is carried. */
export function share(
  pool: Wei,
  eligible: Uint8Array,
  weighted: boolean,
  weightOf: (index: number) => bigint,
): Sharing {
  const chosen: number[] = []
  for (const [index, flag] of eligible.entries()) if (flag) chosen.push(index)
  const ofOne = (index: number): bigint => (weighted ? weightOf(index) : 1n)
  let weightSum = 0n
  for (const index of chosen) weightSum += ofOne(index)
  const shareOf = (index: number): Wei =>
    weightSum === 0n ? 0n : (pool * ofOne(index)) / weightSum
  let allocated = 0n
  for (const index of chosen) allocated += shareOf(index)
  return { pool, eligible: chosen.length, weightSum, allocated, shareOf }
}
