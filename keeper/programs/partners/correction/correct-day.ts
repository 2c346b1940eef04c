import { ensure } from '../../../base/errors.ts'
import { sum } from '../../../base/amount.ts'
import type { Day } from '../../../base/day.ts'
import { balanceOf } from '../../../ledger/balances.ts'
import type { Posting } from '../../../ledger/posting.ts'
import { lockProgram } from '../../../payouts/program-row.ts'
import type { Db } from '../../../store/db.ts'
import { bookCorrection } from './book-correction.ts'
import type { Booking } from './book-correction.ts'
import { readDayShares, replaceDayShares, updateDay } from './corrected-rows.ts'
import { checkUnchanged, requireRow, sumsOf, unchanged } from './correction.ts'
import type { Corrected, CorrectionRoom } from './correction.ts'
import { correctedPeriod, correctionKeys, numbered } from './correction-names.ts'
import {
  insertCorrection,
  nextCorrection,
  readGathered,
  readKeptRuleset,
  readLate,
  readWaiting,
} from './correction-rows.ts'
import type { Late } from './correction-rows.ts'
import { readDay } from '../distribution/distribution-rows.ts'
import type { DayRow } from '../distribution/distribution-rows.ts'
import { accounts, codes, keys } from '../names.ts'
import { readDayPool } from '../distribution/pool-balances.ts'
import { partnersProgram } from '../program.ts'
import { distributeDay } from '../rules/daily.ts'
import type { DailyDistribution } from '../rules/daily.ts'
import { differencesOf, poolAgain } from '../rules/differences.ts'
import type { Share } from '../rules/differences.ts'
import type { EccVoter } from '../rules/ecc.ts'
import { dailyTraceOf } from '../rules/trace.ts'
import type { Ruleset } from '../ruleset.ts'
import { lockState } from '../distribution/state.ts'
import { readEccVoters, readVotersBy } from '../distribution/voters.ts'

type EccShare = Share & { ecc: bigint }

/**
 * In one transaction, the caller's, after the hours of the day: it is shared again with the late votes that their
 * corrections took by now, with what those brought to it, and with the coefficients that are known now.
 */
export async function correctDayIn(t: Db, room: CorrectionRoom, day: Day): Promise<Corrected> {
  await lockState(t)
  const before = await requireRow(t, day, (db, shadow) => readDay(db, shadow, day))
  const rules = await readKeptRuleset(t, before.ruleset)
  const late = await readLate(t, before, before.corrections)
  const waiting = await readWaiting(t, day, before.corrections)
  const stored = await readDayShares(t, day)
  const voters = await readEccVoters(t, before, { day, unknownEcc: rules.unknownEcc })
  const isAsBefore = late.votes === 0 && waiting === 0n && !hasOtherEcc(stored, voters)
  if (isAsBefore) return unchanged('day', day, before)
  await checkDay(t, { before, rules, stored })
  await lockProgram(t, partnersProgram(room.asset))
  const id = await nextCorrection(t)
  const again = await shareAgain(t, room, { id, before, late, waiting, rules, voters })
  return bookDayAgain(t, room, { id, before, late, waiting, stored, ...again })
}

function hasOtherEcc(stored: readonly EccShare[], voters: readonly EccVoter[]): boolean {
  const known = new Map(stored.map(({ partner, ecc }) => [partner, ecc]))
  return voters.some(({ partner, ecc }) => (known.get(partner) ?? ecc) !== ecc)
}

interface ToCheck {
  before: DayRow
  rules: Ruleset
  stored: readonly EccShare[]
}

/** The votes and coefficients that counted then must give what was given then. */
async function checkDay(t: Db, { before, rules, stored }: ToCheck): Promise<void> {
  const { day, pool, paid, carry, bonusBudget, bonusPaid, voters, votes, trace } = before
  const counted = await readVotersBy(t, before, before.corrections)
  const eccOf = new Map(stored.map(({ partner, ecc }) => [partner, ecc]))
  const withEcc = counted.map((voter) => {
    return { ...voter, ecc: eccOf.get(voter.partner) ?? rules.unknownEcc }
  })
  const market = { unitsPerCc: trace.bonus.unitsPerCc, budget: bonusBudget }
  const computed = distributeDay(pool, withEcc, rules.daily, market)
  checkUnchanged(day, {
    stored,
    computed: computed.shares,
    sums: {
      paid: [paid, computed.paid],
      carry: [carry, computed.carry],
      bonus: [bonusPaid, computed.bonus.paid],
      voters: [voters, counted.length],
      votes: [votes, counted.reduce((total, voter) => total + voter.votes, 0)],
    },
  })
}

