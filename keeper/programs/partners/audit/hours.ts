import { SECONDS_PER_HOUR } from '../../../base/time.ts'
import type { CheckRoom } from '../../../payouts/program-check.ts'
import { comparePeriod } from './compare.ts'
import { compareHourShares, readVoted } from './hour-shares.ts'
import { hourlyNumbers, inflowOf } from './hourly-numbers.ts'
import type { HourRow } from './period-rows.ts'
import type { KeptRules } from './rules-rows.ts'

// Whatever correction took a late vote was one of its hour.
const ALL = Number.MAX_SAFE_INTEGER

export type Rules = ReadonlyMap<string, KeptRules>

/** An hour and its shares, from the votes that count, the rate in force and the rules. */
export async function checkHour(
  room: Pick<CheckRoom, 'db' | 'differ'>,
  rules: Rules,
  row: HourRow,
): Promise<void> {
  const { hour, cc, voters, votes, unitsPerCc, trace, paid, carry } = row
  const from = hour * SECONDS_PER_HOUR
  const period = { hour, from, to: from + SECONDS_PER_HOUR, corrections: ALL }
  const voted = await readVoted(room, period)
  const rate = await rateBefore(room, period.to, rules.get(row.ruleset)?.ccRate)
  const { inflow, hourly, daily } = inflowOf(voted.cc, rate ?? unitsPerCc)
  const numbers = hourlyNumbers(row.pool, voted.voters)
  const found = { cc, voters, votes, unitsPerCc, inflow: row.inflow, paid, carry, trace }
  comparePeriod(
    room,
    `hour ${hour}`,
    { ...found, hourly: row.hourly, daily: row.daily },
    {
      ...voted,
      unitsPerCc: rate ?? unitsPerCc,
      inflow,
      hourly,
      daily,
      paid: numbers.paid,
      carry: numbers.carry,
      trace: numbers,
    },
  )
  await compareHourShares(room, period, numbers.parts)
}

/** In force in the last second before that instant. */
export async function rateBefore(
  { db }: Pick<CheckRoom, 'db'>,
  end: number,
  fallback: bigint | undefined,
): Promise<bigint | undefined> {
  const row = await db.maybeOne<{ rate: string }>(
    `select units_per_cc as rate from partner_rate where from_at < $1 order by from_at desc limit 1`,
    [end],
  )
  return row ? BigInt(row.rate) : fallback
}
