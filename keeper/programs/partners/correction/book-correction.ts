import { ensure } from '../../../base/errors.ts'
import { sum } from '../../../base/amount.ts'
import type { Wei } from '../../../base/amount.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import { balancesOf } from '../../../ledger/balances.ts'
import { postIn } from '../../../ledger/post.ts'
import { requirePosted } from '../../../ledger/posting.ts'
import type { Posting } from '../../../ledger/posting.ts'
import { accrueIn } from '../../../payouts/accrual.ts'
import { accounts as books } from '../../../payouts/names.ts'
import type { Award, Program } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'
import type { CorrectionLine } from './correction.ts'
import { dueOf, withholdDues } from './dues.ts'
import { DUE_CODE, correctionKeys } from './correction-names.ts'
import { takeBack } from '../rules/differences.ts'
import type { Difference } from '../rules/differences.ts'

export interface Booking {
  program: Program
  /** h480000:c7, d2024-10-15:c7. */
  period: string
  /** Of the pool that was shared. */
  pool: string
  /** The end of the period: what it gives belongs to it. */
  effectiveAt: UnixSeconds
  now: UnixSeconds
  /** Of an award, beside its position. */
  reason: object
  /** What comes into the pool before anything leaves it. */
  inflows: readonly Posting[]
  /** What goes back out of it, once it is there again. */
  outflows: readonly Posting[]
  differences: readonly Difference[]
}

export interface Booked {
  lines: CorrectionLine[]
  /** Of what was given now, kept for dues. */
  withheld: Wei
}

/**
 * The program is locked, so that nothing is settled meanwhile. First what comes into the pool and what is taken back,
 * then what is given, so that the pool is never short. What was settled by then cannot be taken back: it is due.
 */
export async function bookCorrection(t: Db, booking: Booking): Promise<Booked> {
  const { program, inflows, outflows, effectiveAt: through, period, now } = booking
  const lines = await linesOf(t, booking)
  requirePosted(await postIn(t, [...inflows, ...duesOf(booking, lines)], now))
  const back = lines.filter(({ taken }) => taken > 0n).map((line) => awardOf(booking, line))
  await accrueIn(t, program, { offer: back, through, now })
  if (outflows.length > 0) requirePosted(await postIn(t, outflows, now))
  const more = lines.filter(({ amount }) => amount > 0n).map((line) => awardOf(booking, line))
  const given = await accrueIn(t, program, { offer: more, through, now })
  const expected = sum(more.map(({ amount }) => amount))
  ensure(given.amount === expected, 'INTERNAL', { what: `the awards of ${period}`, ...given })
  const withheld = await withholdDues(t, program, { period, effectiveAt: through, now })
  return { lines, withheld }
}

async function linesOf(
  t: Db,
  { program: { id, asset }, differences }: Booking,
): Promise<CorrectionLine[]> {
  const less = differences.filter(({ amount }) => amount < 0n)
  const names = less.map(({ partner }) => books.accrued(id, partner))
  const accrued = names.length === 0 ? new Map<string, Wei>() : await balancesOf(t, names, asset)
  return differences.map((difference) => {
    const reach = accrued.get(books.accrued(id, difference.partner)) ?? 0n
    return { ...difference, ...takeBack(difference.amount, reach) }
  })
}

function duesOf(booking: Booking, lines: readonly CorrectionLine[]): Posting[] {
  const { program, period, pool, effectiveAt } = booking
  const same = { credit: pool, asset: program.asset, code: DUE_CODE, effectiveAt }
  return lines.flatMap(({ partner, due, after }) => {
    if (due === 0n) return []
    const key = correctionKeys.due(period, partner)
    const reason = { ...booking.reason, position: after.position }
    return [{ ...same, key, debit: dueOf(program, partner), amount: due, reason }]
  })
}

function awardOf(
  { period, pool, reason, effectiveAt }: Booking,
  { partner, amount, taken, after: { position } }: CorrectionLine,
): Award {
  return {
    ref: `${period}/${partner}`,
    payee: partner,
    amount: amount > 0n ? amount : -taken,
    from: pool,
    reason: { ...reason, position },
    effectiveAt,
  }
}
