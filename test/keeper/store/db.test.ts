import { expect } from 'chai'
import { KeeperError } from '../../../keeper/base/errors.ts'
import { toJson } from '../../../keeper/base/json.ts'
import { systemClock } from '../../../keeper/base/time.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { openPgliteInMemory } from '../../../keeper/store/pglite.ts'
import { openPostgres } from '../../../keeper/store/postgres.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { freshDb, ON_POSTGRES, createSchema } from '../../helpers/store.ts'
import { tcpProxy } from '../../helpers/tcp-proxy.ts'
import type { TcpProxy } from '../../helpers/tcp-proxy.ts'

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

describe('the statements of the embedded store', function () {
  this.timeout(60_000)

  it('are planned again after a transaction that changed a table and failed', async () => {
    const { db } = await openPgliteInMemory()
    await db.exec('create table a (id int8)')
    const all = (t: Db): Promise<object[]> => t.query('select * from a')
    expect(await all(db)).to.deep.equal([])
    const failing = db.begin(async (t) => {
      await t.exec('alter table a add column b text')
      await all(t)
      throw new KeeperError('STOPPED', {})
    })
    expect((await rejectionOf(failing)).code).to.equal('STOPPED')
    await db.query('insert into a values ($1)', [1n])
    expect(await all(db)).to.deep.equal([{ id: 1n }])
    await db.close()
  })
})

if (ON_POSTGRES) {
  describe('a PostgreSQL server that goes away', function () {
    this.timeout(60_000)
    let proxy: TcpProxy
    let schema: string
    let db: Db

    beforeEach(async () => {
      let url: string
      ;({ url, schema } = await createSchema())
      proxy = await tcpProxy(url)
      db = await openPostgres(proxy.url, schema)
    })
    afterEach(async () => {
      await db.exec(`drop schema ${schema} cascade`)
      await db.close()
      await proxy.close()
    })

    const codeOf = async (asked: Promise<unknown>): Promise<string> =>
      (await rejectionOf(asked)).code

    it('S-11 is told as a store that may be back, for a statement, a commit and a new connection', async () => {
      const slow = codeOf(db.query('select pg_sleep(30)'))
      await systemClock.sleep(100)
      proxy.cut()
      expect(await slow).to.equal('STORE_UNAVAILABLE')
      expect(await codeOf(db.query('select 1'))).to.equal('STORE_UNAVAILABLE')
      expect(await codeOf(db.begin(async () => 1))).to.equal('STORE_UNAVAILABLE')
      await proxy.restore()
      const commit = db.begin(async (t) => {
        await t.query('select 1')
        proxy.cut()
      })
      expect(await codeOf(commit)).to.equal('STORE_UNAVAILABLE')
      await proxy.restore()
      expect(await db.one('select 1 as one')).to.deep.equal({ one: 1 })
    })

    it('what it refuses is told as it says it', async () => {
      const refused = await db.query('select * from nowhere').catch((error: unknown) => error)
      expect(refused).to.include({ code: '42P01' })
    })
  })
}
