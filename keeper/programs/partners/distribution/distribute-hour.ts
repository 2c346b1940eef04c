import { sum } from '../../../base/amount.ts'
import { ensure } from '../../../base/errors.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import { postIn } from '../../../ledger/post.ts'
import { requirePosted } from '../../../ledger/posting.ts'
import type { Posting } from '../../../ledger/posting.ts'
import { accrueIn } from '../../../payouts/accrual.ts'
import { lockProgram } from '../../../payouts/program-row.ts'
import type { Db } from '../../../store/db.ts'
import { insertHour, keepRuleset, readCorrections, readHour } from './distribution-rows.ts'
import type { HourRow } from './distribution-rows.ts'
import { withholdDues } from '../correction/dues.ts'
import { accounts, codes, keys, refs } from '../names.ts'
import { awardsOf, owedOf } from './owed.ts'
import type { Owed } from './owed.ts'
import { readHourPool, requireLeft } from './pool-balances.ts'
import { partnersProgram } from '../program.ts'
import type { PartnersRoom } from '../room.ts'
import { distributeHour } from '../rules/hourly.ts'
import type { HourlyDistribution } from '../rules/hourly.ts'
import { dayOfHour, hoursOfDay } from '../rules/plan-steps.ts'
import { rateAt, splitInflow } from '../rules/pools.ts'
import type { Inflow } from '../rules/pools.ts'
import { hourlyTraceOf } from '../rules/trace.ts'
import { enqueueSpecial } from '../special/outbox.ts'
import { insertHourShares } from './share-rows.ts'
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
  await lockState(t)
  const known = await readHour(t, room.shadow, hour)
  // Another process was first.
  if (known) return { kind: 'hour', isNew: false, ...known }
  await requireNext(t, room, { kind: 'hour', hour }, { hour, withDay: false })
  await room.onStep?.('hour-locked')
  const { row, owed } = await keepHour(room, t, hour)
  await room.onStep?.('hour-rows')
  if (!room.shadow) await post(room, t, row, owed)
  await room.onStep?.('hour-booked')
  return { kind: 'hour', isNew: true, ...row }
}

/** Its row and its shares. */
async function keepHour(
  room: PartnersRoom,
  t: Db,
  hour: Hour,
): Promise<{ row: HourRow; owed: Owed[] }> {
  const { shadow, ruleset, clock } = room
  const period = periodOfHour(hour)
  const lastSecond = period.to - 1
  const voters = await readVoters(t, period)
  await logVoters(t, room.log, period, voters)
  const rate = rateAt(await readRates(t, lastSecond), lastSecond, ruleset.ccRate)
  const inflow = splitInflow(sum(voters.map(({ cc }) => cc)), rate)
  const carried = await readHourPool(t, room)
  const result = distributeHour(carried + inflow.hourly, voters)
  const afterCorrection = await readCorrections(t)
  const row = rowOf(room, { hour, inflow, carried, result, afterCorrection, at: clock.now() })
  await keepRuleset(t, ruleset, row.at)
  await insertHour(t, shadow, row)
  await insertHourShares(t, shadow, hour, result.shares)
  return { row, owed: owedOf(result.shares) }
}

interface Calculated {
  hour: Hour
  inflow: Inflow
  carried: bigint
  result: HourlyDistribution
  afterCorrection: number
  at: UnixSeconds
}

function rowOf(
  { zone, ruleset }: PartnersRoom,
  { hour, inflow, carried, result, afterCorrection, at }: Calculated,
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
    afterCorrection,
    at,
  }
}

/** The program before the books, and the inflow before what goes out of it. */
async function post(room: PartnersRoom, t: Db, row: HourRow, owed: readonly Owed[]): Promise<void> {
  const { asset, special } = room
  const { hour, at, paid, carry, ruleset } = row
  const program = partnersProgram(asset)
  const { to } = periodOfHour(hour)
  await lockProgram(t, program)
  requirePosted(await postIn(t, inflowPostings(row, asset, to), at))
  const offer = awardsOf(owed, {
    refOf: (partner) => refs.hour(hour, partner),
    from: accounts.hourPool,
    reason: { hour, ruleset },
    effectiveAt: to,
  })
  const accrued = await accrueIn(t, program, { offer, through: to, now: at })
  const what = `the awards of hour ${hour}`
  ensure(accrued.amount === paid, 'INTERNAL', { what, ...accrued, paid })
  await requireLeft(t, accounts.hourPool, { asset, carry })
  await enqueueSpecial(t, hour, owed, { special, now: at })
  await withholdDues(t, program, { period: `h${hour}`, effectiveAt: to, now: at })
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
