import { expect } from 'chai'
import { publishClaims } from '../../../keeper/payouts/claims/publish.ts'
import { payClaims } from '../../../keeper/payouts/claims/run-claims.ts'
import { claimed, openClaiming, publish } from '../../helpers/claiming.ts'
import type { Claiming } from '../../helpers/claiming.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { assertBooksBalance } from '../../helpers/ledger.ts'
import { award, payeeAt } from '../../helpers/paying.ts'
import { bookClaiming, byHand, codesAfter, compareClaiming } from '../../helpers/reconciling.ts'

const [ALICE, BOB, CAROL] = [payeeAt(0), payeeAt(1), payeeAt(2)]

describe('roots and claims that somebody changed by hand', function () {
  this.timeout(240_000)
  let claiming: Claiming

  /** Two accepted roots, one vetoed, one that rests; a claim of one's own, and a range that the keeper paid. */
  before(async () => {
    claiming = await openClaiming()
    const march = [award('a', ALICE, 5n), award('b', BOB, 7n), award('c', CAROL, 2n)]
    await publish(claiming, claimed(march))
    await claiming.claimFor(ALICE)
    const april = [...march, award('d', ALICE, 11n)]
    await publish(claiming, claimed(april))
    await payClaims(claiming.room(), claimed([]), claiming.desk, {})
    const may = claimed([...april, award('e', BOB, 3n)])
    await claiming.run(may)
    await (await claiming.claims.veto()).wait()
    await bookClaiming(claiming)
    const june = claimed([...april, award('e', BOB, 3n), award('f', BOB, 4n)])
    await rejectionOf(claiming.run(june))
    await publishClaims(claiming.room(), june, claiming.desk, { money: 1_000n, afterVeto: true })
    await bookClaiming(claiming)
  })
  after(() => claiming.close())

  it('agreed before: two roots in force, one vetoed, one that rests, and everybody has claimed', async () => {
    const result = await compareClaiming(claiming)

    expect(result.differences).to.deep.equal([])
    expect(result.claims).to.have.length(1)
    expect(result.claims[0]).to.include({
      program: 'manual',
      claimed: 25n,
      outstanding: 0n,
      proposed: 7n,
    })
    expect(result.programs[0]).to.include({ accrued: 0n, owed: 0n, paid: 25n })
    await assertBooksBalance(claiming.db)
  })

  const CLAIM =
    "where code = 'claim' and id = (select min(id) from ledger_transfer where code = 'claim')"
  const MUTANTS: readonly [what: string, sql: string, codes: string[]][] = [
    [
      'the amount of a booked claim',
      `update ledger_transfer set amount = amount + 1 ${CLAIM}`,
      ['BOOKS_UNSOUND', 'BOOKING_DIFFERS'],
    ],
    [
      'a booked claim that is gone',
      `delete from ledger_transfer ${CLAIM}; delete from ledger_key k
        where not exists (select from ledger_transfer t where t.id = k.transfer)`,
      ['BOOKS_UNSOUND', 'RECEIPT_NOT_BOOKED'],
    ],
    [
      'what an address has claimed',
      `update claims_leaf set claimed = claimed - 1 where address = '${ALICE}'`,
      ['CLAIMS_DIFFER', 'BALANCE_DIFFERS', 'PAYOUT_DIFFERS'],
    ],
    [
      'what an address has earned',
      `update claims_leaf set cumulative = cumulative + 1 where address = '${ALICE}'`,
      ['CLAIMS_DIFFER', 'BALANCE_DIFFERS'],
    ],
    [
      'the total of a root',
      "update claims_root set total = total + 1 where state = 'accepted'",
      ['CLAIMS_DIFFER'],
    ],
    [
      'the hash of a root',
      `update claims_root set root = '0x' || repeat('ab', 32) where state = 'accepted'
          and seq = (select min(seq) from claims_root)`,
      ['ROOT_NOT_OURS', 'ROOT_WITHOUT_RECEIPT'],
    ],
    [
      'the file of a root',
      "update claims_root set file_hash = '0x' || repeat('ab', 32) where state = 'accepted'",
      ['CLAIMS_DIFFER'],
    ],
    [
      'the state of a root',
      "update claims_root set state = 'undone' where state = 'accepted' and seq = (select min(seq) from claims_root)",
      ['ROOT_NOT_OURS', 'BOOKING_DIFFERS', 'PAYOUT_DIFFERS'],
    ],
    [
      'a line of a root',
      "update claims_line set amount = amount + 1 where position = 0 and root = (select id from claims_root where state = 'vetoed')",
      ['BOOKING_DIFFERS', 'PAYOUT_DIFFERS'],
    ],
    [
      'the state of a payout',
      "update payout set state = 'claimable' where id = (select min(id) from payout)",
      ['PAYOUT_DIFFERS'],
    ],
    [
      "the hash of a root's transaction in the journal",
      "update tx set hash = '0x' || repeat('ab', 32) where kind = 'root'",
      ['CLAIMS_DIFFER'],
    ],
  ]

  for (const [what, sql, codes] of MUTANTS) {
    it(`are named: ${what}`, async () => {
      const found = await codesAfter(claiming.db, byHand(sql), (t) => compareClaiming(claiming, t))
      expect(found).to.have.members(codes)
    })
  }
})
