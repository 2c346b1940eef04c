import { expect } from 'chai'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import type { Notice } from '../../../keeper/base/alerts.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { openLedger } from '../../../keeper/ledger/ledger.ts'
import type { Ledger } from '../../../keeper/ledger/ledger.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { faultyDb } from '../../helpers/faulty-db.ts'
import type { FaultyDb } from '../../helpers/faulty-db.ts'
import { COIN, NOON, assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { testLog } from '../../helpers/logs.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the ledger with group commit', function () {
  this.timeout(60_000)
  let db: Db
  let faulty: FaultyDb
  let ledger: Ledger
  let notices: Notice[]
  beforeEach(async () => {
    db = await freshDb()
    faulty = faultyDb(db)
    notices = []
    const clock = testClock(NOON)
    const alerts = openAlerts({ clock, sinks: [(notice) => notices.push(notice)] })
    ledger = openLedger({ db: faulty.db, clock, log: testLog, alerts })
  })
  afterEach(async () => {
    await ledger.close()
    await assertBooksBalance(db)
    await db.close()
  })

  const batches = async (): Promise<number> =>
    (await db.one<{ n: number }>('select count(*)::int as n from ledger_batch')).n

  it('a lone posting waits for no other', async () => {
    expect(await ledger.post(posting({ key: 'a' }))).to.deep.equal({ key: 'a', outcome: 'posted' })
    expect(await batches()).to.equal(1)
  })

  it('what is asked in one turn is one batch, and each caller has his own answer', async () => {
    const one = posting({ key: 'a' })
    const asked = [one, one, posting({ key: 'b' }), { ...one, amount: 6n }]

    const outcomes = await Promise.all(asked.map((each) => ledger.post(each)))

    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal([
      'posted',
      'duplicate',
      'posted',
      'conflict',
    ])
    expect(await batches()).to.equal(1)
  })

  it('what is asked while a batch is at the database goes together in the next one', async () => {
    const first = ledger.post(posting())
    await Promise.resolve()
    await Promise.resolve()
    const others = Array.from({ length: 50 }, () => ledger.post(posting()))
    await Promise.all([first, ...others])

    expect(await batches()).to.equal(2)
  })

  it('a flush takes at most 2,000 postings', async () => {
    await Promise.all(Array.from({ length: 2_001 }, () => ledger.post(posting())))

    expect(await batches()).to.equal(2)
  })

  it('a conflict raises an alert that names the key', async () => {
    await ledger.post(posting({ key: 'a' }))
    await ledger.post(posting({ key: 'a', amount: 7n }))

    expect(notices).to.have.length(1)
    expect(notices[0]).to.deep.include({ kind: 'ledger-conflict', key: 'a' })
  })

  it('only the offender of a batch is refused', async () => {
    const overdraft = posting({ debit: 'owed:manual:bob', credit: 'inflight:manual' })
    const asked = [posting(), overdraft, posting()].map((each) => ledger.post(each))

    const outcomes = await Promise.all(asked)

    expect(outcomes.map(({ outcome }) => outcome)).to.deep.equal(['posted', 'refused', 'posted'])
  })

  it('an invalid posting is refused alone, before it is asked', async () => {
    const good = ledger.post(posting())
    const bad = rejectionOf(ledger.post(posting({ amount: 0n })))

    expect((await bad).code).to.equal('LEDGER_POSTING_INVALID')
    expect(await good).to.have.property('outcome', 'posted')
  })

  for (const kind of ['refused', 'lost'] as const) {
    it(`a batch whose answer is ${kind} is told to all of it, and may be asked again`, async () => {
      const asked = [posting(), posting()]
      await ledger.post(posting())
      faulty.fail(/ledger_post/, { times: 1, kind })

      const errors = await Promise.all(asked.map((each) => rejectionOf(ledger.post(each))))
      const again = await Promise.all(asked.map((each) => ledger.post(each)))

      expect(errors.map(({ code }) => code)).to.deep.equal(Array(2).fill('STORE_UNAVAILABLE'))
      const outcome = kind === 'lost' ? 'duplicate' : 'posted'
      expect(again.map((each) => each.outcome)).to.deep.equal([outcome, outcome])
      expect(await balanceOf(db, 'accrued:manual:alice', COIN)).to.equal(15n)
    })
  }

  it('closing waits for what was asked, and refuses what comes after', async () => {
    const asked = Promise.all([ledger.post(posting()), ledger.post(posting())])
    await ledger.close()

    expect(await asked).to.have.length(2)
    expect((await rejectionOf(ledger.post(posting()))).code).to.equal('LEDGER_CLOSED')
  })

  it('more than 100,000 that wait are refused', async function () {
    faulty.fail(/ledger_accounts/)
    const one = posting()
    const waiting = Array.from({ length: 100_000 }, (_, index) =>
      ledger.post({ ...one, key: `k${index}` }).catch(() => {}),
    )

    expect((await rejectionOf(ledger.post(posting()))).code).to.equal('LEDGER_BUSY')
    await Promise.all(waiting)
  })
})
