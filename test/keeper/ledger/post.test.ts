import { expect } from 'chai'
import { balanceOf, trialBalance } from '../../../keeper/ledger/balances.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import { requirePosted } from '../../../keeper/ledger/posting.ts'
import type { Outcome, Posting } from '../../../keeper/ledger/posting.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'
import { COIN, NOON, TOKEN, assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { freshDb } from '../../helpers/store.ts'

describe('posting', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const post = (...postings: Posting[]): Promise<Outcome[]> =>
    db.begin((t) => postIn(t, postings, NOON))
  const words = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ outcome }) => outcome)

  it('a posting takes from the debit account and gives to the credit account', async () => {
    const outcomes = await post(posting({ key: 'a', amount: 10n ** 77n }))

    expect(outcomes).to.deep.equal([{ key: 'a', outcome: 'posted' }])
    expect(await balanceOf(db, 'accrued:manual:alice', COIN)).to.equal(10n ** 77n)
    expect(await balanceOf(db, 'expense:manual', COIN)).to.equal(-(10n ** 77n))
    expect(await balanceOf(db, 'accrued:manual:alice', TOKEN)).to.equal(0n)
  })

  it('one call posts to many accounts of two assets, and each asset adds up to zero', async () => {
    await post(
      posting({ amount: 7n }),
      posting({ amount: 2n, asset: TOKEN }),
      posting({ amount: 3n, debit: 'accrued:manual:alice', credit: 'owed:manual:alice' }),
    )

    expect(await trialBalance(db)).to.deep.equal([
      {
        asset: TOKEN,
        total: 0n,
        kinds: [
          { kind: 'accrued', accounts: 1, balance: 2n },
          { kind: 'expense', accounts: 1, balance: -2n },
        ],
      },
      {
        asset: COIN,
        total: 0n,
        kinds: [
          { kind: 'accrued', accounts: 1, balance: 4n },
          { kind: 'expense', accounts: 1, balance: -7n },
          { kind: 'owed', accounts: 1, balance: 3n },
        ],
      },
    ])
  })

  it('the same key again is a duplicate, in the same call and in a later one', async () => {
    const one = posting()

    expect(words(await post(one, one, posting()))).to.deep.equal(['posted', 'duplicate', 'posted'])
    expect(words(await post(posting(), one))).to.deep.equal(['posted', 'duplicate'])
    expect(await balanceOf(db, one.credit, COIN)).to.equal(15n)
  })

  const CHANGES: Partial<Posting>[] = [
    { amount: 6n },
    { credit: 'accrued:manual:bob' },
    { debit: 'expense:other' },
    { asset: TOKEN },
    { code: 'correct' },
    { effectiveAt: NOON + 1 },
    { reason: { rule: 'other' } },
  ]
  for (const change of CHANGES) {
    const [field] = Object.keys(change)
    it(`the same key with another ${field} is a conflict, kept in quarantine`, async () => {
      const one = posting({ reason: { rule: 'one' } })
      await post(one)

      expect(words(await post({ ...one, ...change }))).to.deep.equal(['conflict'])
      expect(words(await post({ ...one, ...change }))).to.deep.equal(['conflict'])
      const kept = await db.one<{ posting: string; times: number }>(
        'select posting, times from ledger_conflict',
      )
      expect(kept.times).to.equal(2)
      const { key, debit, credit, amount } = { ...one, ...change }
      expect(JSON.parse(kept.posting)).to.include({ key, debit, credit, amount: `${amount}` })
      expect(await balanceOf(db, one.credit, COIN)).to.equal(5n)
    })
  }

  it('the order of the keys of a reason makes no other content', async () => {
    const one = posting({ reason: { a: 1, b: 2n } })
    await post(one)

    expect(words(await post({ ...one, reason: { b: '2', a: 1 } }))).to.deep.equal(['duplicate'])
  })

  it('two contents under one new key in one call post the first', async () => {
    const one = posting()

    expect(words(await post(one, { ...one, amount: 9n }))).to.deep.equal(['posted', 'conflict'])
    expect(await balanceOf(db, one.credit, COIN)).to.equal(5n)
  })

  it('of a thousand postings only the one that overdraws is refused', async () => {
    const many = Array.from({ length: 1_000 }, () => posting())
    const offender = posting({
      key: 'too much',
      debit: 'owed:manual:bob',
      credit: 'inflight:manual',
      amount: 1n,
    })
    many.splice(617, 0, offender)

    const outcomes = await post(...many)

    expect(outcomes[617]).to.deep.equal({ key: 'too much', outcome: 'refused', why: 'limit' })
    expect(outcomes.filter(({ outcome }) => outcome === 'posted')).to.have.length(1_000)
    expect(await balanceOf(db, 'accrued:manual:alice', COIN)).to.equal(5_000n)
  })

  it('what was refused may be asked again under its key', async () => {
    const early = posting({ debit: 'accrued:manual:alice', credit: 'owed:manual:alice' })
    expect(words(await post(early))).to.deep.equal(['refused'])

    expect(words(await post(posting(), early))).to.deep.equal(['posted', 'posted'])
  })

  it('a reversal takes back its original, in parts, and never more than it', async () => {
    const one = posting({ amount: 10n })
    const back = (amount: bigint): Posting =>
      posting({ debit: one.credit, credit: one.debit, amount, reverses: one.key, code: 'reverse' })

    expect(words(await post(one, back(4n)))).to.deep.equal(['posted', 'posted'])
    expect(words(await post(back(5n)))).to.deep.equal(['posted'])
    expect(await post(posting(), back(2n))).to.have.nested.property('[1].why', 'reversal')
    expect(words(await post(back(1n)))).to.deep.equal(['posted'])
    expect(await balanceOf(db, one.credit, COIN)).to.equal(5n)
  })

  it('a reversal of nothing, of other accounts or of a reversal is refused', async () => {
    const one = posting({ amount: 10n })
    const back = posting({ debit: one.credit, credit: one.debit, reverses: one.key })
    await post(one, back)
    const wrong = [
      { ...posting(), reverses: 'never posted' },
      posting({ debit: 'accrued:manual:bob', credit: one.debit, reverses: one.key, amount: 1n }),
      posting({ reverses: one.key }),
      posting({ reverses: back.key }),
      posting({ debit: one.credit, credit: one.debit, reverses: one.key, asset: TOKEN }),
    ]

    for (const posted of await post(...wrong)) expect(posted).to.have.property('outcome', 'refused')
  })

  it('a transaction that is undone leaves nothing, and its accounts are made again', async () => {
    const one = posting()
    const undone = db.begin(async (t) => {
      await postIn(t, [one], NOON)
      requirePosted([{ key: 'x', outcome: 'conflict' }])
    })

    expect((await rejectionOf(undone)).code).to.equal('LEDGER_CONFLICT')
    expect(await trialBalance(db)).to.deep.equal([])
    expect(words(await post(one))).to.deep.equal(['posted'])
  })

  it('a caller who wants all or nothing is told which posting was refused', () => {
    const outcomes: Outcome[] = [{ key: 'a', outcome: 'refused', why: 'limit' }]

    expect(codeOf(() => requirePosted(outcomes))).to.equal('LEDGER_REFUSED')
    expect(codeOf(() => requirePosted([{ key: 'a', outcome: 'duplicate' }]))).to.equal('no error')
  })

  it('more postings than a call takes are posted in several', async () => {
    const outcomes = await post(...Array.from({ length: 4_500 }, () => posting({ amount: 1n })))

    expect(outcomes).to.have.length(4_500)
    const { batches } = await db.one('select count(*)::int as batches from ledger_batch')
    expect(batches).to.equal(3)
  })

  it('four writers with the same keys in different orders post each key once', async () => {
    const many = Array.from({ length: 60 }, (_, index) =>
      posting({ credit: `accrued:manual:${index % 7}`, debit: `issuer:${index % 5}`, amount: 1n }),
    )
    const orders = [many, many.toReversed(), many.slice(20), many.slice(0, 40).toReversed()]

    const outcomes = (await Promise.all(orders.map((order) => post(...order)))).flat()

    expect(outcomes.filter(({ outcome }) => outcome === 'posted')).to.have.length(60)
    expect(outcomes.filter(({ outcome }) => outcome === 'duplicate')).to.have.length(140)
  })

  const INVALID: [what: string, Partial<Posting>][] = [
    ['nothing', { amount: 0n }],
    ['less than nothing', { amount: -1n }],
    ['more than 78 digits', { amount: 10n ** 78n }],
    ['from an account to itself', { debit: 'pool', credit: 'pool' }],
    ['without a key', { key: '' }],
    ['under a key with a line break', { key: 'a\nb' }],
    ['to an account with a blank', { credit: 'accrued:a b' }],
    ['in an asset of no CAIP-19 form', { asset: 'ETH' }],
    ['with a code in capitals', { code: 'Accrue' }],
    ['at no whole second', { effectiveAt: 1.5 }],
    ['with a reason as long as a document', { reason: { text: 'x'.repeat(5_000) } }],
  ]
  for (const [what, change] of INVALID) {
    it(`a posting ${what} is not valid`, async () => {
      const error = await rejectionOf(post(posting(), posting(change)))

      expect(error.code).to.equal('LEDGER_POSTING_INVALID')
      expect(await trialBalance(db)).to.deep.equal([])
    })
  }
})
