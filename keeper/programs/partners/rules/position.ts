import { mulDivUp } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'

/** What one partner voted in a period. */
export interface Voter {
  partner: string
  /** Σ CC of the votes. */
  cc: bigint
  /** How many votes they were. */
  votes: number
}

/** A voter with the place among all who voted in that period: the first has 1. */
export type Ranked<V extends Voter = Voter> = V & { position: number }

const PERCENT = 100n

/** Most CC first, of equal CC most votes, of equal votes the smaller id by its bytes: no two are equal. */
export function rankVoters<V extends Voter>(voters: readonly V[]): Ranked<V>[] {
  const seen = new Set<string>()
  for (const { partner, cc, votes } of voters) {
    const isVoter = cc >= 0n && Number.isSafeInteger(votes) && votes >= 1
    ensure(isVoter && !seen.has(partner), 'INTERNAL', { what: 'rankVoters', partner, cc, votes })
    seen.add(partner)
  }
  const ordered = voters.toSorted(compareVoters)
  return ordered.map((voter, index) => ({ ...voter, position: index + 1 }))
}

function compareVoters(a: Voter, b: Voter): number {
  if (a.cc !== b.cc) return a.cc > b.cc ? -1 : 1
  return b.votes - a.votes || compareIds(a.partner, b.partner)
}

// In UTF-16 these stand for characters beyond U+FFFF, but below U+E000 … U+FFFF.
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** By the bytes of UTF-8, as `collate "C"` does; code units alone put an emoji before a full-width letter. */
export function compareIds(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (left === right) continue
    return isSurrogate(left) === isSurrogate(right) ? left - right : isSurrogate(left) ? 1 : -1
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE
}

/** The top so-many percent, rounded up: at least one where there is anybody. */
export function topPercentUp(voters: number, percent: number): number {
  return Number(mulDivUp(BigInt(voters), BigInt(percent), PERCENT))
}
