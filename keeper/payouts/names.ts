import { hash } from 'node:crypto'
import { canonicalJson } from '../base/json.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Award } from './program.ts'

/** Kind of a batch in the journal; its key there is the batch's id. */
export const PAYOUT_KIND = 'payout'

/** Accounts of the books, for one program. */
export const accounts = {
  expense: (program: string): string => `expense:${program}`,
  accrued: (program: string, payee: string): string => `accrued:${program}:${payee}`,
  owed: (program: string, payee: string): string => `owed:${program}:${payee}`,
  inflight: (program: string): string => `inflight:${program}`,
  /** In a root that is proposed and not yet accepted. */
  proposed: (program: string): string => `inflight:${program}:claims`,
  /** In the claims contract, for that address. */
  claimable: (program: string, address: string): string =>
    `claimable:${program}:${address.toLowerCase()}`,
  paid: (program: string): string => `paid:${program}`,
  credit: (address: string): string => `credit:${address.toLowerCase()}`,
  /** Credits that their owners took: the contract does not know of which program they were. */
  withdrawn: 'paid:credits',
}

/** Keys of the books' transfers: what stands behind each is found by it. */
export const keys = {
  award: (program: string, ref: string): string => `${program}:${ref}`,
  settled: (payout: string): string => `settled:${payout}`,
  inflight: (batch: string, position: number): string => `inflight:${batch}:${position}`,
  outcome: (batch: string, position: number): string => `outcome:${batch}:${position}`,
  /** Each claim of an address leaves it with more claimed than before. */
  claimed: (chainId: number, contract: string, address: string, claimed: bigint): string =>
    ['claimed', chainId, contract, address, claimed].join(':').toLowerCase(),
  event: (tx: string, index: number): string => `event:${tx}:${index}`,
}

/** Two awards with one reference are one award when this is equal. */
export function contentOf({ payee, amount, reason, from }: Award): string {
  const told = { payee, amount, reason, ...(from === undefined ? {} : { from }) }
  return hash('sha256', canonicalJson(told), 'hex').slice(0, CONTENT_DIGITS)
}

/** The movement of an award: into what is accrued, or back out of it. */
export function awardSides(
  program: string,
  { payee, amount, from = accounts.expense(program) }: Pick<Award, 'payee' | 'amount' | 'from'>,
): Pick<Posting, 'debit' | 'credit' | 'amount' | 'code'> {
  const accrued = accounts.accrued(program, payee)
  return amount > 0n
    ? { debit: from, credit: accrued, amount, code: 'accrue' }
    : { debit: accrued, credit: from, amount: -amount, code: 'retract' }
}

const CONTENT_DIGITS = 32

/** Engine 5.3: over the sorted references, computed once, when the payout is made. No reference has a line break. */
export function payoutKey(program: string, asset: string, refs: readonly string[]): string {
  return hash('sha256', ['payout', program, asset, ...refs.toSorted()].join('\n'), 'hex')
}

export interface BatchPlace {
  chainId: number
  contract: string
  number: number
  seq: number
  /** How often that sequence number was planned before, and undone. */
  attempt: number
}

/** Two equal days have two numbers, so that their batches are two. */
export function batchId(place: BatchPlace, payouts: readonly string[]): string {
  const { chainId, contract, number, seq, attempt } = place
  const head = ['batch', chainId, contract.toLowerCase(), number, seq, attempt]
  return hash('sha256', [...head, ...payouts].join('\n'), 'hex')
}
