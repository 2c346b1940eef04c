import type { Day } from '../../../base/day.ts'
import type { Logger } from '../../../base/log.ts'
import { startOfHour } from '../../../base/time.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import type { Period } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'
import type { EccVoter } from '../rules/ecc.ts'
import type { CcRate } from '../rules/pools.ts'
import type { Voter } from '../rules/position.ts'

// A vote that came after its hour waits for a correction.
const COUNTS = '(not late or correction is not null)'
// As rankVoters has it, which then finds them in order.
const BY_POSITION = 'cc desc, votes desc, partner'

export function periodOfHour(hour: Hour): Period {
  return { from: startOfHour(hour), to: startOfHour(hour + 1) }
}

/** Who voted in that period, in the order of their positions. */
export async function readVoters(t: Db, { from, to }: Period): Promise<Voter[]> {
  return t.query<Voter>(
    `select partner, sum(cc)::bigint as cc, count(*)::int as votes from partner_vote
      where at >= $1 and at < $2 and ${COUNTS} group by partner order by ${BY_POSITION}`,
    [from, to],
  )
}

/** Who had voted as a day was last computed: in time, or late and taken by a correction by then. */
export function readVotersBy(t: Db, { from, to }: Period, correction: number): Promise<Voter[]> {
  return t.query<Voter>(
    `select partner, sum(cc)::bigint as cc, count(*)::int as votes from partner_vote
      where at >= $1 and at < $2 and (not late or correction <= $3)
      group by partner order by ${BY_POSITION}`,
    [from, to, correction],
  )
}

/** With the coefficient of that day, or the latest before it, or the one of whom none is known. */
export async function readEccVoters(
  t: Db,
  { from, to }: Period,
  { day, unknownEcc }: { day: Day; unknownEcc: bigint },
): Promise<EccVoter[]> {
  // PostgreSQL would compile the statement first, which takes as long as the statement.
  await t.query('set local jit = off')
  const rows = await t.query<Voter & { ecc: bigint | string | null }>(
    `with voter as materialized (
       select partner, sum(cc)::bigint as cc, count(*)::int as votes from partner_vote
        where at >= $1 and at < $2 and ${COUNTS} group by partner)
     select v.partner, v.cc, v.votes, e.ecc from voter v
       left join lateral (
         select ecc from partner_ecc where partner = v.partner and day <= $3
          order by day desc limit 1) e on true
      order by ${BY_POSITION}`,
    [from, to, day],
  )
  // In place: of a hundred thousand there need not be a copy.
  for (const row of rows) row.ecc = row.ecc === null ? unknownEcc : BigInt(row.ecc)
  return rows as EccVoter[]
}

/** The one that is in force at that instant; none where the table begins later. */
export async function readRates(t: Db, at: UnixSeconds): Promise<CcRate[]> {
  const rows = await t.query<{ from_at: bigint; units_per_cc: string }>(
    'select from_at, units_per_cc from partner_rate where from_at <= $1 order by from_at desc limit 1',
    [at],
  )
  return rows.map(({ from_at, units_per_cc }) => {
    return { from: Number(from_at), unitsPerCc: BigInt(units_per_cc) }
  })
}

/** When the first of all votes was cast. */
export async function readOldest(db: Db): Promise<UnixSeconds | undefined> {
  const { at } = await db.one<{ at: bigint | null }>('select min(at) as at from partner_vote')
  return at === null ? undefined : Number(at)
}

// A line of a log is some 50 kB then.
const MAX_VOTERS_A_LINE = 1_000
// A source that has more kinds of votes than that has put something else there.
const MAX_TYPES = 1_000

/** For whoever asks how a position came about; costs nothing where the level is off. */
export async function logVoters(
  t: Db,
  log: Logger,
  { from, to }: Period,
  voters: readonly Voter[],
): Promise<void> {
  if (log.isLevelEnabled?.('debug') !== true) return
  const types = await t.query(
    `select type, count(*) as votes, sum(cc)::bigint as cc from partner_vote
      where at >= $1 and at < $2 and ${COUNTS} group by type order by votes desc, type limit $3`,
    [from, to, MAX_TYPES],
  )
  log.debug({ from, to, types }, 'votes-by-type')
  for (let at = 0; at < voters.length; at += MAX_VOTERS_A_LINE) {
    const partners = voters.slice(at, at + MAX_VOTERS_A_LINE).map(({ partner, votes, cc }) => {
      return { partner, votes, cc }
    })
    log.debug({ from, to, after: at, partners }, 'votes-by-partner')
  }
}
