import { expect } from 'chai'
import { startOfHour } from '../../../../../keeper/base/time.ts'
import { balanceOf } from '../../../../../keeper/ledger/balances.ts'
import { accounts as payoutAccounts } from '../../../../../keeper/payouts/names.ts'
import type { ReachPayees } from '../../../../../keeper/payouts/room.ts'
import { settle } from '../../../../../keeper/payouts/settlement.ts'
import { PARTNERS } from '../../../../../keeper/programs/partners/names.ts'
import { partnersProgram } from '../../../../../keeper/programs/partners/program.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { runUntilDeath } from '../../../../helpers/crashing-db.ts'
import { COIN } from '../../../../helpers/ledger.ts'
import {
  corrected,
  correctedOne,
  footprint,
  landLate,
  useReconciledDb,
} from '../../../../helpers/partner-corrections.ts'
import {
  DAY,
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  votesOf,
} from '../../../../helpers/partners-room.ts'

const CC = 10n ** 18n
const EVERYBODY: ReachPayees = async (_t, _program, payees) =>
  Promise.resolve(new Map(payees.map((payee) => [payee, { address: `0x${'11'.repeat(20)}` }])))

describe('corrections of what was paid', function () {
  this.timeout(60_000)
  const own = useReconciledDb()
  let db: Db
  beforeEach(() => {
    db = own()
  })

  it('a share that was settled is not taken back: it is due, and later awards pay it back first', async () => {
    await paidDay()
    const owed = await inAccount('owed', 'p1')
    expect(await accruedOf(db, 'p1')).to.equal(0n)
    // Of the same CC as all the others together: it is the new top 10 %.
    await landLate(partnersRoom(db), [{ partner: 'new', at: startOfHour(FIRST), cc: 6 }])
    const { lines, due, taken } = await correctedOne(db, { hour: FIRST })
    const ofP1 = lines.find(({ partner }) => partner === 'p1')
    expect(ofP1).to.include({ taken: 0n, due: -(ofP1?.amount ?? 0n) })
    expect(taken).to.equal(0n)
    expect(await inAccount('due', 'p1')).to.equal(ofP1?.amount)
    expect(await inAccount('owed', 'p1')).to.equal(owed)
    expect(due).to.be.greaterThan(0n)

    // Too little for all of it at first, then more than enough.
    const next = FIRST + 24
    await landed(db, [{ partner: 'p1', at: startOfHour(next), cc: 0 }])
    await landed(db, [{ partner: 'p2', at: startOfHour(next + 1), cc: 20 }])
    await landed(db, [{ partner: 'p1', at: startOfHour(next + 1), cc: 20 }])
    await runPartners(partnersRoom(db), { hour: next })
    const before = await inAccount('due', 'p1')
    await runPartners(partnersRoom(db), { hour: next + 1 })
    expect(await inAccount('due', 'p1')).to.equal(0n)
    const gave = await shareOf(next + 1, 'p1')
    expect(await accruedOf(db, 'p1')).to.equal(gave + before)
    expect(before).to.be.lessThan(0n)
  })

  it('of what became less, as much as is not settled is taken back and the rest is due', async () => {
    await paidDay()
    await landed(db, [{ partner: 'p1', at: startOfHour(FIRST + 24) }])
    await runPartners(partnersRoom(db), { hour: FIRST + 24 })
    const accrued = await accruedOf(db, 'p1')
    await landLate(partnersRoom(db), [{ partner: 'new', at: startOfHour(FIRST), cc: 0 }])
    await corrected(db, { hour: FIRST })
    // A third of the four equal categories becomes a fourth: less than the new hour gave.
    expect(await inAccount('due', 'p1')).to.equal(0n)
    expect(await accruedOf(db, 'p1')).to.be.lessThan(accrued)

    await landLate(
      partnersRoom(db),
      Array.from({ length: 9 }, (_, n) => ({ partner: `q${n}`, at: startOfHour(FIRST), cc: 0 })),
    )
    await corrected(db, { hour: FIRST })
    expect(await accruedOf(db, 'p1')).to.equal(0n)
    expect(await inAccount('due', 'p1')).to.be.lessThan(0n)
  })

  it('what a correction gives to somebody who has a due pays that back first', async () => {
    await paidDay()
    await landLate(partnersRoom(db), [{ partner: 'new', at: startOfHour(FIRST), cc: 0 }])
    await corrected(db, { hour: FIRST })
    const due = await inAccount('due', 'p2')
    expect(due).to.be.lessThan(0n)
    await landLate(partnersRoom(db), [{ partner: 'p2', at: startOfHour(FIRST), cc: 200 }])
    const { lines, withheld } = await correctedOne(db, { hour: FIRST })
    expect(await inAccount('due', 'p2')).to.equal(0n)
    const more = lines.find(({ partner }) => partner === 'p2')?.amount ?? 0n
    expect(await accruedOf(db, 'p2')).to.equal(more + due)
    expect(withheld >= -due).to.equal(true)
  })

  it('D-23 killed at any await, a correction is wholly there or not at all, and once in the end', async () => {
    await paidDay()
    await landLate(partnersRoom(db), [{ partner: 'new', at: startOfHour(FIRST), cc: 6 }])
    const before = await footprint(db)
    const run = (inner: Db): Promise<unknown> => corrected(inner, { hour: FIRST })
    let isDone = false
    for (let diesAt = 1; !isDone; diesAt += 2) {
      await runUntilDeath(db, run, diesAt)
      const { found } = await db.one<{ found: bigint }>(
        'select count(*) as found from partner_correction',
      )
      isDone = found > 0n
      if (!isDone && diesAt % 9 === 0) expect(await footprint(db)).to.deep.equal(before)
    }
    const after = await footprint(db)
    expect((await correctedOne(db, { hour: FIRST })).isNew).to.equal(false)
    expect(await footprint(db)).to.deep.equal(after)
    // Of twelve CC a quarter.
    expect(await sharedIn(FIRST)).to.equal(3n * CC)
  })

  /** A day with three voters in its first hour, distributed and settled. */
  async function paidDay(): Promise<void> {
    await landed(db, votesOf(3, FIRST))
    await runPartners(partnersRoom(db), { hour: FIRST })
    await runPartners(partnersRoom(db), { day: DAY })
    await settle({ ...partnersRoom(db), reach: EVERYBODY }, partnersProgram(COIN))
  }

  const inAccount = (kind: 'due' | 'owed', partner: string): Promise<bigint> =>
    balanceOf(
      db,
      kind === 'due' ? `due:${PARTNERS}:${partner}` : payoutAccounts.owed(PARTNERS, partner),
      COIN,
    )

  async function shareOf(hour: number, partner: string): Promise<bigint> {
    const { total } = await db.one<{ total: string }>(
      `select top10p + top10 + top100 + top1000 + "all" as total from partner_hour_share
        where not shadow and hour = $1 and partner = $2`,
      [hour, partner],
    )
    return BigInt(total)
  }

  async function sharedIn(hour: number): Promise<bigint> {
    const row = await db.one<{ total: string }>(
      'select paid + carry as total from partner_hour where not shadow and hour = $1',
      [hour],
    )
    return BigInt(row.total)
  }
})
