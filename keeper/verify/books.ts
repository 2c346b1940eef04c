import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'

// the caps of at most so many cycles that paid nothing add to a later one.
const MAX_ROLLED_CAPS = 7
export const NO_CAP = 2n ** 128n - 1n

/** Sums that must agree: funded = paid + withdrawn + credits + unpaid + pool + returned. */
export interface Totals {
  funded: Wei
  paid: Wei
  withdrawn: Wei
  credits: Wei
  unpaid: Wei
  pool: Wei
  returned: Wei
}

/** The money of the rewards contract, kept by hand from its events. */
export class Books {
  readonly #fundings: { cycle: Cycle; amount: Wei }[] = []
  readonly #credits = new Map<string, Wei>()
  /** What each transaction has to pay out, by address: an ERC-20's Transfer events must say the same. */
  readonly leaving = new Map<Hex, Map<string, Wei>>()
  #funded: Wei = 0n
  #drawn: Wei = 0n
  #rolledOver = 0
  unpaid: Wei = 0n
  paid: Wei = 0n
  withdrawn: Wei = 0n
  returned: Wei = 0n

  fund(cycle: Cycle, amount: Wei): void {
    this.#fundings.push({ cycle, amount })
    this.#funded += amount
  }

  /** What cycle n may share: funded before its cut and not drawn, capped. */
  poolFor(cycle: Cycle, cap: Wei): Wei {
    let funded = 0n
    for (const each of this.#fundings) if (each.cycle <= cycle) funded += each.amount
    const free = funded > this.#drawn ? funded - this.#drawn : 0n
    if (cap === NO_CAP) return free
    const limit = cap * BigInt(1 + this.#rolledOver)
    return free < limit ? free : limit
  }

  /** Money that leaves the pool for a cycle, or comes back when negative. */
  draw(amount: Wei): void {
    this.#drawn += amount
    this.unpaid += amount
  }

  endOfCycle(hasPaid: boolean): void {
    this.#rolledOver = hasPaid ? 0 : Math.min(MAX_ROLLED_CAPS, this.#rolledOver + 1)
  }

  /** A voided cycle adds its cap, whatever came after it. */
  addRolledCap(): void {
    this.endOfCycle(false)
  }

  pay(tx: Hex, to: Address, amount: Wei): void {
    this.unpaid -= amount
    this.paid += amount
    this.#leave(tx, to, amount)
  }

  credit(account: Address, amount: Wei): void {
    this.unpaid -= amount
    this.#addCredit(account, amount)
  }

  creditOf(account: Address): Wei {
    return this.#credits.get(account.toLowerCase()) ?? 0n
  }

  /** Accounts with a credit. */
  get creditors(): [account: Address, amount: Wei][] {
    return [...this.#credits].filter(([, amount]) => amount !== 0n) as [Address, Wei][]
  }

  withdraw(tx: Hex, account: Address, to: Address, amount: Wei): void {
    this.#credits.delete(account.toLowerCase())
    this.withdrawn += amount
    this.#leave(tx, to, amount)
  }

  moveCredit(account: Address, to: Address, amount: Wei): void {
    this.#credits.delete(account.toLowerCase())
    this.#addCredit(to, amount)
  }

  giveBack(tx: Hex, sponsor: Address, amount: Wei): void {
    this.#drawn += amount
    this.returned += amount
    this.#leave(tx, sponsor, amount)
  }

  get pool(): Wei {
    return this.#funded - this.#drawn
  }

  get credits(): Wei {
    let total = 0n
    for (const amount of this.#credits.values()) total += amount
    return total
  }

  /** What the contract must hold at least. */
  get owed(): Wei {
    return this.pool + this.unpaid + this.credits
  }

  get totals(): Totals {
    const { paid, withdrawn, credits, unpaid, pool, returned } = this
    return { funded: this.#funded, paid, withdrawn, credits, unpaid, pool, returned }
  }

  #addCredit(account: Address, amount: Wei): void {
    const key = account.toLowerCase()
    this.#credits.set(key, (this.#credits.get(key) ?? 0n) + amount)
  }

  #leave(tx: Hex, to: Address, amount: Wei): void {
    if (amount === 0n) return
    const byAddress = this.leaving.get(tx) ?? new Map<string, Wei>()
    const key = to.toLowerCase()
    byAddress.set(key, (byAddress.get(key) ?? 0n) + amount)
    this.leaving.set(tx, byAddress)
  }
}
