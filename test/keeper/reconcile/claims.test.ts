import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import { bookClaims } from '../../../keeper/payouts/claims/book-claims.ts'
import { bookWithdrawals } from '../../../keeper/payouts/withdrawals.ts'
import { reconcile } from '../../../keeper/reconcile/reconcile.ts'
import type { Reconciled } from '../../../keeper/reconcile/reconcile.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { claimed, forwardRange, openClaiming, publish } from '../../helpers/claiming.ts'
import type { Claiming } from '../../helpers/claiming.ts'
import { COIN } from '../../helpers/ledger.ts'
import { testLog } from '../../helpers/logs.ts'
import { award, payeeAt, programOf } from '../../helpers/paying.ts'

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
  })
  after(() => claiming.close())

  async function compare(db: Db = claiming.db): Promise<Reconciled> {
    const { client } = claiming.node
    const block = await client.blockNumber()
    const { contracts, desk } = claiming
    const room = { db, client, clock: systemClock, log: testLog }
    await bookWithdrawals({ ...room, contracts }, block)
    await bookClaims(room, claimed([]), desk, block)
    const { payouts, address } = contracts
    return reconcile({
      db,
      client,
      block,
      payouts: [{ payouts, address, asset: COIN, deployBlock: 0 }],
      claims: [{ program: 'manual', asset: COIN, token: undefined, contract: desk.contract }],
      rewards: undefined,
      onProgress: () => {},
    })
  }

  /** What it says after the store was changed behind everybody's back; the change is undone. */
  async function codesAfter(change: (t: Db) => Promise<unknown>): Promise<string[]> {
    let codes: string[] = []
    const undo = new KeeperError('INTERRUPTED')
    const changed = claiming.db.begin(async (t) => {
      await change(t)
      codes = (await compare(withinOneState(t))).differences.map(({ code }) => code)
      throw undo
    })
    await changed.catch((error: unknown) => {
      if (error !== undo) throw error
    })
    return [...new Set(codes)]
  }

  /** The check of the books asks for a state of its own, which a transaction that has begun cannot give. */
  function withinOneState(t: Db): Db {
    const inner: Db = {
      ...t,
      begin: (fn) => fn(inner),
      exec: async (sql) => (sql.startsWith('set transaction') ? undefined : t.exec(sql)),
    }
    return inner
  }

  it('agree while two have claimed, three have not, and a root rests', async () => {
    const result = await compare()

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
    expect(await codesAfter((t) => t.query(leaf))).to.include('BALANCE_DIFFERS')
    const more = 'update claims_leaf set cumulative = cumulative + 1'
    expect(await codesAfter((t) => t.query(more))).to.include('CLAIMS_DIFFER')
    const line = 'update claims_line set amount = amount + 1'
    expect(await codesAfter((t) => t.query(line))).to.include('BOOKING_DIFFERS')
    const root = "update claims_root set state = 'vetoed' where state = 'submitted'"
    expect(await codesAfter((t) => t.query(root))).to.include('RECORD_NOT_BOOKED')
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
    const codes = await codesAfter((t) => postIn(t, [posting], systemClock.now()))
    expect(codes).to.include.members(['BOOKED_WITHOUT_CAUSE', 'BALANCE_DIFFERS'])
  })

  it('agree after a range that went through a contract of others', async () => {
    await forwardRange(claiming, 0, 8)

    const result = await compare()

    expect(result.differences).to.deep.equal([])
    expect(result.claims[0]).to.include({ claimed: 25n, outstanding: 0n, isHidden: true })
  })
})
