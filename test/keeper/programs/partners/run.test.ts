import { expect } from 'chai'
import { startOfHour } from '../../../../keeper/base/time.ts'
import { balanceOf } from '../../../../keeper/ledger/balances.ts'
import { accounts } from '../../../../keeper/programs/partners/names.ts'
import { runPartners } from '../../../../keeper/programs/partners/run.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { COIN, assertBooksBalance } from '../../../helpers/ledger.ts'
import {
  DAY,
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  votesOf,
} from '../../../helpers/partners-room.ts'
import { freshDb } from '../../../helpers/store.ts'

const CC = 10n ** 18n

describe('distributions to partners', () => {
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  it('an hour gives a quarter of what was voted to its voters and keeps the rest for the day', async () => {
    await landed(db, votesOf(4, FIRST))
    const [done] = await runPartners(partnersRoom(db), { hour: FIRST })
    expect(done).to.include({ kind: 'hour', isNew: true, hour: FIRST, day: DAY, voters: 4 })
    expect(done).to.include({ cc: 10n, inflow: 10n * CC, pool: (10n * CC) / 4n })
    expect(await balanceOf(db, accounts.dayPool, COIN)).to.equal((10n * CC * 3n) / 4n)
    // Of five equal parts the first is for the top 10 %: p1 alone; the other four are for all of them.
    expect(await accruedOf(db, 'p1')).to.equal(CC / 2n + 4n * (CC / 8n))
    expect(await accruedOf(db, 'p4')).to.equal(4n * (CC / 8n))
  })

  it('the 23:00 hour is paid before the day, though only the day was asked for', async () => {
    await landed(db, [...votesOf(2, FIRST), ...votesOf(3, FIRST + 23)])
    const done = await runPartners(partnersRoom(db), { day: DAY })
    expect(done.map((each) => (each.kind === 'hour' ? each.hour : each.day))).to.deep.equal([
      ...Array.from({ length: 24 }, (_, hour) => FIRST + hour),
      DAY,
    ])
    const day = done.at(-1)
    expect(day).to.include({ voters: 3, inflow: (9n * CC * 3n) / 4n, carried: 0n })
    expect(startOfHour(FIRST)).to.equal(Date.parse(`${DAY}T00:00:00Z`) / 1000)
  })
})
