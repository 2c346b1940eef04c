import { expect } from 'chai'
import { startOfHour } from '../../../../../keeper/base/time.ts'
import { landEcc } from '../../../../../keeper/programs/partners/intake/land.ts'
import { partnersProgram } from '../../../../../keeper/programs/partners/program.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Address } from '../../../../../keeper/base/schema.ts'
import type { ReachPayees } from '../../../../../keeper/payouts/room.ts'
import { settle } from '../../../../../keeper/payouts/settlement.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { COIN } from '../../../../helpers/ledger.ts'
import { corrected, landLate } from '../../../../helpers/partner-corrections.ts'
import { openPartnersDay, reconcilePartners } from '../../../../helpers/partners-audit.ts'
import { payeeAt } from '../../../../helpers/paying.ts'
import { DAY, FIRST, landed, partnersRoom, votesOf } from '../../../../helpers/partners-room.ts'
import type { TestVote } from '../../../../helpers/partners-room.ts'
import { byHand, codesAfter } from '../../../../helpers/reconciling.ts'
import { freshDb } from '../../../../helpers/store.ts'

describe('what reconcile says of corrections of partners', function () {
  this.timeout(60_000)
  let db: Db

  const clean = async (): Promise<void> => {
    expect((await reconcilePartners(db)).differences).to.deep.equal([])
  }
  const late = (partner: string, hour: number, cc: number): TestVote => {
    return { partner, at: startOfHour(hour) + 100, cc }
  }
  // Everybody has a wallet.
  const reach: ReachPayees = async (_t, _program, payees) =>
    new Map(payees.map((payee, index) => [payee, { address: payeeAt(index) as Address }]))
  const settleAll = () => settle({ ...partnersRoom(db), reach }, partnersProgram(COIN))

  before(async () => {
    db = await freshDb()
    await openPartnersDay(db)
  })
  after(() => db.close())

  it('is nothing, while votes wait for their correction', async () => {
    await landLate(partnersRoom(db), [late('p9', FIRST, 50), late('new/1', FIRST + 1, 3)])
    await clean()
  })

  it('is nothing after hours of a day that is over were corrected, and after the day was', async () => {
    await corrected(db, { hour: FIRST })
    await clean()
    await landEcc(partnersRoom(db), [{ partner: 'p3', day: DAY, ecc: 9n * 10n ** 18n }])
    await clean()
    const { periods } = await corrected(db, { day: DAY })
    expect(periods.map(({ isNew }) => isNew)).to.deep.equal([true, true])
    await clean()
  })

  it('is nothing after an hour of a day that goes on was corrected, and the day ended', async () => {
    await landLate(partnersRoom(db), [late('p2', FIRST + 24, 40)])
    await corrected(db, { hour: FIRST + 24 })
    await clean()
    await runPartners(partnersRoom(db), { day: '2026-11-21' })
    await clean()
  })

  it('is nothing when what was paid too much is due, and withheld from what is earned later', async () => {
    await settleAll()
    await landLate(partnersRoom(db), [late('p11', FIRST, 3)])
    const { periods } = await corrected(db, { day: DAY })
    expect(periods.some(({ due }) => due > 0n)).to.equal(true)
    await clean()
    await landed(db, votesOf(20, FIRST + 48))
    await runPartners(partnersRoom(db), { hour: FIRST + 48 })
    const { dues } = await db.one<{ dues: bigint }>(
      `select count(*) as dues from payout_accrual where ref like '%:due/%'`,
    )
    expect(dues > 0n).to.equal(true)
    await clean()
  })

  const period = 'PARTNERS_PERIOD_DIFFERS'
  const changes: [name: string, sql: string, codes: string[]][] = [
    [
      'what a correction gave',
      `update partner_correction_line set difference = difference + 1 where difference > 0`,
      [period, 'PARTNERS_AWARD_DIFFERS'],
    ],
    [
      'what was taken back and what is due',
      'update partner_correction_line set due = due - 1, taken = taken + 1 where due > 0',
      ['PARTNERS_AWARD_DIFFERS', 'BOOKING_DIFFERS', 'BALANCE_DIFFERS'],
    ],
    [
      'what there was before',
      `update partner_correction set before = jsonb_set(before, '{paid}', '"5"')`,
      [period],
    ],
    [
      'what late votes brought',
      `update partner_correction set daily = daily + 1 where kind = 'hour'`,
      [period, 'BOOKING_DIFFERS', 'BALANCE_DIFFERS'],
    ],
    [
      'how many votes came late',
      'update partner_correction set late_votes = late_votes + 1 where id = 1',
      [period],
    ],
    [
      'an amount that a correction kept',
      `update partner_correction_line set after = jsonb_set(after, '{amounts,all}', '"7"')`,
      [period],
    ],
    [
      'a correction that is gone',
      `delete from partner_correction_line where correction = 1;
       delete from partner_correction where id = 1`,
      [period, 'BOOKED_WITHOUT_CAUSE', 'PARTNERS_AWARD_STRANGE'],
    ],
    [
      'a late vote that was counted without a correction',
      `insert into partner_vote (source, key, partner, cc, type, at, recorded_at, late, correction)
         values ('late', 'forged', 'p9', 3, 'item', ${startOfHour(FIRST)}, 1, true, 1)`,
      [period, 'PARTNERS_SHARE_DIFFERS'],
    ],
    [
      'a late vote that is gone',
      'delete from partner_vote where correction = 1',
      [period, 'PARTNERS_SHARE_DIFFERS'],
    ],
    [
      'a due that was forgiven',
      `delete from payout_accrual where ref like '%:due/%'`,
      ['BOOKED_WITHOUT_CAUSE', 'BALANCE_DIFFERS'],
    ],
    [
      'an award that says it is a due',
      `update payout_accrual set source = 'expense:partners' where ref like '%:due/%'`,
      ['PARTNERS_AWARD_STRANGE', 'BOOKING_DIFFERS'],
    ],
    [
      'an older sum for the second database',
      'update partner_outbox set cc_reward = cc_reward + 1 where revision = 0',
      ['PARTNERS_OUTBOX_DIFFERS'],
    ],
  ]
  for (const [name, sql, codes] of changes) {
    it(`names ${name}`, async () => {
      expect(await codesAfter(db, byHand(sql), reconcilePartners)).to.include.members(codes)
    })
  }
})
