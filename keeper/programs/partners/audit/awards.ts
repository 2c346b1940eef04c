import { SECONDS_PER_HOUR } from '../../../base/time.ts'
import { contentOf } from '../../../payouts/names.ts'
import { accrualsByRef } from '../../../payouts/payout-records.ts'
import type { AccrualRecord } from '../../../payouts/payout-records.ts'
import type { CheckRoom } from '../../../payouts/program-check.ts'
import { POOLS, PROGRAM } from './books.ts'

/** What a share must have given, as its award was first made. */
interface Expected {
  ref: string
  payee: string
  amount: bigint
  source: string
  effectiveAt: number
  /** Undefined: another check looks at it. */
  reason?: object
}

// As many awards as the store is asked for at once.
const SHARES_A_PAGE = 2_000

interface ShareRow {
  hour?: bigint
  day?: string
  partner: string
  position: bigint
  total: string
  ruleset: string
  /** The end of the period. */
  to: bigint
  isCorrected: boolean
  before: { position: number; total: string } | null
}

// The first line of a partner has what he was given at first.
function pageSql(kind: 'hour' | 'day', total: string, to: string): string {
  return `with s as materialized (
      select * from partner_${kind}_share where not shadow and (${kind}, partner) > ($1, $2)
       order by ${kind}, partner limit ${SHARES_A_PAGE})
    select s.${kind}, s.partner, s.position, (${total})::text as total, ${to} as "to",
           coalesce(f.ruleset, p.ruleset) as ruleset, f.id is not null as "isCorrected", f.before
      from s join partner_${kind} p on not p.shadow and p.${kind} = s.${kind}
      left join lateral (
        select c.id, l.before, c.before ->> 'ruleset' as ruleset from partner_correction c
          join partner_correction_line l on l.correction = c.id and l.partner = s.partner
         where p.revision > 0 and c.kind = '${kind}' and c.period = p.${kind}::text
         order by c.revision limit 1) f on true
     order by s.${kind}, s.partner`
}

const PAGES = {
  hour: pageSql(
    'hour',
    's.top10p + s.top10 + s.top100 + s.top1000 + s."all"',
    `(s.hour + 1) * ${SECONDS_PER_HOUR}`,
  ),
  day: pageSql(
    'day',
    's.top10 + s.top100 + s.top1000 + s.top10000 + s."all" + s.top10p_ecc + s.top50p + s.cc_market',
    'p.to_at',
  ),
}

/** Every share has its award, or none where it is nothing. */
export async function checkShareAwards(room: CheckRoom, kind: 'hour' | 'day'): Promise<void> {
  let [period, partner]: [bigint | string, string] = [kind === 'hour' ? -1n : '', '']
  let done = 0
  for (;;) {
    const rows = await room.db.query<ShareRow & object>(PAGES[kind], [period, partner])
    const last = rows.at(-1)
    if (!last) return
    await compareAwards(
      room,
      rows.map((row) => expectedOf(kind, row)),
    )
    done += rows.length
    room.onProgress(`partners' shares of each ${kind}`, done, done)
    period = last.hour ?? last.day ?? ''
    partner = last.partner
  }
}

function expectedOf(kind: 'hour' | 'day', row: ShareRow): Expected {
  const { partner, isCorrected, before, ruleset } = row
  const { hour, day = '' } = row
  const name = hour === undefined ? `d${day}` : `h${hour}`
  const given = isCorrected ? before : { position: Number(row.position), total: row.total }
  const position = given?.position ?? 0
  return {
    ref: `${name}/${partner}`,
    payee: partner,
    amount: BigInt(given?.total ?? 0),
    source: POOLS[kind],
    effectiveAt: Number(row.to),
    reason: { ...(hour === undefined ? { day } : { hour: Number(hour) }), position, ruleset },
  }
}

/** What a correction gave on top, or took back out of what was accrued. */
export async function checkCorrectionAwards(
  room: Pick<CheckRoom, 'db' | 'differ'>,
  { name, kind, effectiveAt }: { name: string; kind: 'hour' | 'day'; effectiveAt: number },
  lines: readonly { partner: string; difference: bigint; taken: bigint }[],
): Promise<void> {
  const expected = lines.map(({ partner, difference, taken }) => {
    const amount = difference > 0n ? difference : -taken
    const ref = `${name}/${partner}`
    return { ref, payee: partner, amount, source: POOLS[kind], effectiveAt }
  })
  await compareAwards(room, expected)
}

async function compareAwards(
  { db, differ }: Pick<CheckRoom, 'db' | 'differ'>,
  all: readonly Expected[],
): Promise<void> {
  const refs = all.map(({ ref }) => ref)
  const found = await accrualsByRef(db, PROGRAM, refs)
  for (const expected of all) {
    const { ref, amount } = expected
    const award = found.get(ref)
    const tell = (field: string, has: unknown, should: unknown): void =>
      differ('PARTNERS_AWARD_DIFFERS', { ref, field, found: has, expected: should })
    if (!award || amount === 0n) {
      if (award || amount !== 0n) tell('amount', award?.amount ?? 0n, amount)
      continue
    }
    for (const field of ['payee', 'amount', 'source', 'effectiveAt'] as const) {
      if (award[field] !== expected[field]) tell(field, award[field] ?? 'none', expected[field])
    }
    if (!hasReason(award, expected)) tell('reason', 'another', expected.reason)
  }
}

function hasReason({ content }: AccrualRecord, { reason, source, ...award }: Expected): boolean {
  return reason === undefined || contentOf({ ...award, from: source, reason }) === content
}
