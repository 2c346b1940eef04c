import { ensure } from '../../../base/errors.ts'
import { periodOfDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { startOfHour } from '../../../base/time.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import { balanceOf } from '../../../ledger/balances.ts'
import { postIn } from '../../../ledger/post.ts'
import { requirePosted } from '../../../ledger/posting.ts'
import { accrueIn } from '../../../payouts/accrual.ts'
import { lockProgram } from '../../../payouts/program-row.ts'
import type { Period } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'
import { insertDay, keepRuleset, readCorrections, readDay } from './distribution-rows.ts'
import type { DayRow } from './distribution-rows.ts'
import { withholdDues } from '../correction/dues.ts'
import { accounts, codes, keys, refs } from '../names.ts'
import { awardsOf, owedOf } from './owed.ts'
import type { Owed } from './owed.ts'
import { readDayPool, readInflow, requireLeft } from './pool-balances.ts'
import { partnersProgram } from '../program.ts'
import type { PartnersRoom } from '../room.ts'
import type { Market } from '../rules/bonus.ts'
import { distributeDay } from '../rules/daily.ts'
import type { DailyDistribution } from '../rules/daily.ts'
import { rateAt } from '../rules/pools.ts'
import { dailyTraceOf } from '../rules/trace.ts'
import { insertDayShares } from './share-rows.ts'
import { lockState, requireNext } from './state.ts'
import { logVoters, readEccVoters, readRates } from './voters.ts'

export interface DoneDay extends DayRow {
  kind: 'day'
  /** False: it was distributed before, and nothing was posted now. */
  isNew: boolean
}

/** One day in one transaction, after its last hour: all of it or nothing. */
export async function bookDay(room: PartnersRoom, day: Day): Promise<DoneDay> {
  const done = await room.db.begin((t) => bookDayIn(room, t, day))
  if (done.isNew) logDay(room, done)
  return done
}

async function bookDayIn(room: PartnersRoom, t: Db, day: Day): Promise<DoneDay> {
  await lockState(t)
  const known = await readDay(t, room.shadow, day)
  // Another process was first.
  if (known) return { kind: 'day', isNew: false, ...known }
  const { row, owed } = await keepDay(room, t, day)
  await room.onStep?.('day-rows')
  if (!room.shadow) await post(room, t, row, owed)
  await room.onStep?.('day-booked')
  return { kind: 'day', isNew: true, ...row }
}

/** Its row and its shares. */
async function keepDay(
  room: PartnersRoom,
  t: Db,
  day: Day,
): Promise<{ row: DayRow; owed: Owed[] }> {
  const { shadow, ruleset, clock } = room
  const { pool, market, ...about } = await readBasis(room, t, day)
  const voters = await readEccVoters(t, about.period, { day, unknownEcc: ruleset.unknownEcc })
  await logVoters(t, room.log, about.period, voters)
  const result = distributeDay(pool, voters, ruleset.daily, market)
  const row = rowOf(room, { day, ...about, result, at: clock.now() })
  await keepRuleset(t, ruleset, row.at)
  await insertDay(t, shadow, row)
  await insertDayShares(t, shadow, day, result.shares)
  return { row, owed: owedOf(result.shares) }
}

interface Basis {
  period: Period
  inflow: bigint
  lastHour: Hour
  corrections: number
  pool: bigint
  market: Market
}

/** All that decides about a day but its votes. */
async function readBasis(room: PartnersRoom, t: Db, day: Day): Promise<Basis> {
  const { zone, shadow, ruleset, asset } = room
  const { inflow, lastHour } = await readInflow(t, day, shadow)
  const through = { hour: lastHour, withDay: true }
  const firstHour = await requireNext(t, room, { kind: 'day', day }, through)
  const { from, to } = periodOfDay(zone, day)
  const lastSecond = to - 1
  return {
    // What was voted before the first hour is not counted anywhere.
    period: { from: Math.max(from, startOfHour(firstHour)), to },
    inflow,
    lastHour,
    corrections: await readCorrections(t),
    pool: await readDayPool(t, room),
    market: {
      unitsPerCc: rateAt(await readRates(t, lastSecond), lastSecond, ruleset.ccRate),
      budget: await balanceOf(t, accounts.bonusPool, asset),
    },
  }
}

interface Calculated extends Pick<Basis, 'period' | 'inflow' | 'lastHour' | 'corrections'> {
  day: Day
  result: DailyDistribution
  at: UnixSeconds
}

function rowOf(
  { ruleset }: PartnersRoom,
  { day, period, inflow, lastHour, result, corrections, at }: Calculated,
): DayRow {
  const { pool, paid, carry, bonus, shares } = result
  return {
    day,
    ...period,
    lastHour,
    inflow,
    carried: pool - inflow,
    pool,
    paid,
    carry,
    bonusBudget: bonus.budget,
    bonusPaid: bonus.paid,
    voters: shares.length,
    votes: shares.reduce((total, { votes }) => total + votes, 0),
    eccCap: result.ecc.capDown,
    ruleset: ruleset.version,
    trace: dailyTraceOf(result),
    revision: 0,
    corrections,
    at,
  }
}

/** One transfer a partner, for which the bonus comes into the day's pool first. */
async function post(room: PartnersRoom, t: Db, row: DayRow, owed: readonly Owed[]): Promise<void> {
  const { asset } = room
  const { day, to, at, paid, carry, bonusPaid, bonusBudget, ruleset } = row
  const program = partnersProgram(asset)
  await lockProgram(t, program)
  if (bonusPaid > 0n) await postBonus(t, asset, row)
  const offer = awardsOf(owed, {
    refOf: (partner) => refs.day(day, partner),
    from: accounts.dayPool,
    reason: { day, ruleset },
    effectiveAt: to,
  })
  const accrued = await accrueIn(t, program, { offer, through: to, now: at })
  const what = `the awards of ${day}`
  ensure(accrued.amount === paid + bonusPaid, 'INTERNAL', { what, ...accrued, paid, bonusPaid })
  await requireLeft(t, accounts.dayPool, { asset, carry })
  await requireLeft(t, accounts.bonusPool, { asset, carry: bonusBudget - bonusPaid })
  await withholdDues(t, program, { period: `d${day}`, effectiveAt: to, now: at })
}

async function postBonus(
  t: Db,
  asset: string,
  { day, to, at, bonusPaid, bonusBudget }: DayRow,
): Promise<void> {
  const posting = {
    key: keys.bonus(day),
    debit: accounts.bonusPool,
    credit: accounts.dayPool,
    asset,
    amount: bonusPaid,
    code: codes.bonus,
    effectiveAt: to,
    reason: { day, budget: bonusBudget },
  }
  requirePosted(await postIn(t, [posting], at))
}

function logDay({ log, shadow }: PartnersRoom, done: DoneDay): void {
  const { day, paid, bonusPaid, carry, voters, votes, eccCap, ruleset, trace } = done
  const { tiers, ecc, top50p } = trace
  const fixed = tiers.map(({ category, sharers }) => [category, sharers])
  const counts = { top10p_ecc: ecc.members, top50p: top50p.sharers }
  log.info(
    {
      type: 'daily',
      day,
      total: paid + bonusPaid,
      bonus: bonusPaid,
      carry,
      userCounts: { voters, votes, ...(Object.fromEntries(fixed) as object), ...counts },
      eccCap,
      ruleset,
      shadow,
    },
    'reward-distributed',
  )
}
