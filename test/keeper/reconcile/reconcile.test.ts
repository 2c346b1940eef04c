import { expect } from 'chai'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, assertBooksBalance } from '../../helpers/ledger.ts'
import { byHand, codesAfter, openSettlements } from '../../helpers/reconciling.ts'
import type { Settlements } from '../../helpers/reconciling.ts'

describe('books, receipts and chain', function () {
  this.timeout(180_000)
  let paid: Settlements
  before(async () => {
    paid = await openSettlements()
    await paid.book()
  })
  after(() => paid.close())

  it('agree after programs and validators were paid, a payee refused and another took its credit', async () => {
    const result = await paid.reconcile()

    expect(result.differences).to.deep.equal([])
    expect(result).to.include({ ok: true, found: 0, archived: 0 })
    expect(result.assets).to.deep.equal([{ asset: COIN, total: 0n }])
    expect(result.programs).to.deep.equal([
      { program: 'manual', asset: COIN, accrued: 8n, owed: 0n, inflight: 0n, paid: 90n },
    ])
    expect(result.holdings[0]).to.deep.include({ credits: 30n, surplus: 0n })
    const { rewards } = result
    expect(rewards && rewards.funded).to.equal(
      (rewards?.paid ?? 0n) + (rewards?.pool ?? 0n) + (rewards?.credits ?? 0n),
    )
    expect(rewards?.credits).to.not.equal(0n)
    await assertBooksBalance(paid.paying.db)
  })

  it('are booked once: the second time nothing is new, and they agree as before', async () => {
    const before = await paid.reconcile()

    expect(await paid.book()).to.equal(0)

    expect(await paid.reconcile()).to.deep.equal(before)
  })

  const codesOf = (change: (t: Db) => Promise<unknown>): Promise<string[]> =>
    codesAfter(paid.paying.db, change, (t) => paid.reconcile(t))

  const OUTCOME = "where code = 'pay' and key like 'outcome:%:0'"

  const MUTANTS: readonly [what: string, sql: string, codes: string[]][] = [
    ['nothing', 'select 1', []],
    [
      'the amount of a booked payment',
      `update ledger_transfer set amount = amount + 1 ${OUTCOME}`,
      ['BOOKS_UNSOUND', 'BOOKING_DIFFERS'],
    ],
    [
      'the account that a booked payment went to',
      `update ledger_transfer set credit = (select max(id) from ledger_account) ${OUTCOME}`,
      ['BOOKS_UNSOUND', 'BOOKING_DIFFERS'],
    ],
    [
      'a booked payment that is gone',
      `delete from ledger_transfer ${OUTCOME}; delete from ledger_key k where not exists
         (select from ledger_transfer t where t.id = k.transfer)`,
      ['BOOKS_UNSOUND', 'RECEIPT_NOT_BOOKED'],
    ],
    [
      'a booked withdrawal that is gone',
      `delete from ledger_transfer where code = 'withdraw'; delete from ledger_key k
        where not exists (select from ledger_transfer t where t.id = k.transfer)`,
      ['BOOKS_UNSOUND', 'RECEIPT_NOT_BOOKED'],
    ],
    [
      'a balance',
      "update ledger_account set balance = balance + 1 where name like 'credit:0x%'",
      ['BOOKS_UNSOUND', 'CREDIT_DIFFERS'],
    ],
    [
      'the reason of an award',
      `update ledger_transfer set reason = '{"reason":"another"}' where key = 'manual:two'`,
      ['BOOKS_UNSOUND', 'BOOKING_DIFFERS'],
    ],
    [
      'the amount of an award',
      "update payout_accrual set amount = amount + 10 where ref = 'one'",
      ['BOOKING_DIFFERS', 'PAYOUT_DIFFERS'],
    ],
    [
      'an award that is gone',
      "delete from payout_accrual where ref = 'two'",
      ['PAYOUT_DIFFERS', 'BOOKED_WITHOUT_CAUSE'],
    ],
    [
      'an award that was written by hand',
      `insert into payout_accrual (program, ref, payee, amount, content, effective_at, recorded_at)
       values ('manual', 'mine', '0xme', 5, 'x', 1, 1)`,
      ['RECORD_NOT_BOOKED', 'BALANCE_DIFFERS'],
    ],
    [
      'the payout of an award',
      `update payout_accrual set payout = (select payout from payout_accrual where ref = 'two')
        where ref = 'one'`,
      ['PAYOUT_DIFFERS'],
    ],
    [
      'the amount of a payout',
      "update payout set amount = amount + 10 where state = 'credited'",
      ['PAYOUT_DIFFERS', 'BOOKING_DIFFERS'],
    ],
    [
      'the state of a payout',
      "update payout set state = 'owed' where payee = (select min(payee) from payout)",
      ['PAYOUT_DIFFERS', 'BALANCE_DIFFERS'],
    ],
    [
      'the outcome of a payment',
      "update payout_payment set outcome = 'paid' where outcome = 'refused' and amount = 30",
      ['PAYMENT_DIFFERS', 'PAYOUT_DIFFERS'],
    ],
    [
      'the address of a payment',
      "update payout_payment set address = '0x00000000000000000000000000000000000000ff' where position = 0",
      ['PAYMENT_DIFFERS'],
    ],
    [
      'the amount of a payment',
      'update payout_payment set amount = amount + 1 where position = 0',
      ['PAYMENT_DIFFERS', 'PAYOUT_DIFFERS', 'BOOKING_DIFFERS'],
    ],
    ['what a batch paid', 'update payout_batch set paid = paid + 1', ['BATCH_DIFFERS']],
    [
      'the number of a batch',
      'update payout_batch set seq = seq + 7 where seq = 0',
      ['BATCH_NOT_OURS', 'BATCH_WITHOUT_RECEIPT'],
    ],
    [
      'the state of a batch',
      "update payout_batch set state = 'inflight' where seq = 0",
      ['RECEIPT_NOT_BOOKED', 'BOOKED_WITHOUT_CAUSE', 'BALANCE_DIFFERS'],
    ],
    [
      "the hash of a batch's transaction in the journal",
      "update tx set hash = '0x' || repeat('ab', 32) where kind = 'payout'",
      ['JOURNAL_DIFFERS'],
    ],
    [
      "the state of a batch's transaction in the journal",
      "update tx set state = 'included' where kind = 'payout'",
      ['JOURNAL_DIFFERS'],
    ],
    [
      "what the validators' batch paid",
      "update ledger_transfer set amount = amount - 1 where code = 'validators.pay'",
      ['BOOKS_UNSOUND', 'BOOKING_DIFFERS'],
    ],
    [
      'the credit of a validator that is gone',
      `delete from ledger_transfer where code = 'validators.credit'; delete from ledger_key k
        where not exists (select from ledger_transfer t where t.id = k.transfer)`,
      ['BOOKS_UNSOUND', 'RECEIPT_NOT_BOOKED'],
    ],
    [
      'the key of a credit of a validator',
      "update ledger_transfer set key = 'mine' where code = 'validators.credit'",
      ['BOOKS_UNSOUND'],
    ],
    [
      'what a cycle owes',
      "update ledger_account set balance = balance + 1 where name like 'pool:validators:%'",
      ['BOOKS_UNSOUND', 'HOLDING_DIFFERS'],
    ],
  ]

  for (const [what, sql, codes] of MUTANTS) {
    it(`name it when somebody changed by hand: ${what}`, async () => {
      expect(await codesOf(byHand(sql))).to.have.members(codes)
    })
  }

  it('name a payment that was booked and never made', async () => {
    const made = { debit: 'expense:manual', credit: 'paid:manual', asset: COIN, amount: 5n }
    const posting = { key: 'outcome:none:0', ...made, code: 'pay', effectiveAt: 1 }

    const codes = await codesOf((t) => postIn(t, [posting], 1))

    expect(codes).to.have.members(['BOOKED_WITHOUT_CAUSE', 'HOLDING_DIFFERS'])
  })

  it('name a transfer of a kind that nobody asks for, though every sum stays', async () => {
    const made = { debit: 'donations', credit: 'elsewhere', asset: COIN, amount: 5n }
    const posting = { key: 'mine', ...made, code: 'gift', effectiveAt: 1 }

    const codes = await codesOf((t) => postIn(t, [posting], 1))

    expect(codes).to.have.members(['BOOKED_WITHOUT_CAUSE'])
  })

  it('name a batch that the node does not show, or shows with another list', async () => {
    const { client } = paid.paying.node
    const answering = (answer: unknown): ChainClient => {
      const request = async <T>(method: string, params?: readonly unknown[]): Promise<T> =>
        method === 'eth_getTransactionByHash' ? (answer as T) : client.request<T>(method, params)
      return { ...client, request }
    }
    for (const answer of [null, { input: '0x' }]) {
      const { differences } = await paid.reconcile(paid.paying.db, answering(answer))
      const codes = differences.map(({ code }) => code)
      expect(codes).to.include('BATCH_UNREADABLE')
    }
  })

  it('name what the chain did since, until it is booked', async () => {
    await paid.paying.fund(11n)

    const { differences } = await paid.reconcile()
    const booked = await paid.book()

    expect(differences.map(({ code }) => code)).to.deep.equal([
      'RECEIPT_NOT_BOOKED',
      'HOLDING_DIFFERS',
    ])
    expect(booked).to.equal(1)
    expect((await paid.reconcile()).ok).to.equal(true)
  })

  it('are not compared when somebody has booked what came after the block', async () => {
    const { contracts } = paid.paying
    const { address } = contracts
    const later = `update payout_event_cursor set through = through + 99 where contract = '${address.toLowerCase()}'`

    const error = await rejectionOf(codesOf((t) => t.exec(later)))

    expect(error.code).to.equal('RECONCILE_MOVED')
  })
})
