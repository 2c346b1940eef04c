import type { CheckRoom } from '../../../payouts/program-check.ts'
import { comparePeriod } from './compare.ts'
import { dailyNumbers, dailyParts } from './daily-numbers.ts'
import { compareDayShares, countDay, sumDay } from './day-shares.ts'
import { readVoted } from './hour-shares.ts'
import { rateBefore } from './hours.ts'
import type { Rules } from './hours.ts'
import type { DayRow } from './period-rows.ts'

/** A day and its shares, from the votes that count, what the partners' ECC were, the rate and the rules. */
export async function checkDay(
  room: Pick<CheckRoom, 'db' | 'differ'>,
  all: Rules,
  row: DayRow,
): Promise<void> {
  const rules = all.get(row.ruleset)
  // Its version was told already, or the store would not have taken the row.
  if (!rules) return
  const {
    day,
    from,
    to,
    corrections,
    pool,
    paid,
    carry,
    bonusPaid,
    bonusBudget,
    voters,
    votes,
    trace,
  } = row
  const asked = { day, from, to, corrections, at: await computedAt(room, row), rules }
  const voted = await readVoted(room, row)
  const rate = (await rateBefore(room, to, rules.ccRate)) ?? rules.ccRate
  const market = { rate, budget: bonusBudget }
  const counts = await countDay(room, asked)
  const parts = dailyParts(pool, counts, rules)
  await compareDayShares(room, asked, parts, { counts, market })
  const sums = await sumDay(room, day, rules, market)
  const numbers = dailyNumbers(pool, parts, { counts, sums, rules, market })
  const found = { voters, votes, paid, carry, bonusPaid, eccCap: row.eccCap, trace }
  comparePeriod(room, `day ${day}`, found, {
    voters: voted.voters,
    votes: voted.votes,
    paid: numbers.paid,
    carry: numbers.carry,
    bonusPaid: numbers.bonus.paid,
    eccCap: numbers.ecc.capDown,
    trace: numbers,
  })
}

/** When it was distributed or last corrected. */
async function computedAt({ db }: Pick<CheckRoom, 'db'>, { day, at }: DayRow): Promise<number> {
  const row = await db.one<{ at: bigint }>(
    `select greatest($2::bigint, max(at)) as at from partner_correction
      where kind = 'day' and period = $1`,
    [day, at],
  )
  return Number(row.at)
}
