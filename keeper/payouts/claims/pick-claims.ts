import type { Payable } from '../batch.ts'
import { MAX_CUMULATIVE } from './leaf.ts'
import { MAX_LEAVES } from './tree.ts'

/** What a payout adds to its address's leaf. */
export interface ClaimLine extends Payable {
  /** The leaf with it. */
  cumulative: bigint
}

export interface ClaimsRoom {
  /** What each address has by the accepted root; lower case. */
  leaves: ReadonlyMap<string, bigint>
  /** What the program has, and what its budget lets out. */
  money: bigint
  /** Addresses that the contract pays never; lower case. */
  unpayable: ReadonlySet<string>
}

export interface PickedClaims {
  lines: ClaimLine[]
  amount: bigint
  /** The next one is for more than is there: nobody overtakes it. */
  isShort: boolean
  /** Passed over: their address cannot be paid, or there is no place in the tree. */
  passed: number
}

/** A root's postings are one transaction of the store: 100,000 take it some three seconds. */
export const MAX_LINES = 100_000

/** What the next root adds, in the order in which it became owed. */
export function pickClaims(owed: readonly Payable[], room: ClaimsRoom): PickedClaims {
  const leaves = new Map(room.leaves)
  const picked: PickedClaims = { lines: [], amount: 0n, isShort: false, passed: 0 }
  for (const payable of owed) {
    if (picked.lines.length >= MAX_LINES) break
    const before = leaves.get(payable.address)
    const cumulative = (before ?? 0n) + payable.amount
    const isFull = before === undefined && leaves.size >= MAX_LEAVES
    if (room.unpayable.has(payable.address) || isFull || cumulative > MAX_CUMULATIVE) {
      picked.passed += 1
      continue
    }
    if (picked.amount + payable.amount > room.money) return { ...picked, isShort: true }
    leaves.set(payable.address, cumulative)
    picked.lines.push({ ...payable, cumulative })
    picked.amount += payable.amount
  }
  return picked
}
