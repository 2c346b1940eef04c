import { SECONDS_PER_HOUR } from '../../base/time.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Program } from '../../payouts/program.ts'
import type { Db } from '../../store/db.ts'
import { PARTNERS, PARTNERS_NUMBER } from './names.ts'

// Sent to an account that has money a payment is 9,893 gas of ours, to a new one some 34,600 (bench/gas.json): 1,000 are
// one transaction, three where all are new. A root costs the same for any number, and a claim its owner 53,860: that is
// asked of them only where we could not send to all within minutes.
const PUSH_UP_TO = 1_000

/** Everything that is earned is paid, daily. */
const RULES = { minimum: 1n, unit: 1n } as const

/** Awards come from the distributions (run.ts), in their own transactions: here nothing is offered. */
export function partnersProgram(asset: string): Program {
  return {
    id: PARTNERS,
    number: PARTNERS_NUMBER,
    asset,
    offer: () => [],
    rules: () => RULES,
    method: (payees) => (payees <= PUSH_UP_TO ? 'push' : 'claim'),
    settlesThrough: endOfLastDay,
  }
}

/** The hours of a day are paid with it, so that everybody is paid once a day. */
async function endOfLastDay(t: Db): Promise<UnixSeconds> {
  const { through } = await t.one<{ through: bigint }>(
    `select coalesce(max(greatest(to_at, (last_hour + 1) * $1::bigint)), 0) as through
       from partner_day where not shadow`,
    [SECONDS_PER_HOUR],
  )
  return Number(through)
}
