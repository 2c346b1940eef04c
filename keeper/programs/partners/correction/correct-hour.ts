import { ensure } from '../../../base/errors.ts'
import { sum } from '../../../base/amount.ts'
import type { Hour } from '../../../base/time.ts'
import type { Posting } from '../../../ledger/posting.ts'
import { lockProgram } from '../../../payouts/program-row.ts'
import type { Db } from '../../../store/db.ts'
import { bookCorrection } from './book-correction.ts'
import type { Booking } from './book-correction.ts'
import { readHourShares, replaceHourShares, updateHour } from './corrected-rows.ts'
import { checkUnchanged, requireRow, sumsOf, unchanged } from './correction.ts'
import type { Corrected, CorrectionRoom } from './correction.ts'
import { correctedPeriod, numbered } from './correction-names.ts'
import { insertCorrection, nextCorrection, readLate, takeLate } from './correction-rows.ts'
import type { Late } from './correction-rows.ts'
import { readDay, readHour } from '../distribution/distribution-rows.ts'
import type { HourRow } from '../distribution/distribution-rows.ts'
import { accounts, codes, keys } from '../names.ts'
import { readHourPool } from '../distribution/pool-balances.ts'
import { partnersProgram } from '../program.ts'
import { differencesOf, poolAgain } from '../rules/differences.ts'
import type { Share } from '../rules/differences.ts'
import { distributeHour } from '../rules/hourly.ts'
import type { HourlyDistribution } from '../rules/hourly.ts'
import { splitInflow } from '../rules/pools.ts'
import { hourlyTraceOf } from '../rules/trace.ts'
import { enqueueSpecial } from '../special/outbox.ts'
import { lockState } from '../distribution/state.ts'
import { periodOfHour, readVoters } from '../distribution/voters.ts'

/** In one transaction, the caller's: the hour is shared again with the votes that came late. */
export async function correctHourIn(t: Db, room: CorrectionRoom, hour: Hour): Promise<Corrected> {
  await lockState(t)
  const before = await requireRow(t, `hour ${hour}`, (db, shadow) => readHour(db, shadow, hour))
  const late = await readLate(t, periodOfHour(hour))
  if (late.votes === 0) return unchanged('hour', String(hour), before)
  const stored = await readHourShares(t, hour)
  await checkHour(t, before, stored)
  await lockProgram(t, partnersProgram(room.asset))
  const id = await nextCorrection(t)
  await takeLate(t, periodOfHour(hour), id)
  const again = await shareAgain(t, room, before, late)
  return bookHourAgain(t, room, { id, before, late, stored, ...again })
}

/** The votes that counted then must give what was given then. */
async function checkHour(t: Db, row: HourRow, stored: readonly Share[]): Promise<void> {
  const { hour, pool, paid, carry, cc, voters, votes } = row
  const counted = await readVoters(t, periodOfHour(hour))
  const computed = distributeHour(pool, counted)
  checkUnchanged(`hour ${hour}`, {
    stored,
    computed: computed.shares,
    sums: {
      paid: [paid, computed.paid],
      carry: [carry, computed.carry],
      cc: [cc, sum(counted.map((voter) => voter.cc))],
      voters: [voters, counted.length],
      votes: [votes, counted.reduce((total, voter) => total + voter.votes, 0)],
    },
  })
}

interface Again {
  after: HourRow
  result: HourlyDistribution
}

/** The late votes count by now. Their rate is the hour's own. */
async function shareAgain(
  t: Db,
  { asset }: CorrectionRoom,
  before: HourRow,
  late: Late,
): Promise<Again> {
  const inflow = splitInflow(before.cc + late.cc, before.unitsPerCc)
  const free = await readHourPool(t, { asset, shadow: false })
  const pool = poolAgain(before, { free, late: inflow.hourly - before.hourly })
  const result = distributeHour(pool, await readVoters(t, periodOfHour(before.hour)))
  const { paid, carry, shares } = result
  const after = {
    ...before,
    ...inflow,
    pool,
    paid,
    carry,
    voters: shares.length,
    votes: before.votes + late.votes,
    trace: hourlyTraceOf(result),
    revision: before.revision + 1,
  }
  return { after, result }
}

interface Changed extends Again {
  id: number
  before: HourRow
  late: Late
  stored: readonly Share[]
}

async function bookHourAgain(t: Db, room: CorrectionRoom, changed: Changed): Promise<Corrected> {
  const { id, before, after, late, stored, result } = changed
  const { hour, revision } = after
  const differences = differencesOf(stored, result.shares)
  const gain = sum(differences.map(({ amount }) => amount))
  ensure(gain === after.paid - before.paid, 'INTERNAL', { what: 'correctHour', hour, gain })
  const booking = await bookingOf(t, room, changed)
  const { lines, withheld } = await bookCorrection(t, { ...booking, differences })
  await updateHour(t, after)
  await replaceHourShares(
    t,
    hour,
    differences.map((each) => each.after),
  )
  const period = String(hour)
  const brought = { inflow: after.hourly - before.hourly, daily: after.daily - before.daily }
  const told = { kind: 'hour' as const, period, revision, late, ...brought, before, after }
  await insertCorrection(t, { ...told, id, at: booking.now, by: room.by }, lines)
  await enqueueSpecial(t, hour, result.shares, { special: room.special, now: booking.now })
  await readHourPool(t, { asset: room.asset, shadow: false })
  return { ...told, correction: id, isNew: true, ...sumsOf(lines), withheld, lines }
}

async function bookingOf(
  t: Db,
  { asset, clock }: CorrectionRoom,
  { id, before, after, late }: Changed,
): Promise<Omit<Booking, 'differences'>> {
  const { hour, day, unitsPerCc, ruleset } = after
  const { to: effectiveAt } = periodOfHour(hour)
  const reason = { hour, ruleset, correction: id }
  const isDayOver = (await readDay(t, false, day)) !== undefined
  const of = { debit: accounts.issuer, asset, code: codes.inflow, effectiveAt }
  const came = { ...of, reason: { hour, cc: late.cc, unitsPerCc, correction: id } }
  const inflows: Posting[] = [
    {
      ...came,
      key: numbered(keys.hourInflow(hour), id),
      credit: accounts.hourPool,
      amount: after.hourly - before.hourly,
    },
    {
      ...came,
      key: numbered(keys.dayInflow(hour), id),
      credit: isDayOver ? accounts.latePool : accounts.dayPool,
      amount: after.daily - before.daily,
    },
  ]
  return {
    program: partnersProgram(asset),
    period: correctedPeriod.hour(hour, id),
    pool: accounts.hourPool,
    effectiveAt,
    now: clock.now(),
    reason,
    inflows: inflows.filter(({ amount }) => amount > 0n),
    outflows: [],
  }
}
