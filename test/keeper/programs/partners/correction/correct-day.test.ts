import { expect } from 'chai'
import { sum } from '../../../../../keeper/base/amount.ts'
import { startOfHour } from '../../../../../keeper/base/time.ts'
import { landEcc } from '../../../../../keeper/programs/partners/intake/land.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import { DEFAULT_RULES } from '../../../../../keeper/programs/partners/ruleset.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { assertBooksBalance } from '../../../../helpers/ledger.ts'
import {
  corrected,
  footprint,
  landLate,
  oracleVotes,
  poolsOf,
  sharesOf,
  storedShares,
  useReconciledDb,
} from '../../../../helpers/partner-corrections.ts'
import { oracleDay, oracleHour } from '../../../../helpers/partners-oracle.ts'
import type { OracleResult, OracleTerms } from '../../../../helpers/partners-oracle.ts'
import {
  DAY,
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  rulesetOf,
} from '../../../../helpers/partners-room.ts'
import type { TestVote } from '../../../../helpers/partners-room.ts'
import { fundBonus, reconcilePartners } from '../../../../helpers/partners-audit.ts'
import { freshDb } from '../../../../helpers/store.ts'

const CC = 10n ** 18n
const LAST = FIRST + 23
const NEXT_DAY = '2026-11-21'

/** Each of them so many votes of 1 CC in that hour. */
function votesIn(hour: number, counts: Record<string, number>): TestVote[] {
  return Object.entries(counts).flatMap(([partner, count]) =>
    Array.from({ length: count }, (_, n) => ({ partner, at: startOfHour(hour) + n })),
  )
}

describe('corrections of a day', function () {
  this.timeout(60_000)
  const onTime = [...votesIn(FIRST, { a: 6, b: 4, c: 1 }), ...votesIn(LAST, { a: 1, c: 2, d: 5 })]
  const late = [...votesIn(FIRST, { b: 5, e: 3 }), ...votesIn(LAST, { d: 1, f: 7 })]
  const all = [...onTime, ...late]
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
    await landed(db, onTime)
    await runPartners(partnersRoom(db), { hour: FIRST })
  })

  afterEach(async () => {
    expect((await poolsOf(db)).late).to.equal(0n)
    await assertBooksBalance(db)
    expect((await reconcilePartners(db)).differences).to.deep.equal([])
    await db.close()
  })

  it('D-03 before it is distributed, late votes come to its pool and are counted with it', async () => {
    await landLate(partnersRoom(db), late)
    const { periods } = await corrected(db, { day: DAY })
    // The last hour is not distributed yet: its votes are not late.
    expect(periods.map(({ kind, period }) => [kind, period])).to.deep.equal([
      ['hour', String(FIRST)],
    ])
    await runPartners(partnersRoom(db), { day: DAY })
    await expectWhole()
  })

  it('after it is distributed, its hours are corrected and then the day, as if no vote had been late', async () => {
    await runPartners(partnersRoom(db), { day: DAY })
    expect(await landLate(partnersRoom(db), late)).to.equal(late.length)
    const { periods } = await corrected(db, { day: DAY })
    expect(periods.map(({ kind, period, isNew }) => [kind, period, isNew])).to.deep.equal([
      ['hour', String(FIRST), true],
      ['hour', String(LAST), true],
      ['day', DAY, true],
    ])
    expect(periods[2]).to.deep.include({ late: { votes: 16, cc: 16n }, inflow: 12n * CC })
    await expectWhole()
    const after = await footprint(db)
    expect((await corrected(db, { day: DAY })).periods).to.have.length(1)
    expect(await footprint(db)).to.deep.equal(after)
  })

  it('what comes to a day that is over is not shared by the next one, but by its own correction', async () => {
    await runPartners(partnersRoom(db), { day: DAY })
    await landLate(partnersRoom(db), late)
    for (const hour of [FIRST, LAST]) await corrected(db, { hour })
    expect((await poolsOf(db)).late).to.equal(12n * CC)
    await landed(db, votesIn(FIRST + 30, { z: 8 }))
    const next = (await runPartners(partnersRoom(db), { day: NEXT_DAY })).at(-1)
    expect(next).to.include({ inflow: 6n * CC, voters: 1 })
    expect(next?.carried).to.be.lessThan(CC)
    await landed(db, votesIn(FIRST + 50, { z: 4 }))
    await runPartners(partnersRoom(db), { hour: FIRST + 50 })

    const { periods } = await corrected(db, { day: DAY })
    expect(periods[0]).to.deep.include({ isNew: true, inflow: 12n * CC })
    const day = await dayRow()
    // The carry of the day was shared by the next one; three CC of the day that is open stay untouched.
    expect(day.pool).to.equal(day.paidBefore + 12n * CC)
    expect((await poolsOf(db)).day).to.equal(day.carry + 3n * CC + (next?.carry ?? 0n))
    const shares = oracleDay(day.pool, oracleVotes(all), terms())
    expect(await storedShares(db, 'day', DAY)).to.deep.equal(sharesOf(shares))
  })

  it('a coefficient that came late counts in the correction of its day', async () => {
    await runPartners(partnersRoom(db), { day: DAY })
    expect((await corrected(db, { day: DAY })).periods[0]).to.include({ isNew: false })
    const room = partnersRoom(db)
    await landEcc(room, [{ partner: 'b', day: DAY, ecc: 5n * CC }])
    const { periods } = await corrected(db, { day: DAY })
    expect(periods[0]).to.deep.include({ isNew: true, late: { votes: 0, cc: 0n }, given: 0n })
    const rows = await db.query<{ ecc: string }>(
      `select ecc from partner_day_share where not shadow and partner = 'b'`,
    )
    expect(rows.map(({ ecc }) => BigInt(ecc))).to.deep.equal([5n * CC])
  })

  it('the bonus is shared again out of its own budget, and what is less goes back to it', async () => {
    const budget = CC
    const bonus = { ...DEFAULT_RULES.bonus, referenceRate: '1' }
    const ruleset = rulesetOf({ bonus })
    await fundBonus(db, budget)
    await runPartners(partnersRoom(db, { ruleset }), { day: DAY })
    await landLate(partnersRoom(db), late)
    // By the rules of then: the bonus is off in those of now.
    await corrected(db, { day: DAY })
    const rate = { rate: CC, budget }
    await expectWhole({ ...terms(), ...rate, bonus: { ...terms().bonus, referenceRate: 1n } })
    const { bonusPaid } = await dayRow()
    expect(bonusPaid).to.be.greaterThan(0n)
    expect((await poolsOf(db)).bonus).to.equal(budget - bonusPaid)
  })

  /** Everything is as if all votes had been in time: hours, day, what is accrued and what is in the pools. */
  async function expectWhole(of: OracleTerms = terms()): Promise<void> {
    const hours = [FIRST, LAST].map((hour) => {
      const own = all.filter(({ at }) => Math.floor(at / 3_600) === hour)
      return { hour, pool: (BigInt(own.length) * CC) / 4n, votes: oracleVotes(own) }
    })
    const expected: OracleResult[] = []
    let carry = 0n
    for (const { hour, pool, votes } of hours) {
      const result = oracleHour(pool + carry, votes)
      expect(await storedShares(db, 'hour', hour)).to.deep.equal(sharesOf(result))
      carry = result.carry
      expected.push(result)
    }
    const day = oracleDay((BigInt(all.length) * CC * 3n) / 4n, oracleVotes(all), of)
    expect(await storedShares(db, 'day', DAY)).to.deep.equal(sharesOf(day))
    for (const partner of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const amounts = [...expected, day].map((result) => result.amounts.get(partner) ?? {})
      const total = sum(amounts.flatMap((each) => Object.values(each)))
      expect(await accruedOf(db, partner), partner).to.equal(total)
    }
    expect(await poolsOf(db)).to.include({ hour: carry, day: day.carry, late: 0n })
  }

  function terms(): OracleTerms {
    const { splitBps: bps, minimumVotes, bonus } = DEFAULT_RULES
    const { referenceRate, capPerPartner } = bonus
    return {
      bps,
      minimumVotes,
      bonus: {
        ...bonus,
        referenceRate: BigInt(referenceRate),
        capPerPartner: BigInt(capPerPartner),
      },
      rate: CC,
      budget: 0n,
    }
  }

  async function dayRow() {
    const row = await db.one<Record<'pool' | 'carry' | 'bonus_paid' | 'before', string>>(
      `select d.pool, d.carry, d.bonus_paid, c.before ->> 'paid' as before from partner_day d
         join partner_correction c on c.period = d.day where not d.shadow and d.day = $1`,
      [DAY],
    )
    return {
      pool: BigInt(row.pool),
      carry: BigInt(row.carry),
      bonusPaid: BigInt(row.bonus_paid),
      paidBefore: BigInt(row.before),
    }
  }
})

