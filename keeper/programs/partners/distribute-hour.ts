import { sum } from '../../base/amount.ts'
import { ensure } from '../../base/errors.ts'
import type { Hour, UnixSeconds } from '../../base/time.ts'
import { postIn } from '../../ledger/post.ts'
import { requirePosted } from '../../ledger/posting.ts'
import type { Posting } from '../../ledger/posting.ts'
import { accrueIn } from '../../payouts/accrual.ts'
import { lockProgram } from '../../payouts/program-row.ts'
import type { Award } from '../../payouts/program.ts'
import type { Db } from '../../store/db.ts'
import { insertHour, insertHourShares, keepRuleset, readHour } from './distribution-rows.ts'
import type { HourRow } from './distribution-rows.ts'
import { withholdDues } from './dues.ts'
import { accounts, codes, keys, refs } from './names.ts'
import { readDayPool, readHourPool } from './pools.ts'
import { partnersProgram } from './program.ts'
import type { PartnersRoom } from './room.ts'
import { distributeHour } from './rules/hourly.ts'
import type { HourlyDistribution } from './rules/hourly.ts'
import { dayOfHour, hoursOfDay } from './rules/plan-steps.ts'
import { rateAt, splitInflow } from './rules/pools.ts'
import type { Inflow } from './rules/pools.ts'
import { hourlyTraceOf } from './rules/trace.ts'
import { enqueueSpecial } from './special/outbox.ts'
import { lockState, requireNext } from './state.ts'
import { logVoters, periodOfHour, readRates, readVoters } from './voters.ts'

export interface DoneHour extends HourRow {
  kind: 'hour'
  /** False: it was distributed before, and nothing was posted now. */
  isNew: boolean
}

/** One hour in one transaction: its inflow, its shares and its awards, all of it or nothing. */
export async function bookHour(room: PartnersRoom, hour: Hour): Promise<DoneHour> {
  const done = await room.db.begin((t) => bookHourIn(room, t, hour))
  if (done.isNew) logHour(room, done)
  return done
}

async function bookHourIn(room: PartnersRoom, t: Db, hour: Hour): Promise<DoneHour> {
  const { shadow, ruleset, clock } = room
  await lockState(t)
  const known = await readHour(t, shadow, hour)
  // Another process was first.
  if (known) return { kind: 'hour', isNew: false, ...known }
  await requireNext(t, room, { kind: 'hour', hour }, { hour, withDay: false })
  await room.onStep?.('hour-locked')
  const period = periodOfHour(hour)
  const voters = await readVoters(t, period)
  await logVoters(t, room.log, period, voters)
  const rate = rateAt(await readRates(t, period.to - 1), period.to - 1, ruleset.ccRate)
  const inflow = splitInflow(sum(voters.map(({ cc }) => cc)), rate)
  const carried = await readHourPool(t, room)
  const result = distributeHour(carried + inflow.hourly, voters)
  const at = clock.now()
  const row = rowOf(room, { hour, inflow, carried, result, at })
  await keepRuleset(t, ruleset, at)
  await insertHour(t, shadow, row)
  await insertHourShares(t, shadow, hour, result.shares)
  await room.onStep?.('hour-rows')
  if (!shadow) await post(room, t, row, result)
  await room.onStep?.('hour-booked')
  return { kind: 'hour', isNew: true, ...row }
}

interface Calculated {
  hour: Hour
  inflow: Inflow
  carried: bigint
  result: HourlyDistribution
  at: UnixSeconds
}

function rowOf(
  { zone, ruleset }: PartnersRoom,
  { hour, inflow, carried, result, at }: Calculated,
): HourRow {
  const day = dayOfHour(zone, hour)
  const { pool, paid, carry, shares } = result
  return {
    hour,
    day,
    hourOfDay: hour - (hoursOfDay(zone, day)?.first ?? hour),
    ...inflow,
    carried,
    pool,
    paid,
    carry,
    voters: shares.length,
    votes: shares.reduce((total, { votes }) => total + votes, 0),
    ruleset: ruleset.version,
    trace: hourlyTraceOf(result),
    revision: 0,
    at,
  }
}

/** The program before the books, and the inflow before what goes out of it. */
async function post(
  room: PartnersRoom,
  t: Db,
  row: HourRow,
  { shares }: HourlyDistribution,
): Promise<void> {
  const { asset, special } = room
  const program = partnersProgram(asset)
  const { to } = periodOfHour(row.hour)
  await lockProgram(t, program)
  requirePosted(await postIn(t, inflowPostings(row, asset, to), row.at))
  const offer = awardsOf(row, shares, to)
  const accrued = await accrueIn(t, program, { offer, through: to, now: row.at })
  const what = `the awards of hour ${row.hour}`
  ensure(accrued.amount === row.paid, 'INTERNAL', { what, ...accrued, paid: row.paid })
  await readHourPool(t, room)
  await readDayPool(t, room)
  await enqueueSpecial(t, row.hour, shares, { special, now: row.at })
  await withholdDues(t, program, { period: `h${row.hour}`, effectiveAt: to, now: row.at })
}

function inflowPostings(
  { hour, cc, unitsPerCc, hourly, daily }: HourRow,
  asset: string,
  effectiveAt: UnixSeconds,
): Posting[] {
  const same = { debit: accounts.issuer, asset, code: codes.inflow, effectiveAt }
  const reason = { hour, cc, unitsPerCc }
  const both = [
    { key: keys.hourInflow(hour), credit: accounts.hourPool, amount: hourly },
    { key: keys.dayInflow(hour), credit: accounts.dayPool, amount: daily },
  ]
  return both.filter(({ amount }) => amount > 0n).map((each) => ({ ...same, ...each, reason }))
}

/** Made one by one while they are posted: a hundred thousand are never there at once. */
function* awardsOf(
  { hour, ruleset }: HourRow,
  shares: HourlyDistribution['shares'],
  effectiveAt: UnixSeconds,
): Generator<Award> {
  for (const { partner, position, total: amount } of shares) {
    if (amount === 0n) continue
    const reason = { hour, position, ruleset }
    const ref = refs.hour(hour, partner)
    yield { ref, payee: partner, amount, from: accounts.hourPool, reason, effectiveAt }
  }
}

function logHour({ log, shadow }: PartnersRoom, done: DoneHour): void {
  const { hour, day, hourOfDay, paid, carry, voters, votes, ruleset, trace } = done
  const categories = trace.parts.map(({ category, sharers }) => [category, sharers])
  log.info(
    {
      type: 'hourly',
      hour,
      day,
      hourOfDay,
      total: paid,
      carry,
      userCounts: { voters, votes, ...(Object.fromEntries(categories) as object) },
      eccCap: null,
      ruleset,
      shadow,
    },
    'reward-distributed',
  )
}
