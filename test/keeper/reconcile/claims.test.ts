import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { claimed, forwardRange, openClaiming, publish } from '../../helpers/claiming.ts'
import type { Claiming } from '../../helpers/claiming.ts'
import { COIN } from '../../helpers/ledger.ts'
import { award, payeeAt, programOf } from '../../helpers/paying.ts'
import { bookClaiming, codesAfter, compareClaiming } from '../../helpers/reconciling.ts'

describe('claims in books, receipts and chain', function () {
  this.timeout(180_000)
  let claiming: Claiming
  before(async () => {
    claiming = await openClaiming()
    await claiming.run(programOf([award('pushed', payeeAt(50), 2n)]))
    const awards = Array.from({ length: 5 }, (_, i) => award(`a${i}`, payeeAt(i), 5n))
    await publish(claiming, claimed(awards))
    await claiming.claimFor(payeeAt(3))
    await claiming.claimFor(payeeAt(4))
    // A second root rests.
    await claiming.run(claimed([...awards, award('next', payeeAt(0), 7n)]))
    await bookClaiming(claiming)
  })
  after(() => claiming.close())

  const codesOf = (change: (t: Db) => Promise<unknown>): Promise<string[]> =>
    codesAfter(claiming.db, change, (t) => compareClaiming(claiming, t))

  it('agree while two have claimed, three have not, and a root rests', async () => {
    const result = await compareClaiming(claiming)

    expect(result.differences).to.deep.equal([])
    expect(result.claims[0]).to.include({
      claimed: 10n,
      outstanding: 15n,
      proposed: 7n,
      surplus: 0n,
      isHidden: false,
    })
  })

  it('a leaf, a root or a line that was changed is named', async () => {
    const leaf = 'update claims_leaf set claimed = 0 where claimed > 0'
    expect(await codesOf((t) => t.query(leaf))).to.include('BALANCE_DIFFERS')
    const more = 'update claims_leaf set cumulative = cumulative + 1'
    expect(await codesOf((t) => t.query(more))).to.include('CLAIMS_DIFFER')
    const line = 'update claims_line set amount = amount + 1'
    expect(await codesOf((t) => t.query(line))).to.include('BOOKING_DIFFERS')
    const root = "update claims_root set state = 'vetoed' where state = 'submitted'"
    expect(await codesOf((t) => t.query(root))).to.include('RECORD_NOT_BOOKED')
  })

  it('a claim in the books that the contract does not tell of is named', async () => {
    const posting = {
      key: 'claimed:made-up',
      debit: `claimable:manual:${payeeAt(0)}`,
      credit: 'paid:manual',
      asset: COIN,
      amount: 5n,
      code: 'claim',
      effectiveAt: 1,
    }
    const codes = await codesOf((t) => postIn(t, [posting], systemClock.now()))
    expect(codes).to.include.members(['BOOKED_WITHOUT_CAUSE', 'BALANCE_DIFFERS'])
  })

  it('agree after a range that went through a contract of others', async () => {
    await forwardRange(claiming, 0, 8)
    await bookClaiming(claiming)

    const result = await compareClaiming(claiming)

    expect(result.differences).to.deep.equal([])
    expect(result.claims[0]).to.include({ claimed: 25n, outstanding: 0n, isHidden: true })
  })
})
