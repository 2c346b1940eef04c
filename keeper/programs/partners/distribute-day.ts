import { ensure } from '../../base/errors.ts'
import { periodOfDay } from '../../base/day.ts'
import type { Day } from '../../base/day.ts'
import { startOfHour } from '../../base/time.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { balanceOf } from '../../ledger/balances.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import { accrueIn } from '../../payouts/accrual.ts'
import { lockProgram } from '../../payouts/program-row.ts'
import type { Award, Period } from '../../payouts/program.ts'
import type { Db } from '../../store/db.ts'
import {
  insertDay,
  insertDayShares,
  keepRuleset,
  readCorrections,
  readDay,
} from './distribution-rows.ts'
import type { DayRow } from './distribution-rows.ts'
import { withholdDues } from './dues.ts'
import { accounts, codes, keys, refs } from './names.ts'
import { readDayPool, readInflow } from './pools.ts'
import { partnersProgram } from './program.ts'
import type { PartnersRoom } from './room.ts'
import { distributeDay } from './rules/daily.ts'
import type { DailyDistribution } from './rules/daily.ts'
import { rateAt } from './rules/pools.ts'
import { dailyTraceOf } from './rules/trace.ts'
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
  const { shadow, ruleset, zone, asset, clock } = room
  const { unknownEcc } = ruleset
  await lockState(t)
  const known = await readDay(t, shadow, day)
  // Another process was first.
  if (known) return { kind: 'day', isNew: false, ...known }
  const { inflow, lastHour } = await readInflow(t, day, shadow)
  const firstHour = await requireNext(
    t,
    room,
    { kind: 'day', day },
    { hour: lastHour, withDay: true },
  )
  const whole = periodOfDay(zone, day)
  // What was voted before the first hour is not counted anywhere.
  const period = { ...whole, from: Math.max(whole.from, startOfHour(firstHour)) }
  const voters = await readEccVoters(t, period, { day, unknownEcc })
  await logVoters(t, room.log, period, voters)
  const pool = await readDayPool(t, room)
  const market = {
    unitsPerCc: rateAt(await readRates(t, period.to - 1), period.to - 1, ruleset.ccRate),
    budget: await balanceOf(t, accounts.bonusPool, asset),
  }
  const result = distributeDay(pool, voters, ruleset.daily, market)
  const at = clock.now()
  const corrections = await readCorrections(t)
  const row = rowOf(room, { day, period, inflow, lastHour, result, corrections, at })
  await keepRuleset(t, ruleset, at)
  await insertDay(t, shadow, row)
  await insertDayShares(t, shadow, day, result.shares)
  await room.onStep?.('day-rows')
  if (!shadow) await post(room, t, row, result)
  await room.onStep?.('day-booked')
  return { kind: 'day', isNew: true, ...row }
}

interface Calculated {
  day: Day
  period: Period
  inflow: bigint
  lastHour: number
  result: DailyDistribution
  corrections: number
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
async function post(
  room: PartnersRoom,
  t: Db,
  row: DayRow,
  { shares }: DailyDistribution,
): Promise<void> {
  const { asset } = room
  const { to, at, paid, bonusPaid, bonusBudget } = row
  const program = partnersProgram(asset)
  await lockProgram(t, program)
  if (bonusPaid > 0n) await postBonus(t, asset, row)
  const offer = awardsOf(row, shares)
  const accrued = await accrueIn(t, program, { offer, through: to, now: at })
  const what = `the awards of ${row.day}`
  ensure(accrued.amount === paid + bonusPaid, 'INTERNAL', { what, ...accrued, paid, bonusPaid })
  await readDayPool(t, room)
  const left = await balanceOf(t, accounts.bonusPool, asset)
  const isSpent = left === bonusBudget - bonusPaid
  ensure(isSpent, 'INTERNAL', { what: 'the budget of the bonus', left, bonusBudget, bonusPaid })
  await withholdDues(t, program, { period: `d${row.day}`, effectiveAt: to, now: at })
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

/** Made one by one while they are posted: a hundred thousand are never there at once. */
function* awardsOf(
  { day, to: effectiveAt, ruleset }: DayRow,
  shares: DailyDistribution['shares'],
): Generator<Award> {
  for (const { partner, position, total: amount } of shares) {
    if (amount === 0n) continue
    const reason = { day, position, ruleset }
    const ref = refs.day(day, partner)
    yield { ref, payee: partner, amount, from: accounts.dayPool, reason, effectiveAt }
  }
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