describe('corrections where a day begins at half past', function () {
  this.timeout(60_000)
  const zone = 'Asia/Kolkata'
  // 23:30 of the day; its second half is of the next day.
  const hour = FIRST + 18
  const at = startOfHour(hour)
  const own = useReconciledDb()
  let db: Db
  beforeEach(() => {
    db = own()
  })

  it('a late vote counts in the day that it is in, and its money goes to the day of its hour', async () => {
    const room = partnersRoom(db, { zone })
    await landed(db, [
      { partner: 'a', at: at + 600 },
      { partner: 'b', at: at + 3_000 },
    ])
    await runPartners(room, { hour })
    await runPartners(room, { day: NEXT_DAY })
    await landLate(room, [{ partner: 'c', at: at + 2_400, cc: 4 }])

    const { periods } = await corrected(db, { day: NEXT_DAY }, { zone })
    expect(periods.map(({ period, inflow, daily }) => [period, inflow, daily])).to.deep.equal([
      [String(hour), CC, 3n * CC],
      [NEXT_DAY, 0n, 0n],
    ])
    expect(Object.keys(await storedShares(db, 'day', NEXT_DAY))).to.have.members(['b', 'c'])
    expect((await poolsOf(db)).late).to.equal(3n * CC)
    const before = await corrected(db, { day: DAY }, { zone })
    expect(before.periods[0]).to.deep.include({ inflow: 3n * CC, late: { votes: 0, cc: 0n } })
    expect(Object.keys(await storedShares(db, 'day', DAY))).to.have.members(['a'])
    expect((await poolsOf(db)).late).to.equal(0n)
  })
})
