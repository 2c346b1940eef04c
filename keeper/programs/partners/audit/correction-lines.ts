import { SECONDS_PER_HOUR } from '../../../base/time.ts'
import type { CheckRoom } from '../../../payouts/program-check.ts'
import { checkCorrectionAwards } from './awards.ts'
import { expectCorrection, expectDue } from './books.ts'
import { comparePeriod } from './compare.ts'
import { daySchema, hourSchema } from './period-rows.ts'
import type { Correction } from './period-rows.ts'

interface LineRow {
  partner: string
  /** Whether the amounts add up to the totals, before and after. */
  isWhole: boolean
  before: string | null
  after: string
  difference: string
  taken: string
  due: string
}

const LINES_A_PAGE = 2_000

/** A correction gave and took what its lines say, and they say what the period's row does. */
export async function checkCorrection(
  room: CheckRoom & { asset: string },
  correction: Correction,
  isDayOver: boolean,
): Promise<void> {
  await expectCorrection(room, correction, isDayOver)
  const { id, kind, period, before, after } = correction
  const name = `correction ${id} of ${kind} ${period}`
  const [was, is] = [totalOf(kind, before), totalOf(kind, after)]
  const letter = kind === 'hour' ? 'h' : 'd'
  const awarded = { name: `${letter}${period}:c${id}`, kind, effectiveAt: is.to }
  let difference = 0n
  for await (const lines of linesOf(room, id)) {
    for (const line of lines) {
      compareLine(room, name, line)
      difference += line.difference
      await expectDue(room, correction, line)
    }
    await checkCorrectionAwards(room, awarded, lines)
  }
  comparePeriod(room, name, { difference }, { difference: is.total - was.total })
  if (correction.isLast) await compareNow(room, correction)
}

function totalOf(kind: Correction['kind'], row: unknown): { total: bigint; to: number } {
  if (kind === 'hour') {
    const { hour, paid } = hourSchema.parse(row)
    return { total: paid, to: (hour + 1) * SECONDS_PER_HOUR }
  }
  const { paid, bonusPaid, to } = daySchema.parse(row)
  return { total: paid + bonusPaid, to }
}

type CorrectionLine = ReturnType<typeof lineOf>

function lineOf({ partner, isWhole, before, after, difference, taken, due }: LineRow) {
  return {
    partner,
    isWhole,
    before: BigInt(before ?? 0),
    after: BigInt(after),
    difference: BigInt(difference),
    taken: BigInt(taken),
    due: BigInt(due),
  }
}

function compareLine(room: CheckRoom, name: string, line: CorrectionLine): void {
  const { partner, isWhole, before, after, difference, taken, due } = line
  const expected = {
    isWhole: true,
    difference: after - before,
    'taken and due': difference < 0n ? -difference : 0n,
  }
  const found = { isWhole, difference, 'taken and due': taken + due }
  comparePeriod(room, `${partner} in ${name}`, found, expected)
}

function wholeSql(side: 'before' | 'after'): string {
  const amounts = `select sum(value::numeric) from jsonb_each_text(${side} -> 'amounts')`
  return `(${amounts}) = (${side} ->> 'total')::numeric`
}

async function* linesOf(
  { db }: Pick<CheckRoom, 'db'>,
  correction: number,
): AsyncGenerator<CorrectionLine[]> {
  let after = ''
  for (;;) {
    const rows = await db.query<LineRow & object>(
      `select partner, ${wholeSql('after')} and (before is null or ${wholeSql('before')}) as "isWhole",
              before ->> 'total' as before, after ->> 'total' as after,
              difference, taken, due from partner_correction_line
        where correction = $1 and partner > $2 order by partner limit $3`,
      [correction, after, LINES_A_PAGE],
    )
    const last = rows.at(-1)
    if (!last) return
    yield rows.map(lineOf)
    after = last.partner
  }
}

const SHARE_TOTALS = {
  hour: 's.top10p + s.top10 + s.top100 + s.top1000 + s."all"',
  day: 's.top10 + s.top100 + s.top1000 + s.top10000 + s."all" + s.top10p_ecc + s.top50p + s.cc_market',
}
// The first ones show what happened.
const MAX_TOLD = 100

/** The last correction of a period left its rows as they are. */
async function compareNow(room: CheckRoom, { id, kind, period, after }: Correction): Promise<void> {
  const fields = ['inflow', 'pool', 'paid', 'carry', 'voters', 'votes', 'revision'] as const
  const sql = `select ${fields.map((field) => `${field}::text`).join(', ')} from partner_${kind}
    where not shadow and ${kind}::text = $1`
  const row = (await room.db.maybeOne<Record<string, string>>(sql, [period])) ?? {}
  const is = kind === 'hour' ? hourSchema.parse(after) : daySchema.parse(after)
  const expected = Object.fromEntries(fields.map((field) => [field, is[field]]))
  comparePeriod(room, `${kind} ${period}`, row, expected)
  const others = await room.db.query<{ partner: string; found: string; expected: string }>(
    `select l.partner, (${SHARE_TOTALS[kind]})::text as found, l.after ->> 'total' as expected
       from partner_correction_line l
       left join partner_${kind}_share s
         on not s.shadow and s.${kind}::text = $2 and s.partner = l.partner
      where l.correction = $1
        and (${SHARE_TOTALS[kind]}) is distinct from (l.after ->> 'total')::numeric
      order by l.partner limit ${MAX_TOLD}`,
    [id, period],
  )
  for (const { partner, found: has, expected: should } of others) {
    const facts = { period: `${kind} ${period}`, field: 'total', found: has ?? 'nothing' }
    room.differ('PARTNERS_SHARE_DIFFERS', { partner, ...facts, expected: should })
  }
}
