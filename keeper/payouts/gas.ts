/** What a payee of a program may cost. */
export interface PayTerms {
  /** Gas a payee gets (native) or the token's transfer gets. */
  stipend: number
  maxRefused: number
  isNative: boolean
  /** The token's transfer takes more than an ordinary one: each is given all of its stipend. */
  isDear?: boolean
}

// EIP-7825 lets a transaction use 2^24 = 16,777,216; the contracts were measured for this much (bench:gas).
export const MAX_BATCH_GAS = 15_000_000n
/** ProgramPayouts' own bound. */
export const MAX_PAYMENTS = 1_500

// Computed, never estimated: the cheapest success of a batch pays nobody. The formula of docs/contracts.md
// for the dearest payees there are; what is not used is not charged. First: transaction, guard, program, bitmap,
// books and the batch event.
const FIXED = 60_000n
// A payee that exists: 9,893 of coin, 8,613 of a token. A new account costs 25,000 more, a first balance 17,100 more;
// a contract uses what it likes of its stipend, but then it is not new.
const COIN_PAYEE = 10_000n
const TOKEN_PAYEE = 8_700n
const NEW_ACCOUNT = 25_000n
const NEW_BALANCE = 17_100n
// Beside the stipend: a new credit (22,100), its event and the search among the refused.
const REFUSAL = 40_000n
// Must be left when the last payee is called, or the contract stops (GAS_RESERVE).
const RESERVE = 60_000n

export function payGas(payments: number, terms: PayTerms): bigint {
  const stipend = BigInt(terms.stipend)
  const refusals = BigInt(Math.min(payments, terms.maxRefused)) * (stipend + REFUSAL)
  // The floor that the contract checks before each call: 64/63 of the stipend and its reserve.
  const floor = (stipend * 64n) / 63n + RESERVE
  return FIXED + refusals + floor + BigInt(payments) * gasAPayment(terms)
}

function gasAPayment({ stipend, isNative, isDear }: PayTerms): bigint {
  const used = BigInt(stipend)
  if (!isNative) return TOKEN_PAYEE + (isDear !== true && used > NEW_BALANCE ? NEW_BALANCE : used)
  return COIN_PAYEE + (used > NEW_ACCOUNT ? used : NEW_ACCOUNT)
}

/** The largest batch whose computed limit fits a transaction. */
export function maxPayments(terms: PayTerms): number {
  let [low, high] = [1, MAX_PAYMENTS]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (payGas(middle, terms) <= MAX_BATCH_GAS) low = middle
    else high = middle - 1
  }
  return low
}
