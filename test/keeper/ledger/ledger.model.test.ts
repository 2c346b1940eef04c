import { expect } from 'chai'
import fc from 'fast-check'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { openLedger } from '../../../keeper/ledger/ledger.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import { requirePosted } from '../../../keeper/ledger/posting.ts'
import type { Outcome, Posting } from '../../../keeper/ledger/posting.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { crashingDb } from '../../helpers/crashing-db.ts'
import { COIN, NOON, TOKEN, assertBooksBalance } from '../../helpers/ledger.ts'
import { testLog } from '../../helpers/logs.ts'
import { freshDb } from '../../helpers/store.ts'

const ACCOUNTS = ['expense:m', 'pool:m', 'accrued:m:a', 'accrued:m:b', 'owed:m:a', 'inflight:m']
const NEVER_NEGATIVE = /^(pool|accrued|owed|inflight)/
const KEYS = Array.from({ length: 12 }, (_, index) => `key ${index}`)

/** What the books should say, in the plainest way there is. */
class Model {
  readonly posted = new Map<string, Posting>()
  readonly reversed = new Map<string, bigint>()

  /** One posting by itself. */
  post(asked: Posting): Outcome['outcome'] {
    const known = this.posted.get(asked.key)
    if (known) return isSame(known, asked) ? 'duplicate' : 'conflict'
    if (!this.mayReverse(asked)) return 'refused'
    const floor = NEVER_NEGATIVE.test(asked.debit)
    if (floor && this.balance(asked.debit, asked.asset) < asked.amount) return 'refused'
    this.take(asked)
    return 'posted'
  }

  take(asked: Posting): void {
    this.posted.set(asked.key, asked)
    if (asked.reverses === undefined) return
    this.reversed.set(asked.reverses, (this.reversed.get(asked.reverses) ?? 0n) + asked.amount)
  }

  balance(account: string, asset: string): bigint {
    let sum = 0n
    for (const posting of this.posted.values()) {
      if (posting.asset !== asset) continue
      if (posting.debit === account) sum -= posting.amount
      if (posting.credit === account) sum += posting.amount
    }
    return sum
  }

  mayReverse({ reverses, debit, credit, asset, amount }: Posting): boolean {
    if (reverses === undefined) return true
    const original = this.posted.get(reverses)
    if (!original || original.reverses !== undefined || original.asset !== asset) return false
    if (original.debit !== credit || original.credit !== debit) return false
    return (this.reversed.get(reverses) ?? 0n) + amount <= original.amount
  }
}

function isSame(one: Posting, other: Posting): boolean {
  const { key, debit, credit, asset, amount, reverses } = one
  return (
    key === other.key &&
    debit === other.debit &&
    credit === other.credit &&
    asset === other.asset &&
    amount === other.amount &&
    reverses === other.reverses
  )
}

// Few keys, accounts and amounts: duplicates, conflicts, overdrafts and reversals of each other all happen.
const plain: fc.Arbitrary<Posting> = fc
  .record({
    key: fc.constantFrom(...KEYS),
    sides: fc.shuffledSubarray(ACCOUNTS, { minLength: 2, maxLength: 2 }),
    asset: fc.constantFrom(COIN, TOKEN),
    amount: fc.oneof(fc.bigInt(1n, 4n), fc.constant(10n ** 76n)),
  })
  .map(({ key, sides: [debit = '', credit = ''], asset, amount }) => ({
    key,
    debit,
    credit,
    asset,
    amount,
    code: 'test',
    effectiveAt: NOON,
  }))

const reversal = fc
  .tuple(plain, fc.constantFrom(...KEYS))
  .map(([posting, reverses]): Posting => ({ ...posting, reverses }))

/** Mostly the mirror of what another asks, so that some of them are right. */
const asked: fc.Arbitrary<Posting[]> = fc
  .array(fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: reversal }), {
    minLength: 1,
    maxLength: 25,
  })
  .map((postings) =>
    postings.map((posting) => {
      const original = postings.find(({ key }) => key === posting.reverses)
      if (!original) return posting
      const { debit, credit, asset } = original
      return { ...posting, debit: credit, credit: debit, asset }
    }),
  )

const RUNS = 150

let runs = 0

/** Runs share a database, each with assets and keys of its own. */
function apart(postings: readonly Posting[], run: number): Posting[] {
  return postings.map((posting) => ({
    ...posting,
    key: `${run}/${posting.key}`,
    asset: assetOf(posting.asset, run),
    ...(posting.reverses === undefined ? {} : { reverses: `${run}/${posting.reverses}` }),
  }))
}

function assetOf(asset: string, run: number): string {
  return asset.replace('eip155:31337', `eip155:${run}`)
}

