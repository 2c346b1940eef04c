/** What a payee of a program may cost. */
export interface PayTerms {
  /** Gas a payee gets (native) or the token's transfer gets. */
  stipend: number
  maxRefused: number
  isNative: boolean
}

// EIP-7825 lets a transaction use 2^24 = 16,777,216; we keep to what the contracts were measured for.
const MAX_TX_GAS = 15_000_000n
/** ProgramPayouts' own bound. */
export const MAX_PAYMENTS = 1_500

// Computed, never estimated: the cheapest success of a batch pays nobody. What is not used is not charged, so
// each figure is the worst case with room: transaction, guard, program, bitmap, books and the batch event.
const FIXED = 150_000n
// A payee that exists takes at most 9,900 of coin and 8,820 of a token (the goals of bench:gas); a new account 25,000
// more, a first balance 17,100 more, a contract whatever it uses of its stipend.
const PAYEE = 12_000n
const NEW_ACCOUNT = 25_000n
const NEW_BALANCE = 17_100n
// A new credit (22,100), its event and the search among the refused; the contract keeps 60,000 in reserve.
const REFUSAL = 60_000n

export function payGas(payments: number, terms: PayTerms): bigint {
  const stipend = BigInt(terms.stipend)
  const refusals = BigInt(Math.min(payments, terms.maxRefused)) * (REFUSAL + stipend)
  // The floor that the contract checks before each call: 64/63 of the stipend and its reserve.
  const floor = (stipend * 64n) / 63n + REFUSAL
  return FIXED + refusals + floor + BigInt(payments) * gasAPayment(terms)
}

function gasAPayment({ stipend, isNative }: PayTerms): bigint {
  const used = BigInt(stipend)
  if (!isNative) return PAYEE + (used > NEW_BALANCE ? NEW_BALANCE : used)
  return PAYEE + (used > NEW_ACCOUNT ? used : NEW_ACCOUNT)
}

/** The largest batch whose computed limit fits a transaction. */
export function maxPayments(terms: PayTerms): number {
  let [low, high] = [1, MAX_PAYMENTS]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (payGas(middle, terms) <= MAX_TX_GAS) low = middle
    else high = middle - 1
  }
  return low
}
