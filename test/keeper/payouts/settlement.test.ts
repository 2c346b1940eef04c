import { expect } from 'chai'
import { accrue } from '../../../keeper/payouts/accrual.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import { requirePosted } from '../../../keeper/ledger/posting.ts'
import type { Award, SettlementRules } from '../../../keeper/payouts/program.ts'
import { settle } from '../../../keeper/payouts/settlement.ts'
import type { Settled } from '../../../keeper/payouts/settlement.ts'
import { reachPayees } from '../../../keeper/payouts/wallets/reach.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, NOON, assertBooksBalance } from '../../helpers/ledger.ts'
import { testLog } from '../../helpers/logs.ts'
import { award, payeeAt, programOf } from '../../helpers/paying.ts'
import { freshDb } from '../../helpers/store.ts'

describe('a settlement of many accruals', function () {
  this.timeout(120_000)
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  /** As many accruals of 1 for each of them; the books have them as one award of a payee. */
  async function accrued(payees: number, each: number): Promise<void> {
    const all = Array.from({ length: payees }, (_, i) => award(`p${i}`, payeeAt(i), BigInt(each)))
    await accrue(room(), programOf(all), { from: 0, to: NOON + 1 })
    await db.query('delete from payout_accrual')
    await db.query(
      `insert into payout_accrual (program, ref, payee, amount, content, effective_at, recorded_at)
       select 'manual', p.payee || '/' || n, p.payee, 1, '', $2, $2
         from jsonb_array_elements_text($1::jsonb) p (payee), generate_series(1, $3) n`,
      [JSON.stringify(all.map(({ payee }) => payee)), NOON, each],
    )
  }

  const room = () => ({ db, clock: testClock(NOON), log: testLog, reach: reachPayees })

  const settled = (rules: Partial<SettlementRules>): Promise<Settled> =>
    settle(room(), programOf([], rules))

  it('who reaches the minimum only with more than a payout binds is paid all the same', async () => {
    await accrued(1, 10_050)
    expect(await settled({ minimum: 10_051n })).to.include({ payouts: 0 })

    const all = { payouts: 1, amount: 10_020n, kept: {} }
    expect(await settled({ minimum: 10_020n })).to.deep.equal(all)
  })

  it('takes them in pages of payees, none of whom is forgotten at the end of one', async () => {
    await accrued(7, 9_000)
    expect(await settled({})).to.deep.equal({ payouts: 7, amount: 63_000n, kept: {} })
  })
})

describe('awards of a pool, some of them taken back', () => {
  const POOL = 'pool:manual:hour'
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
    const fund = { key: 'fund', debit: 'issuer:manual', credit: POOL, asset: COIN, amount: 100n }
    requirePosted(await postIn(db, [{ ...fund, code: 'fund', effectiveAt: NOON }], NOON))
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const room = () => ({ db, clock: testClock(NOON), log: testLog, reach: reachPayees })
  const payee = payeeAt(1)
  const fromPool = (ref: string, amount: bigint, effectiveAt = NOON): Award => {
    return { ...award(ref, payee, amount), from: POOL, effectiveAt }
  }
  const accrued = (...awards: Award[]) =>
    accrue(room(), programOf(awards), { from: 0, to: NOON + 1 })
  const balance = (name: string): Promise<bigint> => balanceOf(db, name, COIN)

  it('come out of that pool and go back to it, and the payout is what is left', async () => {
    await accrued(fromPool('a', 60n), fromPool('b', 30n))
    await accrued(fromPool('back', -50n))
    expect(await balance(POOL)).to.equal(60n)
    expect(await accrued(fromPool('back', -50n))).to.include({ awards: 0, known: 1 })
    expect(await settle(room(), programOf([]))).to.include({ payouts: 1, amount: 40n })
  })

  it('are refused whole when the pool has too little, or less is accrued than is taken back', async () => {
    const tooMuch = rejectionOf(accrued(fromPool('a', 60n), fromPool('b', 41n)))
    expect((await tooMuch).code).to.equal('LEDGER_REFUSED')
    await accrued(fromPool('a', 60n))
    const tooFar = rejectionOf(accrued(fromPool('back', -61n)))
    expect((await tooFar).code).to.equal('LEDGER_REFUSED')
    expect(await balance(POOL)).to.equal(40n)
  })

  it('of later than the program settles wait, but what is taken back counts at once', async () => {
    await accrued(fromPool('a', 40n), fromPool('b', 30n, NOON + 100))
    await accrued(fromPool('back', -50n, NOON + 200))
    const through = (at: number) => ({ ...programOf([]), settlesThrough: async () => at })
    expect(await settle(room(), through(NOON))).to.include({ payouts: 0 })
    expect(await settle(room(), through(NOON + 100))).to.include({ payouts: 1, amount: 20n })
  })
})
