/** A naive twin of both contracts: arrays and loops, no bit tricks. Differential tests only. */

const HOUR = 3_600
const DAY = 24 * HOUR
const FINALITY = 30 * 60
const MAX_ROLLED_CAPS = 7n

export interface Entry {
  fund: string
  weight: bigint
  active: boolean
}

export interface ModelTerms {
  rateBps: bigint
  minSnapshots: bigint
  weighted: boolean
  payAll: boolean
  maxRefused: bigint
  settleDelay: bigint
  grace: bigint
  cap: bigint
}

interface Opening {
  roster: Entry[]
  terms: ModelTerms
}

export interface Decided {
  state: 'settled' | 'rolledOver' | 'voided'
  pool: bigint
  allocated: bigint
  eligible: number
  snapshots: number
  maxRefused: bigint
  /** What is still unpaid, by index; a share of 0 is unpaid until it is settled. */
  unpaid: Map<number, bigint>
}

export interface Refusal {
  index: number
  to: string
  amount: bigint
}

export interface BatchResult {
  paid: [word: bigint, mask: bigint][]
  refused: Refusal[]
}

export class Model {
  roster: Entry[] = []
  terms: ModelTerms
  refusing = new Set<string>()
  credits = new Map<string, bigint>()
  received = new Map<string, bigint>()
  cycles = new Map<number, Decided>()
  out = 0n
  private readonly firstCut: number
  private readonly reporters: number
  private readonly pushWindow: number
  private readonly openings = new Map<number, Opening>()
  private readonly redirects = new Map<string, string>()
  private readonly fundings: { cycle: number; amount: bigint }[] = []
  /** Bits by hour since 1970 and reporter. */
  private readonly pushes = new Map<string, Set<number>>()
  private opened = 0
  private drawn = 0n
  private rolledOver = 0n

  constructor(firstCut: number, reporters: number, pushWindow: number, terms: ModelTerms) {
    this.firstCut = firstCut
    this.reporters = reporters
    this.pushWindow = pushWindow
    this.terms = terms
  }

  cycleAt(unix: number): number {
    return unix < this.firstCut ? 0 : Math.floor((unix - this.firstCut) / DAY) + 1
  }

  /** Pins roster and terms of every cycle that has opened by now. Before each change and decision. */
  openUntil(unix: number): void {
    for (; this.opened < this.cycleAt(unix); ++this.opened) {
      const roster = this.roster.map((entry) => ({ ...entry }))
      this.openings.set(this.opened + 1, { roster, terms: { ...this.terms } })
    }
  }

  opening(n: number): Opening {
    const opening = this.openings.get(n)
    if (!opening) throw new Error(`cycle ${n} has not opened`)
    return opening
  }

  // ---------------------------------------------------------------- evidence

  push(hour: number, reporter: number, online: number[]): void {
    const key = `${hour}/${reporter}`
    this.pushes.set(key, new Set([...(this.pushes.get(key) ?? []), ...online]))
  }

  private pushed(n: number, h: number): Set<number>[] {
    const hour = this.firstCut / HOUR + (n - 1) * 24 + h
    return Array.from({ length: this.reporters }, (_, r) => this.pushes.get(`${hour}/${r}`)).filter(
      (set) => set !== undefined,
    )
  }

  private quorum(): number {
    return Math.floor(this.reporters / 2) + 1
  }

  isFinal(n: number, unix: number): boolean {
    return Array.from({ length: 24 }, (_, h) => {
      const end = this.firstCut + (n - 1) * DAY + (h + 1) * HOUR
      const by = this.pushed(n, h).length
      if (by === this.reporters || unix >= end + this.pushWindow) return true
      return by >= this.quorum() && unix >= end + FINALITY
    }).every(Boolean)
  }

  /** Appearances by index, and the hours that count. */
  private count(n: number): { seen: Map<number, number>; snapshots: number } {
    const seen = new Map<number, number>()
    let snapshots = 0
    for (let h = 0; h < 24; ++h) {
      const sets = this.pushed(n, h)
      if (sets.length < this.quorum()) continue
      ++snapshots
      for (let i = 0; i < this.opening(n).roster.length; ++i) {
        const votes = sets.filter((set) => set.has(i)).length
        if (votes >= this.quorum()) seen.set(i, (seen.get(i) ?? 0) + 1)
      }
    }
    return { seen, snapshots }
  }

  // ---------------------------------------------------------------- money in

  fund(unix: number, amount: bigint): void {
    this.fundings.push({ cycle: Math.max(1, this.cycleAt(unix)), amount })
  }

  funded(through = Infinity): bigint {
    return sumOf(this.fundings.filter(({ cycle }) => cycle <= through).map((f) => f.amount))
  }

  get pool(): bigint {
    return this.funded() - this.drawn
  }

