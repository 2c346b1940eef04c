import { sum } from '../base/amount.ts'
import { ensure } from '../base/errors.ts'

/** A new rule is a change of the program: what was settled stays as it is. */
export interface SettlementRules {
  /** Less than this waits for more. */
  minimum: bigint
  /** The most of one payout; what is above waits for the next settlement. */
  capPerPayee?: bigint
  /** Units of the token of which a payout is a multiple; the rest carries. */
  unit: bigint
}

/** The contract takes an amount in 96 bits; what is above waits for the next settlement. */
export const MAX_PAYMENT = 2n ** 96n - 1n

export interface Settlement {
  /** To be paid. */
  amount: bigint
  /** Stays accrued: above the cap, or less than a unit. */
  carry: bigint
}

/** What is payable of all that somebody has accrued; undefined while it is below the minimum. */
export function settlePayee(
  accrued: readonly bigint[],
  { minimum, capPerPayee = MAX_PAYMENT, unit }: SettlementRules,
): Settlement | undefined {
  ensure(unit > 0n && minimum >= 0n, 'INTERNAL', { what: 'settlement rules', unit, minimum })
  const cap = capPerPayee < MAX_PAYMENT ? capPerPayee : MAX_PAYMENT
  // Or nobody would ever be paid.
  ensure(cap >= minimum && cap >= unit, 'INTERNAL', {
    what: 'settlement rules',
    cap,
    minimum,
    unit,
  })
  const total = sum(accrued)
  if (total < minimum) return undefined
  const most = total < cap ? total : cap
  const amount = most - (most % unit)
  if (amount === 0n) return undefined
  return { amount, carry: total - amount }
}
