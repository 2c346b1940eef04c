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

/** The least that anybody is paid: whole units, and not below the minimum. */
export function leastPayment({ minimum, unit }: SettlementRules): bigint {
  const least = minimum > 0n ? minimum : 1n
  return ((least + unit - 1n) / unit) * unit
}

/** What is payable of all that somebody has accrued; undefined while it is below the minimum. */
export function settlePayee(
  accrued: readonly bigint[],
  rules: SettlementRules,
): Settlement | undefined {
  const { minimum, capPerPayee = MAX_PAYMENT, unit } = rules
  ensure(unit > 0n && minimum >= 0n, 'INTERNAL', { what: 'settlement rules', unit, minimum })
  const cap = capPerPayee < MAX_PAYMENT ? capPerPayee : MAX_PAYMENT
  const least = leastPayment(rules)
  // Or nobody would ever be paid.
  ensure(cap >= least, 'INTERNAL', { what: 'settlement rules', cap, minimum, unit })
  const total = sum(accrued)
  if (total < least) return undefined
  const most = total < cap ? total : cap
  const amount = most - (most % unit)
  return { amount, carry: total - amount }
}
