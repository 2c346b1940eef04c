// The same day without books: what the database alone takes. By one statement with window functions, and by one upsert
// for each partner, as the system does that these rules come from.
import { periodOfDay } from '../../keeper/base/day.ts'
import { DAILY_CATEGORIES } from '../../keeper/programs/partners/rules/daily.ts'
import type { Ruleset } from '../../keeper/programs/partners/ruleset.ts'
import type { Db } from '../../keeper/store/db.ts'
import { LOAD_DAY } from '../../test/helpers/partner-load.ts'

const AMOUNTS = DAILY_CATEGORIES.map((name) => `"${name}"`)
const COLUMNS = ['day', 'partner', 'position', 'votes', 'cc', 'ecc', ...AMOUNTS].join()

const TIERS = { top10: 10, top100: 100, top1000: 1_000, top10000: 10_000 }

/** Seconds. The amounts must be ours, to the last unit: that is checked, too. */
export async function peerStatement(db: Db, { daily, unknownEcc }: Ruleset): Promise<number> {
  await makeTable(db, 'peer_statement')
  const { pool, budget } = await db.one<{ pool: string; budget: string }>(
    'select pool, bonus_budget as budget from partner_day where day = $1 and not shadow',
    [LOAD_DAY],
  )
  const { from, to } = periodOfDay('UTC', LOAD_DAY)
  const sql = statementOf(daily)
  const seconds = await secondsOf(() => db.query(sql, [from, to, unknownEcc, pool, budget]))
  const { others } = await db.one<{ others: bigint }>(
    `select count(*) as others from partner_day_share s
       full join peer_statement p on (p.day, p.partner) = (s.day, s.partner)
      where (s.position, s.votes, s.cc, s.ecc, ${AMOUNTS.map((name) => `s.${name}`).join()})
         is distinct from
            (p.position, p.votes, p.cc, p.ecc, ${AMOUNTS.map((name) => `p.${name}`).join()})`,
  )
  if (others > 0n) throw new Error(`${others} partners got other amounts by plain SQL`)
  return seconds
}

function statementOf({ splitBps, minimumVotes, bonus }: Ruleset['daily']): string {
  const isIn = (tier: keyof typeof TIERS): string =>
    `(position <= ${TIERS[tier]} and votes >= ${minimumVotes[tier]})`
  const tiers = Object.keys(TIERS) as (keyof typeof TIERS)[]
  const isInAll = `(votes >= ${minimumVotes.all})`
  const shareOf = (name: string, isMeant: string): string =>
    `case when ${isMeant} then div(fixed, ${name}_n) else 0 end as "${name}"`
  return `insert into peer_statement (${COLUMNS})
    with voter as (
      select partner, sum(cc) as cc, count(*) as votes from partner_vote
       where at >= $1 and at < $2 group by partner),
    ranked as materialized (
      select v.partner, v.cc, v.votes, coalesce(e.ecc, $3::numeric) as ecc,
             row_number() over (order by v.cc desc, v.votes desc, v.partner) as position
        from voter v left join partner_ecc e on e.partner = v.partner and e.day = '${LOAD_DAY}'),
    size as materialized (
      select (count(*) + 9) / 10 as tenth, (count(*) + 1) / 2 as half from ranked),
    sums as materialized (
      select tenth, half, div(div($4::numeric * ${splitBps.fixed}, 10000), 5) as fixed,
             div($4::numeric * ${splitBps.ecc}, 10000) as weighed,
             div($4::numeric * ${splitBps.top50}, 10000) as upper,
             sum(ecc) filter (where position <= tenth) as ecc_sum,
             ${tiers.map((tier) => `count(*) filter (where ${isIn(tier)}) as ${tier}_n`).join()},
             count(*) filter (where ${isInAll}) as all_n
        from ranked, size group by tenth, half),
    weights as materialized (
      select sum(least(ecc * tenth, 5 * ecc_sum)) as weight_sum
        from ranked, sums where position <= tenth),
    shared as materialized (
      select r.*, ${tiers.map((tier) => shareOf(tier, isIn(tier))).join()}, ${shareOf('all', isInAll)},
             case when position <= tenth
                  then div(weighed * least(ecc * tenth, 5 * ecc_sum), weight_sum) else 0 end as top10p_ecc,
             case when position <= half then div(upper, half) else 0 end as top50p
        from ranked r, sums, weights),
    asked as materialized (
      select *, least(div((${AMOUNTS.slice(0, -1).join(' + ')}) * ${bonus.bps}, 10000),
                      ${bonus.capPerPartner}) as bonus from shared),
    total as materialized (select sum(bonus) as bonuses from asked)
    select '${LOAD_DAY}', partner, position, votes, cc, ecc, ${AMOUNTS.slice(0, -1).join()},
           case when bonuses > $5::numeric then div(bonus * $5::numeric, bonuses) else bonus end
      from asked, total`
}

/** Seconds for amounts that are there already. */
export async function peerUpserts(db: Db): Promise<number> {
  await makeTable(db, 'peer_upserts')
  const rows = await db.query<Record<string, unknown>>(
    `select ${COLUMNS} from partner_day_share where not shadow order by position`,
  )
  const values = rows.map((row) => Object.values(row))
  const places = (values[0] ?? []).map((_, at) => `$${at + 1}`)
  const changes = AMOUNTS.map((name) => `${name} = excluded.${name}`)
  const sql = `insert into peer_upserts (${COLUMNS}) values (${places.join()})
    on conflict (day, partner) do update set ${changes.join()}`
  return secondsOf(() =>
    db.begin(async (t) => {
      for (const each of values) await t.query(sql, each)
    }),
  )
}

async function makeTable(db: Db, name: string): Promise<void> {
  const columns = [
    'day text collate "C"',
    'partner text collate "C"',
    'position bigint',
    'votes bigint',
    'cc bigint',
    ...['ecc', ...AMOUNTS].map((amount) => `${amount} numeric(78, 0)`),
  ]
  await db.exec(`create table ${name} (${columns.join()}, primary key (day, partner))`)
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1_000
}
