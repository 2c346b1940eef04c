import type { CheckRoom } from '../../../payouts/program-check.ts'
import { TIERS, TIER_SIZES, eccMembers } from './daily-numbers.ts'
import type { DailyParts, DayCounts, DaySums, Market, Tier } from './daily-numbers.ts'
import { RANKED, tellShares } from './hour-shares.ts'
import type { Counted } from './hour-shares.ts'
import type { KeptRules } from './rules-rows.ts'

export interface DayAsked extends Counted {
  day: string
  /** When it was distributed: an ECC that was recorded since may be another than it had. */
  at: number
  rules: KeptRules
}

/**
 * Everybody who voted, by position, with his ECC: that of the day or the latest before; $4 … $6 are the day, when
 * it was distributed, and the ECC of whom none is known.
 */
const WEIGHED = `${RANKED},
  stored as (select * from partner_day_share where not shadow and day = $4),
  weighed as (
    select r.partner, r.position, r.votes, r.cc,
           case when k.recorded_at >= $5::bigint then coalesce(s.ecc, k.ecc)
                else coalesce(k.ecc, $6::numeric) end as ecc
      from ranked r left join stored s on s.partner = r.partner
      left join lateral (select ecc, recorded_at from partner_ecc
                          where partner = r.partner and day <= $4 order by day desc limit 1) k on true)`

function shared({ day, from, to, corrections, at, rules }: DayAsked): unknown[] {
  return [from, to, corrections, day, at, rules.unknownEcc.toString()]
}

interface CountRow extends Record<Tier, bigint> {
  voters: bigint
  eccSum: string
  weightSum: string
  capped: bigint
}

/** Counts who is in what, and weighs the top 10 %: 5 × their mean is the most that one weighs. */
export async function countDay({ db }: Pick<CheckRoom, 'db'>, asked: DayAsked): Promise<DayCounts> {
  const minimum = asked.rules.daily.minimumVotes
  const sharers = TIERS.map((tier) => {
    const isIn = `position <= ${TIER_SIZES[tier]} and votes >= ${minimum[tier]}`
    return `count(*) filter (where ${isIn}) as "${tier}"`
  })
  const row = await db.one<CountRow & object>(
    `with ${WEIGHED},
      size as (select count(*) as n, ${sharers.join(', ')} from weighed),
      top as (select w.ecc from weighed w, size where w.position <= (size.n * 10 + 99) / 100),
      mean as (select count(*) as c, coalesce(sum(ecc), 0) as e from top),
      weights as (select coalesce(sum(least(t.ecc * m.c, 5 * m.e)), 0) as w,
                         count(*) filter (where t.ecc * m.c > 5 * m.e) as capped from top t, mean m)
     select size.n as voters, size.*, mean.e::text as "eccSum", weights.w::text as "weightSum",
            weights.capped from size, mean, weights`,
    shared(asked),
  )
  const entries = TIERS.map((tier) => [tier, Number(row[tier])] as const)
  return {
    voters: Number(row.voters),
    sharers: Object.fromEntries(entries) as Record<Tier, number>,
    eccSum: BigInt(row.eccSum),
    weightSum: BigInt(row.weightSum),
    capped: Number(row.capped),
  }
}

const SEVEN = '(top10 + top100 + top1000 + top10000 + "all" + top10p_ecc + top50p)'

export async function sumDay(
  { db }: Pick<CheckRoom, 'db'>,
  day: string,
  { daily: { bonus } }: KeptRules,
  { rate }: Market,
): Promise<DaySums> {
  const asked = `div(${SEVEN} * $2::numeric, 10000)`
  const isOn = rate > bonus.referenceRate
  const row = await db.one<Record<string, string>>(
    `select coalesce(sum(${SEVEN}), 0)::text as "fromPool", coalesce(sum(top10p_ecc), 0)::text as "byEcc",
            coalesce(sum(cc_market), 0)::text as bonus,
            coalesce(sum(least(${asked}, $3::numeric)), 0)::text as asked,
            (count(*) filter (where ${asked} > $3::numeric))::text as capped
       from partner_day_share where not shadow and day = $1`,
    [day, isOn ? bonus.bps : 0, bonus.capPerPartner.toString()],
  )
  const of = (name: string): bigint => BigInt(row[name] ?? 0)
  return {
    fromPool: of('fromPool'),
    byEcc: of('byEcc'),
    bonus: of('bonus'),
    bonusAsked: of('asked'),
    bonusCapped: Number(of('capped')),
  }
}

/** Every partner's row of a day is compared with what his votes, his ECC and the parts of the pool give. */
export async function compareDayShares(
  room: Pick<CheckRoom, 'db' | 'differ'>,
  asked: DayAsked,
  parts: DailyParts,
  { counts, market }: { counts: DayCounts; market: Market },
): Promise<void> {
  const { bonus } = asked.rules.daily
  const params = shared(asked)
  // Each is given where it is written: a parameter that no text has is refused.
  const given: Given = (value) => `$${params.push(String(value))}::numeric`
  const bps = market.rate > bonus.referenceRate ? bonus.bps : 0
  const budget = given(market.budget)
  await tellShares(room, `day ${asked.day}`, {
    fields: ['position', 'votes', 'cc', 'ecc', ...TIERS, 'top10p_ecc', 'top50p', 'cc_market'],
    sql: `with ${WEIGHED},
      seven as (select *, ${sevenOf(given, parts, counts)} from weighed),
      asked as (select *, least(div(${SEVEN} * ${given(bps)}, 10000),
                                ${given(bonus.capPerPartner)}) as wanted from seven),
      whole as (select *, sum(wanted) over () as wanted_all from asked),
      expected as (select *, case when wanted_all > ${budget} then div(wanted * ${budget}, wanted_all)
                                  else wanted end as cc_market from whole)`,
    params,
  })
}

type Given = (value: bigint | number) => string

/** The amounts out of the pool, by position, votes and ECC. */
function sevenOf(given: Given, { tiers, eccPart, top50p }: DailyParts, counts: DayCounts): string {
  const fixed = tiers.map(
    ({ category, members, minimumVotes, share }) =>
      `case when position <= ${given(members)} and votes >= ${given(minimumVotes)}
            then ${given(share)} else 0 end as "${category}"`,
  )
  const { voters, eccSum, weightSum } = counts
  const members = eccMembers(voters)
  const byEcc =
    weightSum === 0n
      ? '0::numeric'
      : `case when position <= ${given(members)}
              then div(${given(eccPart)} * least(ecc * ${given(members)}, 5 * ${given(eccSum)}),
                       ${given(weightSum)}) else 0 end`
  const half = `case when position <= ${given(top50p.members)} then ${given(top50p.share)} else 0 end`
  return [...fixed, `${byEcc} as top10p_ecc`, `${half} as top50p`].join(', ')
}
