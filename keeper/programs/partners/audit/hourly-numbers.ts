// The rules of an hour said once more, in numbers of positions alone: nothing here is shared with what distributed.

const HOURLY_PERCENT = 25n
const PERCENT = 100n

/** What so many votes in CC bring at that rate: a quarter to the hour, floored, and the rest to the day. */
export function inflowOf(cc: bigint, rate: bigint) {
  const inflow = cc * rate
  const hourly = (inflow * HOURLY_PERCENT) / PERCENT
  return { inflow, hourly, daily: inflow - hourly }
}

/** The first so many positions of a category, and what each of them gets. */
export interface Category {
  category: string
  members: number
  sharers: number
  part: bigint
  share: bigint
  remainder: bigint
}

export function categoryOf(
  category: string,
  part: bigint,
  members: number,
  sharers: number = members,
): Category {
  const share = sharers === 0 ? 0n : part / BigInt(sharers)
  return { category, members, sharers, part, share, remainder: part - share * BigInt(sharers) }
}

/** A tenth, a half: rounded up. */
export function shareOfVoters(voters: number, percent: number): number {
  return Number((BigInt(voters) * BigInt(percent) + PERCENT - 1n) / PERCENT)
}

const TENTH = 10

/** The pool and what becomes of it with so many voters: as the period keeps it. */
export function hourlyNumbers(pool: bigint, voters: number) {
  const sizes = {
    top10p: shareOfVoters(voters, TENTH),
    top10: Math.min(10, voters),
    top100: Math.min(100, voters),
    top1000: Math.min(1_000, voters),
    all: voters,
  }
  const names = Object.entries(sizes)
  const part = pool / BigInt(names.length)
  const parts = names.map(([category, members]) => categoryOf(category, part, members))
  const paid = parts.reduce((total, each) => total + each.share * BigInt(each.sharers), 0n)
  const undivided = pool - part * BigInt(parts.length)
  return { pool, paid, carry: pool - paid, undivided, parts }
}
