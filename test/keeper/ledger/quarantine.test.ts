import { expect } from 'chai'
import { postIn } from '../../../keeper/ledger/post.ts'
import { requirePosted } from '../../../keeper/ledger/posting.ts'
import { listConflicts, quarantine } from '../../../keeper/ledger/quarantine.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { NOON, assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the quarantine of the ledger', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  it('a conflict that undid its transaction is kept afterwards, alone and once', async () => {
    const one = posting({ key: 'a' })
    await postIn(db, [one], NOON)
    const asked = [posting({ key: 'new' }), one, { ...one, amount: 6n }]
    const undone = db.begin(async (t) => requirePosted(await postIn(t, asked, NOON)))
    expect((await rejectionOf(undone)).code).to.equal('LEDGER_CONFLICT')
    expect(await listConflicts(db, 10)).to.deep.equal([])

    expect(await quarantine(db, asked, NOON + 5)).to.equal(1)
    expect(await quarantine(db, asked, NOON + 9)).to.equal(1)

    const [kept, ...others] = await listConflicts(db, 10)
    expect(others).to.deep.equal([])
    expect(kept).to.include({ key: 'a', firstAt: NOON + 5, lastAt: NOON + 9, times: 2 })
    expect(JSON.parse(kept?.posting ?? '')).to.include({ key: 'a', amount: '6' })
  })

  it('two contents of a new key are no conflict with the books', async () => {
    const one = posting()

    expect(await quarantine(db, [one, { ...one, amount: 6n }], NOON)).to.equal(0)
  })
})
