import type { Posting } from '../../keeper/ledger/posting.ts'

/**
 * hot: one account pays in every transfer, as a program's expense does. uniform: anybody pays
 * anybody, so that it has to be of a kind that may have less than nothing.
 */
export type LoadKind = 'hot' | 'uniform'

// As many as get something from a program of the larger ones; a batch meets most of them once or not at all.
export const PAYEES = 10_000

const ASSET = 'eip155:31337/slip44:60'
const AT = 1_795_262_400
// Up to twenty coins, to the last of the eighteen decimals.
const MAX_COINS = 20n
const DIGITS = 18

/** Awards under keys that never come again, with a reason of some sixty bytes. */
export class Load {
  readonly #kind: LoadKind
  readonly #next = randomNumbers()
  #made = 0

  constructor(kind: LoadKind) {
    this.#kind = kind
  }

  /** Each payee once, so that no account is new when it counts. */
  first(): Posting[] {
    return Array.from({ length: PAYEES }, (_, payee) => this.#award(payee))
  }

  take(count: number): Posting[] {
    return Array.from({ length: count }, () => this.#award(this.#below(PAYEES)))
  }

  #award(payee: number): Posting {
    this.#made += 1
    const number = this.#made.toString().padStart(8, '0')
    const isHot = this.#kind === 'hot'
    const other = (payee + 1 + this.#below(PAYEES - 1)) % PAYEES
    return {
      key: `bench:2026-11:${number}`,
      debit: isHot ? 'expense:bench' : `member:bench:${addressOf(other)}`,
      credit: `${isHot ? 'accrued' : 'member'}:bench:${addressOf(payee)}`,
      asset: ASSET,
      amount: this.#amount(),
      code: 'accrue',
      effectiveAt: AT - this.#below(86_400),
      reason: { hours: 24, rate: 8_000, rule: 'tier-2/full-day', units: this.#below(100_000) },
    }
  }

  #amount(): bigint {
    const decimals = Array.from({ length: 2 }, () => this.#below(10 ** (DIGITS / 2)))
    const [high = 0, low = 0] = decimals
    const fraction = BigInt(high) * 10n ** BigInt(DIGITS / 2) + BigInt(low)
    return BigInt(this.#below(Number(MAX_COINS))) * 10n ** BigInt(DIGITS) + fraction + 1n
  }

  #below(end: number): number {
    return Math.floor(this.#next() * end)
  }
}

/** Each name is as long as those of payees that are known by their addresses. */
function addressOf(payee: number): string {
  return `0x${payee.toString(16).padStart(8, '0').repeat(5)}`
}

/** Below one; the same ones in each run (mulberry32). */
function randomNumbers(): () => number {
  let state = 5
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
