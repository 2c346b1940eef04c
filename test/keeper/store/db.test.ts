import { expect } from 'chai'
import { toJson } from '../../../keeper/base/json.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the database', function () {
  this.timeout(60_000)
  let db: Db
  before(async () => {
    db = await freshDb()
    await db.exec('create table thing (id bigint primary key, amount numeric(78, 0), facts jsonb)')
  })
  after(() => db.close())

  it('int8 is a bigint, numeric a decimal string, int4 a number, jsonb parsed, arrays arrays', async () => {
    const largest = (2n ** 256n - 1n).toString()
    const row = await db.one(
      `select 7::int8 as small, $1::numeric as amount, 3 as count, $2::jsonb as facts, $3::text[] as words`,
      [largest, toJson({ wei: 5n, list: [1] }), ['0xaa', '0xbb']],
    )
    expect(row).to.deep.equal({
      small: 7n,
      amount: largest,
      count: 3,
      facts: { wei: '5', list: [1] },
      words: ['0xaa', '0xbb'],
    })
  })

  it('a bigint is a parameter for int8 and numeric', async () => {
    const insert = 'insert into thing values ($1, $2, $3::jsonb) returning id, amount'
    const row = await db.one(insert, [2n ** 60n, 2n ** 200n, '{}'])
    expect(row).to.deep.equal({ id: 2n ** 60n, amount: (2n ** 200n).toString() })
  })

  it('a transaction that fails leaves nothing, also when it is nested', async () => {
    const attempt = db.begin(async (t) => {
      await t.query('insert into thing values (1, 1)')
      await t.begin((inner) => inner.query('insert into thing values (2, 2)'))
      return t.one('select 1 where false')
    })
    expect((await rejectionOf(attempt)).code).to.equal('ROW_MISSING')
    expect(await db.query('select * from thing where id in (1, 2)')).to.deep.equal([])
  })

  it('one and maybeOne refuse a second row', async () => {
    const two = 'select generate_series(1, 2)'
    expect((await rejectionOf(db.one(two))).facts).to.deep.equal({ found: 2 })
    expect((await rejectionOf(db.maybeOne(two))).code).to.equal('ROW_MISSING')
    expect(await db.maybeOne('select 1 where false')).to.equal(undefined)
  })
})
