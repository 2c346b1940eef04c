import { ensure } from '../base/errors.ts'

// EIP-7825 lets a transaction use 2^24 = 16,777,216; we keep to what the contracts were measured for.
export const MAX_TX_GAS = 15_000_000n
// Bounds of ValidatorRewards: payments and roster words in one call, and words of a page that is not the last.
export const MAX_PAYMENTS = 1_500
export const MAX_BATCH_WORDS = 64
export const MIN_PAGE_WORDS = 16

// Gas limits are computed, never estimated: the cheapest success of a batch pays nobody. What is not
// used is not charged, so each figure is the worst case with room, and bench:gas holds the real ones.
const EXTRACT_FIXED = 400_000n
// 256 validators, 24 snapshots of one reporter: 24 cold reads, one write, one event: about 95,000.
const EXTRACT_WORD = 110_000n
// With several, each one's 24 cold reads (50,000) and its part of the majority of 24 hours: pages of 16 words
// take 195,000 a word with 2 reporters, 540,000 with 8. The smallest page must fit with 8 (MIN_PAGE_WORDS).
const EXTRACT_WORD_REPORTER = 70_000n
// The weighted split reads the page twice: 256 multiplications and divisions each time.
const EXTRACT_WORD_WEIGHTED = 110_000n
// With payAll and nobody eligible a second pass writes the roster's masks.
const EXTRACT_WORD_ALL = 60_000n

export interface ExtractShape {
  words: number
  weighted: boolean
  payAll: boolean
  reporters: number
}

export function extractGas(shape: ExtractShape): bigint {
  return EXTRACT_FIXED + BigInt(shape.words) * gasAWord(shape)
}

function gasAWord({ weighted, payAll, reporters }: ExtractShape): bigint {
  const others = BigInt(Math.max(0, reporters - 1))
  const majority = others === 0n ? 0n : EXTRACT_WORD_REPORTER * (others + 1n)
  const split = weighted ? EXTRACT_WORD_WEIGHTED : 0n
  return EXTRACT_WORD + majority + split + (payAll ? EXTRACT_WORD_ALL : 0n)
}

/** Roster words that one page may count; undefined when the whole cycle fits one transaction. */
export function pageWords(shape: ExtractShape): number | undefined {
  if (extractGas(shape) <= MAX_TX_GAS) return undefined
  const fit = Number((MAX_TX_GAS - EXTRACT_FIXED) / gasAWord(shape))
  ensure(fit >= MIN_PAGE_WORDS, 'INTERNAL', { what: 'a page does not fit a transaction', fit })
  return fit
}

export interface TransferTerms {
  /** Gas a payee gets (native) or the token's transfer gets. */
  stipend: number
  maxRefused: number
  isNative: boolean
}

// Transaction, guard, roles, the cycle's record, totals: 52,000 native and 60,000 ERC-20 (bench:gas), and room.
const TRANSFER_FIXED = 120_000n
// Each roster word: its mask, its page of 8 KB, its event: 12,000.
const TRANSFER_WORD = 25_000n
// A payee that exists takes 9,600 of coin or 8,550 of a token; a new account 25,000 more, a first balance
// 17,100 more, a contract whatever it uses of its stipend.
const PAYEE_NATIVE = 12_000n
const NEW_ACCOUNT = 25_000n
const PAYEE_TOKEN = 12_000n
const NEW_BALANCE = 17_100n
// A new credit (22,100), its event and the search among the refused; the contract keeps 60,000 in reserve.
const REFUSAL = 60_000n

export function transferGas(payees: number, words: number, terms: TransferTerms): bigint {
  const refusals = BigInt(Math.min(payees, terms.maxRefused)) * (REFUSAL + BigInt(terms.stipend))
  // The floor that the contract checks before each call: 64/63 of the stipend and its reserve.
  const floor = (BigInt(terms.stipend) * 64n) / 63n + REFUSAL
  const fixed = TRANSFER_FIXED + BigInt(words) * TRANSFER_WORD + refusals + floor
  return fixed + BigInt(payees) * gasAPayee(terms)
}

function gasAPayee({ stipend, isNative }: TransferTerms): bigint {
  const used = BigInt(stipend)
  if (!isNative) return PAYEE_TOKEN + (used > NEW_BALANCE ? NEW_BALANCE : used)
  return PAYEE_NATIVE + (used > NEW_ACCOUNT ? used : NEW_ACCOUNT)
}

/** The largest batch whose computed limit fits, also when its payees are spread over many words. */
export function maxPayees(terms: TransferTerms): number {
  let [low, high] = [1, MAX_PAYMENTS]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const words = Math.min(middle, MAX_BATCH_WORDS)
    if (transferGas(middle, words, terms) <= MAX_TX_GAS) low = middle
    else high = middle - 1
  }
  return low
}
