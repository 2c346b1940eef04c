// What the partners are to get, said a second time and slowly: every quantity is a fraction of two integers, is
// floored where an amount is made and nowhere before, and whoever is meant is asked one by one. Shares no line with
// keeper/programs/partners; a position is found by counting who is better.

class Q {
  readonly n: bigint
  readonly d: bigint
  constructor(n: bigint, d = 1n) {
    const g = gcd(n < 0n ? -n : n, d)
    this.n = g > 1n ? n / g : n
    this.d = g > 1n ? d / g : d
  }
  plus(q: Q): Q {
    return new Q(this.n * q.d + q.n * this.d, this.d * q.d)
  }
  times(q: Q): Q {
    return new Q(this.n * q.n, this.d * q.d)
  }
  over(q: Q): Q {
    return new Q(this.n * q.d, this.d * q.n)
  }
  below(q: Q): boolean {
    return this.n * q.d < q.n * this.d
  }
  floor(): bigint {
    return this.n / this.d
  }
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}

const q = (n: bigint | number, d: bigint | number = 1): Q => new Q(BigInt(n), BigInt(d))
const lesser = (a: Q, b: Q): Q => (b.below(a) ? b : a)
const total = (all: Q[]): Q => all.reduce((sum, each) => sum.plus(each), q(0))

/** '1.25e-3' as 125 / 100000. */
function rational(text: string): Q {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', decimals = ''] = mantissa.split('.')
  const value = q(BigInt(whole + decimals), 10n ** BigInt(decimals.length))
  const power = q(10n ** BigInt(Math.abs(Number(exponent))))
  return Number(exponent) < 0 ? value.over(power) : value.times(power)
}

export interface OracleVote {
  voter: string
  power: string
}

interface Person {
  id: string
  votes: number
  ecc: Q
  rank: number
}

/** Each row is one vote of 1 CC; the ECC is the largest power, in whole 10^-18ths. */
function peopleOf(votes: readonly OracleVote[]): Person[] {
  const ids = [...new Set(votes.map(({ voter }) => voter))]
  const rowsOf = Map.groupBy(votes, ({ voter }) => voter)
  const people = ids.map((id) => {
    const rows = rowsOf.get(id) ?? []
    const largest = rows.map(({ power }) => rational(power)).reduce((a, b) => (a.below(b) ? b : a))
    const ecc = q(largest.times(q(10n ** 18n)).floor())
    return { id, bytes: Buffer.from(id), votes: rows.length, ecc }
  })
  return people.map(({ bytes, ...person }) => {
    const isBetter = (other: (typeof people)[number]): boolean =>
      other.votes > person.votes ||
      (other.votes === person.votes && Buffer.compare(other.bytes, bytes) < 0)
    return { ...person, rank: 1 + people.filter(isBetter).length }
  })
}

/** The smallest whole number of people that is at least that share of them. */
function shareOfPeople(people: number, percent: number): number {
  let count = 0
  while (q(count).below(q(people * percent, 100))) count += 1
  return count
}

export type Amounts = Record<string, bigint>

export interface OracleResult {
  /** By partner. */
  amounts: Map<string, Amounts>
  carry: bigint
}

/** An equal share of pool × parts for those who are meant: one fraction, floored once. */
function equal(pool: bigint, part: Q, sharers: number): bigint {
  return sharers === 0 ? 0n : q(pool).times(part).over(q(sharers)).floor()
}

export function oracleHour(pool: bigint, votes: readonly OracleVote[]): OracleResult {
  const people = peopleOf(votes)
  const sizes = {
    top10p: shareOfPeople(people.length, 10),
    top10: 10,
    top100: 100,
    top1000: 1_000,
    all: people.length,
  }
  const amounts = new Map<string, Amounts>(people.map(({ id }) => [id, {}]))
  for (const [category, size] of Object.entries(sizes)) {
    const meant = people.filter(({ rank }) => rank <= size)
    for (const { id, rank } of people) {
      const each = equal(pool, q(1, 5), meant.length)
      Object.assign(amounts.get(id) ?? {}, { [category]: rank <= size ? each : 0n })
    }
  }
  return { amounts, carry: pool - paidOf(amounts) }
}

export interface OracleTerms {
  bps: { fixed: number; ecc: number; top50: number }
  minimumVotes: Record<string, number>
  bonus: { bps: number; referenceRate: bigint; capPerPartner: bigint }
  rate: bigint
  budget: bigint
}

const TIERS = { top10: 10, top100: 100, top1000: 1_000, top10000: 10_000, all: Infinity }

export function oracleDay(
  pool: bigint,
  votes: readonly OracleVote[],
  terms: OracleTerms,
): OracleResult {
  const people = peopleOf(votes)
  const amounts = new Map<string, Amounts>(people.map(({ id }) => [id, {}]))
  const give = (category: string, amountOf: (person: Person) => bigint): void => {
    for (const person of people)
      Object.assign(amounts.get(person.id) ?? {}, { [category]: amountOf(person) })
  }
  for (const [tier, size] of Object.entries(TIERS)) {
    const isMeant = ({ rank, votes }: Person): boolean =>
      rank <= size && votes >= (terms.minimumVotes[tier] ?? 0)
    const each = equal(pool, q(terms.bps.fixed, 50_000), people.filter(isMeant).length)
    give(tier, (person) => (isMeant(person) ? each : 0n))
  }
  const byEcc = eccAmounts(q(pool).times(q(terms.bps.ecc, 10_000)).floor(), people)
  give('top10p_ecc', ({ id }) => byEcc.get(id) ?? 0n)
  const half = shareOfPeople(people.length, 50)
  const each = equal(pool, q(terms.bps.top50, 10_000), half)
  give('top50p', ({ rank }) => (rank <= half ? each : 0n))
  const carry = pool - paidOf(amounts)
  const bonuses = bonusAmounts(amounts, terms)
  give('cc_market', ({ id }) => bonuses.get(id) ?? 0n)
  return { amounts, carry }
}

function eccAmounts(part: bigint, people: readonly Person[]): Map<string, bigint> {
  const size = shareOfPeople(people.length, 10)
  const top = people.filter(({ rank }) => rank <= size)
  if (top.length === 0) return new Map()
  const cap = q(5).times(total(top.map(({ ecc }) => ecc)).over(q(top.length)))
  const weights = top.map(({ ecc }) => lesser(ecc, cap))
  const all = total(weights)
  if (all.n === 0n) return new Map()
  return new Map(
    top.map(({ id }, at) => [
      id,
      q(part)
        .times((weights[at] ?? q(0)).over(all))
        .floor(),
    ]),
  )
}

function bonusAmounts(
  amounts: ReadonlyMap<string, Amounts>,
  { bonus, rate, budget }: OracleTerms,
): Map<string, bigint> {
  if (rate <= bonus.referenceRate) return new Map()
  const wished = [...amounts].map(([id, each]) => {
    const floored = q(sumOf(each)).times(q(bonus.bps, 10_000)).floor()
    return [id, lesser(q(floored), q(bonus.capPerPartner))] as const
  })
  const all = total(wished.map(([, wish]) => wish))
  const factor = q(budget).below(all) ? q(budget).over(all) : q(1)
  return new Map(wished.map(([id, wish]) => [id, wish.times(factor).floor()]))
}

function sumOf(amounts: Amounts): bigint {
  return Object.values(amounts).reduce((sum, amount) => sum + amount, 0n)
}

function paidOf(amounts: ReadonlyMap<string, Amounts>): bigint {
  return [...amounts.values()].reduce((sum, each) => sum + sumOf(each), 0n)
}