  get unpaid(): bigint {
    const settled = [...this.cycles.values()].filter(({ state }) => state === 'settled')
    return sumOf(settled.flatMap(({ unpaid }) => [...unpaid.values()]))
  }

  poolOf(n: number): bigint {
    const limit = this.opening(n).terms.cap * (1n + this.rolledOver)
    const left = this.funded(n) - this.drawn
    return left < limit ? left : limit
  }

  // ---------------------------------------------------------------- decision

  decide(n: number): Decided {
    const { terms } = this.opening(n)
    const { snapshots, seen } = this.count(n)
    const base = { pool: 0n, allocated: 0n, eligible: 0, snapshots, unpaid: new Map() }
    const decided: Decided = { ...base, maxRefused: terms.maxRefused, state: 'rolledOver' }
    if (snapshots < Number(terms.minSnapshots)) this.addCap()
    else this.split(n, decided, seen)
    this.cycles.set(n, decided)
    return decided
  }

  private split(n: number, decided: Decided, seen: Map<number, number>): void {
    const { terms, roster } = this.opening(n)
    const active = [...roster.keys()].filter((i) => roster[i]?.active)
    const least = terms.rateBps * BigInt(decided.snapshots)
    let eligible = active.filter((i) => BigInt(seen.get(i) ?? 0) * 10_000n >= least)
    if (eligible.length === 0 && terms.payAll) eligible = active
    const pool = this.poolOf(n)
    const weights = eligible.map((i) => (terms.weighted ? (roster[i]?.weight ?? 0n) : 1n))
    const total = sumOf(weights)
    const shares = weights.map((weight) => (total === 0n ? 0n : (pool * weight) / total))
    decided.state = 'settled'
    decided.eligible = eligible.length
    decided.allocated = sumOf(shares)
    decided.pool = decided.allocated === 0n ? 0n : pool
    decided.unpaid = new Map(eligible.map((i, at) => [i, shares[at] ?? 0n]))
    this.drawn += decided.allocated
    this.rolledOver = 0n
  }

  void(n: number): void {
    const decided = this.decided(n)
    decided.state = 'voided'
    this.drawn -= decided.allocated
    this.addCap()
  }

  private addCap(): void {
    if (this.rolledOver < MAX_ROLLED_CAPS) ++this.rolledOver
  }

  // ---------------------------------------------------------------- money out

  decided(n: number): Decided {
    const decided = this.cycles.get(n)
    if (!decided) throw new Error(`cycle ${n} is not decided`)
    return decided
  }

  redirect(fund: string, index: number, to: string): void {
    this.redirects.set(`${fund}/${index}`, to)
  }

  payee(n: number, index: number): string {
    const fund = this.opening(n).roster[index]?.fund ?? ''
    return this.redirects.get(`${fund}/${index}`) ?? fund
  }

  batch(n: number, list: [word: number, indices: number[]][], keeper: boolean): BatchResult {
    const { unpaid, maxRefused } = this.decided(n)
    const result: BatchResult = { paid: [], refused: [] }
    const refusers = new Set<string>()
    const full = (): boolean => refusers.size === Number(maxRefused)
    for (const [word, indices] of list) {
      let mask = 0n
      for (const index of indices.toSorted((a, b) => a - b)) {
        const amount = unpaid.get(index)
        if (amount === undefined || full()) continue
        const to = this.payee(n, index)
        if (amount !== 0n && this.refusing.has(to)) {
          refusers.add(to)
          result.refused.push({ index, to, amount })
          if (keeper) this.credit(n, index)
          continue
        }
        this.receive(to, amount)
        unpaid.delete(index)
        mask |= 1n << BigInt(index % 256)
      }
      if (mask !== 0n) result.paid.push([BigInt(word), mask])
    }
    return result
  }

  claim(n: number, index: number): bigint {
    const { unpaid } = this.decided(n)
    const amount = unpaid.get(index) ?? 0n
    if (amount === 0n) return 0n
    unpaid.delete(index)
    this.receive(this.payee(n, index), amount)
    return amount
  }

  /** An unpaid share becomes a credit of whom it would be paid to. */
  credit(n: number, index: number): void {
    const { unpaid } = this.decided(n)
    const to = this.payee(n, index)
    const amount = unpaid.get(index) ?? 0n
    this.credits.set(to, (this.credits.get(to) ?? 0n) + amount)
    unpaid.delete(index)
  }

  withdraw(account: string): void {
    this.receive(account, this.credits.get(account) ?? 0n)
    this.credits.delete(account)
  }

  private receive(to: string, amount: bigint): void {
    this.received.set(to, (this.received.get(to) ?? 0n) + amount)
    this.out += amount
  }
}

export const sumOf = (list: Iterable<bigint>): bigint => {
  let sum = 0n
  for (const item of list) sum += item
  return sum
}
