import { expect } from 'chai'
import { sum } from '../../../../../keeper/base/amount.ts'
import { balanceOf, trialBalance } from '../../../../../keeper/ledger/balances.ts'
import {
  readDay,
  readHour,
} from '../../../../../keeper/programs/partners/distribution/distribution-rows.ts'
import { accounts } from '../../../../../keeper/programs/partners/names.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import {
  LOAD_ASSET,
  LOAD_DAY,
  LOAD_HOUR,
  landLoad,
  loadVotes,
  runLoad,
} from '../../../../helpers/partner-load.ts'
import { freshDb } from '../../../../helpers/store.ts'

// The bench takes three votes a partner; what is summed here is the same, and most of the time goes into the books.
const PARTNERS = 100_000
const VOTES = 130_000
const UNITS_PER_CC = 2n * 10n ** 18n

describe('partners: a large set', function () {
  this.timeout(300_000)
  let db: Db

  before(async () => {
    db = await freshDb()
  })

  after(() => db.close())

  /** Σ and count of the day's or the hour's awards. */
  const accrued = async (period: string): Promise<{ awards: number; amount: bigint }> => {
    const row = await db.one<{ awards: number; amount: string }>(
      `select count(*)::int as awards, coalesce(sum(amount), 0) as amount
         from payout_accrual where program = 'partners' and starts_with(ref, $1)`,
      [`${period}/`],
    )
    return { awards: row.awards, amount: BigInt(row.amount) }
  }

  const shares = async (table: string, columns: string): Promise<[number, number, bigint]> => {
    const row = await db.one<{ rows: number; paid: number; amount: string }>(
      `select count(*)::int as rows, count(*) filter (where total > 0)::int as paid,
              sum(total) as amount
         from (select ${columns} as total from ${table} where not shadow) s`,
    )
    return [row.rows, row.paid, BigInt(row.amount)]
  }

  it(`D-26 D-25 an hour and a day of ${PARTNERS} partners give each unit once: rows, books and pools agree`, async () => {
    await landLoad(db, PARTNERS, VOTES)
    await runLoad(db, 'hour')
    await runLoad(db, 'day')

    const inflow = sum([...loadVotes(PARTNERS, VOTES)].map(({ cc }) => cc)) * UNITS_PER_CC
    const hour = await readHour(db, false, LOAD_HOUR)
    const day = await readDay(db, false, LOAD_DAY)
    if (!hour || !day) throw new Error('nothing was distributed')
    expect([hour.voters, hour.votes, hour.inflow]).to.deep.equal([PARTNERS, VOTES, inflow])
    expect(hour.paid + hour.carry + day.paid + day.carry).to.equal(inflow)
    expect(day.bonusPaid > 0n && day.bonusPaid <= day.bonusBudget).to.equal(true)

    const ofHour = await shares('partner_hour_share', 'top10p + top10 + top100 + top1000 + "all"')
    const ofDay = await shares(
      'partner_day_share',
      'top10 + top100 + top1000 + top10000 + "all" + top10p_ecc + top50p + cc_market',
    )
    expect(ofHour).to.deep.equal([PARTNERS, PARTNERS, hour.paid])
    expect(ofDay).to.deep.equal([PARTNERS, PARTNERS, day.paid + day.bonusPaid])
    expect(await accrued(`h${LOAD_HOUR}`)).to.deep.equal({ awards: PARTNERS, amount: hour.paid })
    expect(await accrued(`d${LOAD_DAY}`)).to.deep.equal({
      awards: PARTNERS,
      amount: day.paid + day.bonusPaid,
    })

    const balance = (account: string): Promise<bigint> => balanceOf(db, account, LOAD_ASSET)
    expect(await balance(accounts.hourPool)).to.equal(hour.carry)
    expect(await balance(accounts.dayPool)).to.equal(day.carry)
    expect(await balance(accounts.bonusPool)).to.equal(day.bonusBudget - day.bonusPaid)
    const { owed } = await db.one<{ owed: string }>(
      `select sum(balance) as owed from ledger_account where starts_with(name, 'accrued:partners:')`,
    )
    expect(BigInt(owed)).to.equal(hour.paid + day.paid + day.bonusPaid)
    for (const { total } of await trialBalance(db)) expect(total).to.equal(0n)
  })
})
