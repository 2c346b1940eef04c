import { expect } from 'chai'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { reconcilePartners } from '../../../../helpers/partners-audit.ts'
import {
  DAY,
  FIRST,
  landed,
  partnersRoom,
  rulesetOf,
  votesOf,
} from '../../../../helpers/partners-room.ts'
import { freshDb } from '../../../../helpers/store.ts'

describe('a day in which nobody has a coefficient', function () {
  this.timeout(60_000)
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  it('D-08 is compared as any other when nobody voted', async () => {
    await landed(db, votesOf(3, FIRST + 24))
    await runPartners(partnersRoom(db), { day: DAY, hour: FIRST + 24 })
    expect((await reconcilePartners(db)).differences).to.deep.equal([])
  })

  it('D-14 is compared as any other when all voters have none', async () => {
    await landed(db, votesOf(12, FIRST))
    const ruleset = rulesetOf({ unknownEcc: '0' })
    await runPartners(partnersRoom(db, { ruleset }), { day: DAY })
    expect((await reconcilePartners(db)).differences).to.deep.equal([])
  })
})
