import { expect } from 'chai'
import { checkLedger } from '../../../keeper/ledger/check.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { NOON, assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { freshDb } from '../../helpers/store.ts'

describe('checking the ledger', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
    const award = posting({ key: 'first', amount: 10n, reason: { rule: 'one' } })
    await postIn(db, [award, posting({ credit: 'accrued:manual:bob' })], NOON)
    const { debit, credit } = award
    const back = posting({ key: 'back', debit: credit, credit: debit, reverses: 'first' })
    await postIn(db, [posting(), back], NOON + 40 * 86_400)
    await postIn(db, [posting({ amount: 1n }), posting({ amount: 2n })], NOON + 40 * 86_400)
  })
  afterEach(() => db.close())

  /** As somebody who owns the server can. */
  const tamper = (sql: string): Promise<void> =>
    db.begin(async (t) => {
      await t.exec('set local session_replication_role = replica')
      await t.exec(sql)
    })

  it('finds nothing in books that only ledger_post wrote', async () => {
    await assertBooksBalance(db)
  })

  const LAST = '(select max(id) from ledger_transfer)'
  const FIRST = '(select min(id) from ledger_transfer)'
  const MUTANTS: [what: string, sql: string, kinds: string[]][] = [
    [
      'the amount of a transfer',
      `update ledger_transfer set amount = 11 where id = ${FIRST}`,
      ['chain', 'entry', 'account'],
    ],
    [
      'the reason of a transfer',
      `update ledger_transfer set reason = '{}' where id = ${FIRST}`,
      ['chain'],
    ],
    [
      'the time of a transfer',
      `update ledger_transfer set effective_at = 1 where id = ${LAST}`,
      ['chain'],
    ],
    [
      'the key of a transfer',
      `update ledger_transfer set key = 'other' where id = ${LAST}`,
      ['chain', 'key'],
    ],
    [
      'who a transfer went to',
      `update ledger_transfer set credit = 3 where id = ${LAST}`,
      ['chain', 'entry'],
    ],
    [
      'the asset of a transfer',
      `update ledger_transfer set asset = 2 where id = ${LAST}`,
      ['chain', 'transfer'],
    ],
    [
      'a transfer that is gone',
      `delete from ledger_transfer where id = ${LAST}`,
      ['chain', 'entry', 'key'],
    ],
    [
      'a transfer that nobody posted',
      `insert into ledger_transfer select id + 1, effective_at, debit, credit, asset, amount, code, 'new', reverses, reason from ledger_transfer where id = ${LAST}`,
      ['transfer', 'account', 'key'],
    ],
    [
      'an entry that is gone',
      'delete from ledger_entry where account = 1 and seq = 2',
      ['sequence', 'account'],
    ],
    ['the last entry that is gone', 'delete from ledger_entry where account = 3', ['account']],
    [
      'an entry twice',
      'insert into ledger_entry select transfer, seq + 1, account, amount, balance + amount from ledger_entry where account = 3',
      ['sequence', 'account'],
    ],
    ['the amount of an entry', 'update ledger_entry set amount = 9 where account = 3', ['entry']],
    [
      'the running balance of an entry',
      'update ledger_entry set balance = balance + 1 where account = 1 and seq = 2',
      ['sequence'],
    ],
    [
      'the sequence of an entry',
      'update ledger_entry set seq = seq + 1 where account = 3',
      ['account'],
    ],
    [
      'the balance of an account',
      'update ledger_account set balance = 1000 where id = 3',
      ['unbalanced', 'account'],
    ],
    [
      'balances moved from one account to another',
      'update ledger_account set balance = balance + case id when 2 then 1 else -1 end where id in (2, 3)',
      ['account'],
    ],
    [
      'the version of an account',
      'update ledger_account set version = 9 where id = 3',
      ['account'],
    ],
    [
      'an account that is gone',
      'delete from ledger_account where id = 3',
      ['unbalanced', 'transfer', 'account'],
    ],
    ['a batch that is gone', 'delete from ledger_batch where id = 2', ['chain', 'transfer']],
    ['the last batch that is gone', 'delete from ledger_batch where id = 3', ['chain', 'transfer']],
    [
      'the hash of a batch',
      String.raw`update ledger_batch set hash = '\x00' where id = 2`,
      ['chain'],
    ],
    ['the head', 'update ledger_head set batch = 2', ['chain']],
    [
      'a key that is gone',
      'delete from ledger_key where transfer = (select min(transfer) from ledger_key)',
      ['key'],
    ],
    [
      'a key that stands for another transfer',
      `update ledger_key set transfer = transfer + 1 where transfer = ${LAST}`,
      ['key'],
    ],
    [
      'a key too many',
      `insert into ledger_key values (gen_random_uuid(), gen_random_uuid(), 1)`,
      ['key'],
    ],
    ['the sum of what was taken back', 'update ledger_reversal set reversed = 1', ['reversal']],
    ['a reversal that is forgotten', 'delete from ledger_reversal', ['reversal']],
  ]
  for (const [what, sql, kinds] of MUTANTS) {
    it(`finds ${what}`, async () => {
      await tamper(sql)

      const found = (await checkLedger(db)).map((finding) => finding.what)
      expect(found).to.include.members(kinds)
    })
  }

  it('finds at most a hundred things', async () => {
    await postIn(
      db,
      Array.from({ length: 200 }, () => posting()),
      NOON + 40 * 86_400,
    )
    await tamper('update ledger_entry set balance = 0')

    expect(await checkLedger(db)).to.have.length(100)
  })
})
