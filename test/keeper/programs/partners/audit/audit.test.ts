import { expect } from 'chai'
import { postIn } from '../../../../../keeper/ledger/post.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { COIN } from '../../../../helpers/ledger.ts'
import { DAY, FIRST } from '../../../../helpers/partners-room.ts'
import { openPartnersDay, reconcilePartners } from '../../../../helpers/partners-audit.ts'
import { byHand, codesAfter } from '../../../../helpers/reconciling.ts'
import { freshDb } from '../../../../helpers/store.ts'

describe('what reconcile says of the partners', function () {
  this.timeout(60_000)
  let db: Db
  before(async () => {
    db = await freshDb()
    await openPartnersDay(db)
  })
  after(() => db.close())

  it('is nothing when nobody changed anything: every share is what the votes give', async () => {
    const { ok, differences, programs } = await reconcilePartners(db)

    expect(differences).to.deep.equal([])
    expect(ok).to.equal(true)
    expect(programs.map(({ program, asset }) => [program, asset])).to.deep.equal([
      ['partners', COIN],
    ])
  })

  const hour = `hour = ${FIRST} and not shadow`
  const day = `day = '${DAY}' and not shadow`
  const share = 'PARTNERS_SHARE_DIFFERS'
  const period = 'PARTNERS_PERIOD_DIFFERS'
  const award = 'PARTNERS_AWARD_DIFFERS'
  const changes: [name: string, sql: string, codes: string[]][] = [
    [
      'an amount of an hour',
      `update partner_hour_share set top10 = top10 + 1 where ${hour} and partner = 'p3'`,
      [share, award],
    ],
    [
      'an amount that went from one category to another',
      `update partner_hour_share set top10 = top10 + 1, "all" = "all" - 1 where ${hour} and partner = 'p3'`,
      [share],
    ],
    [
      'a position',
      `update partner_hour_share set position = 3 where ${hour} and partner = 'p4'`,
      [share, award],
    ],
    [
      'a share that is gone',
      `delete from partner_hour_share where ${hour} and partner = 'p5'`,
      [share, 'PARTNERS_AWARD_STRANGE'],
    ],
    [
      'a share of nobody who voted',
      `insert into partner_hour_share values (false, ${FIRST}, 'stranger', 24, 1, 1, 0, 0, 0, 0, 5)`,
      [share, award],
    ],
    [
      'an amount of a day',
      `update partner_day_share set cc_market = cc_market + 1 where ${day} and partner = 'p1'`,
      [share, award, period],
    ],
    [
      'the ECC of a share',
      `update partner_day_share set ecc = ecc * 2 where ${day} and partner = 'p2'`,
      [share],
    ],
    ['an ECC', `update partner_ecc set ecc = ecc * 3 where partner = 'p2'`, [share, period]],
    ['an ECC that is gone', `delete from partner_ecc where partner = 'p1'`, [share, period]],
    [
      'a vote that is gone',
      `delete from partner_vote where partner = 'p7' and at < ${(FIRST + 1) * 3600}`,
      [share, period],
    ],
    [
      'a vote that was added',
      `insert into partner_vote (source, key, partner, cc, type, at, recorded_at)
         values ('test', 'forged', 'p9', 3, 'item', ${FIRST * 3600}, ${FIRST * 3600})`,
      [share, period],
    ],
    [
      'the CC of a vote',
      `update partner_vote set cc = cc + 1 where partner = 'p31'`,
      [share, period],
    ],
    [
      'whose vote it was',
      `update partner_vote set partner = 'p2' where partner = 'p31'`,
      [share, period],
    ],
    [
      'a vote that was called late',
      `update partner_vote set late = true where partner = 'p31'`,
      [share, period],
    ],
    ['the rate', 'update partner_rate set units_per_cc = units_per_cc + 1', [period]],
    [
      'the rate of an hour',
      `update partner_hour set units_per_cc = units_per_cc + 1 where ${hour}`,
      [period],
    ],
    [
      'a part of the trace',
      `update partner_hour set trace = jsonb_set(trace, '{parts,1,members}', '9') where ${hour}`,
      [period],
    ],
    [
      'the cap in the trace of a day',
      `update partner_day set trace = jsonb_set(trace, '{ecc,capDown}', '"1"') where ${day}`,
      [period],
    ],
    [
      'the rules of a version',
      `update partner_ruleset set rules = jsonb_set(rules, '{daily,bonus,bps}', '400')`,
      ['PARTNERS_RULES_DIFFER', period],
    ],
    [
      'the minimum of votes in the rules',
      `update partner_ruleset set rules = jsonb_set(rules, '{daily,minimumVotes,all}', '2')`,
      ['PARTNERS_RULES_DIFFER', share, period],
    ],
    [
      'how a pool is split',
      `update partner_hour set hourly = hourly + 1, daily = daily - 1 where ${hour}`,
      [period, 'BOOKING_DIFFERS'],
    ],
    [
      'what a pool had and kept',
      `update partner_hour set pool = pool + 5, carry = carry + 5, carried = carried + 5
        where hour = ${FIRST + 4}`,
      [period],
    ],
    ['the first hour', 'update partner_state set first_hour = first_hour - 1', [period]],
    [
      'the day of an hour',
      `update partner_hour set day = '2026-11-21' where hour = ${FIRST + 22}`,
      [period],
    ],
    ['how often it was corrected', `update partner_day set revision = 1`, [period]],
    [
      'how much was paid',
      `update partner_day set paid = paid - 1, carry = carry + 1 where ${day}`,
      [period, 'BALANCE_DIFFERS'],
    ],
    [
      'the bonus of a day',
      `update partner_day set bonus_paid = bonus_paid - 1 where ${day}`,
      [period, 'BOOKING_DIFFERS', 'BALANCE_DIFFERS'],
    ],
    [
      'the budget of a day',
      `update partner_day set bonus_budget = bonus_budget + 1 where ${day}`,
      [period],
    ],
    [
      'an hour that is gone',
      `delete from partner_hour_share where hour = ${FIRST + 1}; delete from partner_hour where hour = ${FIRST + 1}`,
      [period, 'PARTNERS_AWARD_STRANGE', 'BOOKED_WITHOUT_CAUSE'],
    ],
    [
      'a day that is gone',
      `delete from partner_day_share; delete from partner_day`,
      ['PARTNERS_AWARD_STRANGE', 'BOOKED_WITHOUT_CAUSE', 'BALANCE_DIFFERS'],
    ],
    [
      'an award',
      `update payout_accrual set amount = amount + 1 where ref = 'h${FIRST}/p1'`,
      [award, 'BOOKING_DIFFERS'],
    ],
    [
      'whose award it was',
      `update payout_accrual set payee = 'p2' where ref = 'd${DAY}/p1'`,
      [award, 'BOOKING_DIFFERS'],
    ],
    [
      'an award that is gone',
      `delete from payout_accrual where ref = 'h${FIRST}/p1'`,
      [award, 'BOOKED_WITHOUT_CAUSE'],
    ],
    [
      'an award of nobody',
      `insert into payout_accrual (program, ref, payee, amount, source, content, effective_at, recorded_at)
         values ('partners', 'h${FIRST}/mallory', 'mallory', 5, 'pool:partners:hour', 'x', 1, 1)`,
      ['PARTNERS_AWARD_STRANGE', 'RECORD_NOT_BOOKED'],
    ],
    [
      'an award under a name of none of ours',
      `insert into payout_accrual (program, ref, payee, amount, source, content, effective_at, recorded_at)
         values ('partners', 'gift', 'p1', 5, 'pool:partners:hour', 'x', 1, 1)`,
      ['PARTNERS_AWARD_STRANGE'],
    ],
    [
      'a sum for the second database',
      'update partner_outbox set cc_reward = cc_reward + 1',
      ['PARTNERS_OUTBOX_DIFFERS'],
    ],
    [
      'a sum for the second database that is gone',
      `delete from partner_outbox where hour = ${FIRST}`,
      ['PARTNERS_OUTBOX_DIFFERS'],
    ],
    [
      'an inflow in the books',
      `update ledger_transfer set amount = amount + 1 where code = 'partners.inflow'`,
      ['BOOKING_DIFFERS', 'BOOKS_UNSOUND'],
    ],
    [
      'a bonus in the books of another code',
      `update ledger_transfer set code = 'partners.fund' where code = 'partners.bonus'`,
      ['BOOKING_DIFFERS'],
    ],
  ]
  for (const [name, sql, codes] of changes) {
    it(`names ${name}`, async () => {
      expect(await codesAfter(db, byHand(sql), reconcilePartners)).to.include.members(codes)
    })
  }

  const forged: [key: string, code: string, credit: string][] = [
    ['partners:inflow-hour:7', 'partners.inflow', 'pool:partners:hour'],
    ['partners:due:h7/p1', 'partners.due', 'pool:partners:hour'],
    ['partners:bonus-fund:mine', 'partners.fund', 'pool:partners:day'],
  ]
  for (const [key, code, credit] of forged) {
    it(`names a transfer that nothing asks for: ${key} to ${credit}`, async () => {
      const at = FIRST * 3600
      const sides = { debit: 'issuer:partners', credit, asset: COIN, amount: 5n }
      const post = (t: Db) => postIn(t, [{ key, code, ...sides, effectiveAt: at }], at)
      expect(await codesAfter(db, post, reconcilePartners)).to.include('BOOKED_WITHOUT_CAUSE')
    })
  }

  it('explains every transfer of a bonus that came from a budget', async () => {
    const { bonus, transfers } = await db.one<{ bonus: string; transfers: bigint }>(
      `select (select bonus_paid from partner_day where ${day}) as bonus,
              (select count(*) from ledger_transfer) as transfers`,
    )
    expect(BigInt(bonus) > 0n).to.equal(true)
    const { matched } = await reconcilePartners(db)
    // The budget itself comes from outside.
    expect(matched).to.equal(Number(transfers) - 1)
  })
})