describe('the ledger and a plain model', function () {
  this.timeout(300_000)

  let db: Db
  before(async () => {
    db = await freshDb()
  })
  after(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  async function withDb(test: (db: Db) => Promise<void>): Promise<void> {
    const db = await freshDb()
    try {
      await test(db)
      await assertBooksBalance(db)
    } finally {
      await db.close()
    }
  }

  async function expectSame(run: number, model: Model): Promise<void> {
    for (const asset of [assetOf(COIN, run), assetOf(TOKEN, run)]) {
      for (const account of ACCOUNTS) {
        const balance = await balanceOf(db, account, asset)
        expect(balance, `${account} ${asset}`).to.equal(model.balance(account, asset))
      }
    }
    const rows = await db.query<{ key: string }>(
      `select key from ledger_transfer where key like $1 order by key collate "C"`,
      [`${run}/%`],
    )
    expect(rows.map(({ key }) => key)).to.deep.equal([...model.posted.keys()].sort())
  }

  it('agree on every outcome and balance when postings come one by one', async () => {
    await fc.assert(
      fc.asyncProperty(asked, async (postings) => {
        const run = ++runs
        const model = new Model()
        for (const posting of apart(postings, run)) {
          const [result] = await postIn(db, [posting], NOON)
          expect(result?.outcome).to.equal(model.post(posting))
        }
        await expectSame(run, model)
      }),
      { numRuns: RUNS },
    )
  })

  it('agree on all balances when postings come together: limits hold for the sum of a call', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 4 }), async (calls) => {
        const run = ++runs
        const model = new Model()
        for (const call of calls) {
          const postings = apart(call, run)
          const outcomes = await postIn(db, postings, NOON)
          for (const [index, { outcome }] of outcomes.entries()) {
            const posting = postings[index] as Posting
            const known = model.posted.get(posting.key)
            if (outcome === 'posted') {
              expect(known).to.equal(undefined)
              expect(model.mayReverse(posting)).to.equal(true)
              model.take(posting)
            } else if (outcome !== 'refused') {
              expect(outcome).to.equal(known && isSame(known, posting) ? 'duplicate' : 'conflict')
            }
          }
        }
        await expectSame(run, model)
      }),
      { numRuns: RUNS },
    )
  })

  it('a process that dies before or after any await, and asks all again, posts each key once', async () => {
    await fc.assert(
      fc.asyncProperty(asked, fc.array(fc.nat(14), { maxLength: 4 }), async (all, deaths) => {
        const run = ++runs
        const postings = apart(all, run)
        const told = new Map<string, bigint>()
        for (const diesAt of [...deaths, Number.POSITIVE_INFINITY]) {
          const { db: dying } = crashingDb(db, diesAt)
          const ledger = openLedger({ db: dying, clock: testClock(NOON), log: testLog })
          // One by one and together: the second half is asked in one turn.
          const half = postings.length >> 1
          const hear = async (posting: Posting): Promise<void> => {
            const outcome = await ledger.post(posting).catch(() => undefined)
            if (outcome?.outcome === 'posted') told.set(posting.key, posting.amount)
          }
          for (const posting of postings.slice(0, half)) await hear(posting)
          await Promise.all(postings.slice(half).map(hear))
          await ledger.close()
        }
        // What somebody was told is in the books, and what is in the books was asked.
        const rows = await db.query<{ key: string; amount: string }>(
          'select key, amount from ledger_transfer where key like $1',
          [`${run}/%`],
        )
        const stored = new Map(rows.map(({ key, amount }) => [key, amount]))
        expect(stored.size).to.equal(rows.length)
        for (const [key, amount] of told) {
          expect(stored.get(key)).to.equal(amount.toString())
        }
        for (const { key, amount } of rows) {
          const isAsked = postings.some((each) => each.key === key && `${each.amount}` === amount)
          expect(isAsked).to.equal(true)
        }
      }),
      { numRuns: RUNS },
    )
  })

  it('a transaction that dies at any of its awaits posts all of it or nothing', async () => {
    const postings = KEYS.slice(0, 4).map((key): Posting => ({
      key,
      debit: 'expense:m',
      credit: 'accrued:m:a',
      asset: COIN,
      amount: 5n,
      code: 'test',
      effectiveAt: NOON,
    }))
    const run = (db: Db): Promise<void> =>
      db.begin(async (t) => {
        requirePosted(await postIn(t, postings.slice(0, 2), NOON))
        requirePosted(await postIn(t, postings.slice(2), NOON))
      })
    await withDb(async (db) => {
      const probe = crashingDb(db)
      await run(probe.db)
      expect(probe.steps()).to.be.greaterThan(9)
      for (let diesAt = 0; diesAt <= probe.steps(); diesAt += 1) {
        await withDb(async (fresh) => {
          await run(crashingDb(fresh, diesAt).db).catch(() => {})
          const balance = await balanceOf(fresh, 'accrued:m:a', COIN)
          expect([0n, 20n]).to.include(balance)
          await run(fresh)
          expect(await balanceOf(fresh, 'accrued:m:a', COIN)).to.equal(20n)
          await assertBooksBalance(fresh)
        })
      }
    })
  })
})