interface Again {
  after: DayRow
  result: DailyDistribution
}

interface Basis {
  id: number
  before: DayRow
  late: Late
  waiting: bigint
  rules: Ruleset
  voters: readonly EccVoter[]
}

/** What hours of days to come have brought to the pool is theirs; the rate is the day's own. */
async function shareAgain(
  t: Db,
  { asset }: CorrectionRoom,
  { id, before, late, waiting, rules, voters }: Basis,
): Promise<Again> {
  const free = (await readDayPool(t, { asset, shadow: false })) - (await readGathered(t))
  const pool = poolAgain(before, { free, late: waiting })
  const { bonusBudget, bonusPaid, trace } = before
  const bonus = { paid: bonusPaid, carry: bonusBudget - bonusPaid }
  const left = await balanceOf(t, accounts.bonusPool, asset)
  const budget = poolAgain(bonus, { free: left, late: 0n })
  const market = { unitsPerCc: trace.bonus.unitsPerCc, budget }
  const result = distributeDay(pool, voters, rules.daily, market)
  const after = {
    ...before,
    inflow: before.inflow + waiting,
    pool,
    paid: result.paid,
    carry: result.carry,
    bonusBudget: budget,
    bonusPaid: result.bonus.paid,
    voters: result.shares.length,
    votes: before.votes + late.votes,
    eccCap: result.ecc.capDown,
    trace: dailyTraceOf(result),
    corrections: id,
    revision: before.revision + 1,
  }
  return { after, result }
}

interface Changed extends Again {
  id: number
  before: DayRow
  late: Late
  waiting: bigint
  stored: readonly EccShare[]
}

async function bookDayAgain(t: Db, room: CorrectionRoom, changed: Changed): Promise<Corrected> {
  const { id, before, after, late, waiting, stored, result } = changed
  const { day, revision } = after
  const differences = differencesOf(stored, result.shares)
  const gain = sum(differences.map(({ amount }) => amount))
  const expected = after.paid + after.bonusPaid - before.paid - before.bonusPaid
  ensure(gain === expected, 'INTERNAL', { what: 'correctDay', day, gain, expected })
  const booking = bookingOf(room, changed)
  const { lines, withheld } = await bookCorrection(t, { ...booking, differences })
  await updateDay(t, after)
  await replaceDayShares(
    t,
    day,
    differences.map((each) => each.after),
  )
  const brought = { inflow: waiting, daily: 0n }
  const told = { kind: 'day' as const, period: day, revision, late, ...brought, before, after }
  await insertCorrection(t, { ...told, id, at: booking.now, by: room.by }, lines)
  await readDayPool(t, { asset: room.asset, shadow: false })
  return { ...told, correction: id, isNew: true, ...sumsOf(lines), withheld, lines }
}

function bookingOf(
  { asset, clock }: CorrectionRoom,
  { id, before, after, late, waiting }: Changed,
): Omit<Booking, 'differences'> {
  const { day, to: effectiveAt, ruleset } = after
  const same = { asset, effectiveAt, reason: { day, correction: id, votes: late.votes } }
  const arrived: Posting = {
    ...same,
    key: correctionKeys.late(day, id),
    debit: accounts.latePool,
    credit: accounts.dayPool,
    amount: waiting,
    code: codes.inflow,
  }
  const bonus = after.bonusPaid - before.bonusPaid
  const [debit, credit] =
    bonus > 0n ? [accounts.bonusPool, accounts.dayPool] : [accounts.dayPool, accounts.bonusPool]
  const amount = bonus > 0n ? bonus : -bonus
  const ofBonus: Posting = {
    ...same,
    key: numbered(keys.bonus(day), id),
    debit,
    credit,
    amount,
    code: codes.bonus,
  }
  return {
    program: partnersProgram(asset),
    period: correctedPeriod.day(day, id),
    pool: accounts.dayPool,
    effectiveAt,
    now: clock.now(),
    reason: { day, ruleset, correction: id },
    inflows: [...(waiting > 0n ? [arrived] : []), ...(bonus > 0n ? [ofBonus] : [])],
    outflows: bonus < 0n ? [ofBonus] : [],
  }
}
