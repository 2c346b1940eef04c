import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { SpecialTable } from '../../keeper/base/settings-partners.ts'
import { openMysql } from '../../keeper/programs/partners/intake/mysql.ts'
import type { Mysql } from '../../keeper/programs/partners/intake/mysql.ts'
import { enqueueSpecial } from '../../keeper/programs/partners/special/outbox.ts'
import { readOpen } from '../../keeper/programs/partners/special/outbox-rows.ts'
import { sendSpecial } from '../../keeper/programs/partners/special/send.ts'
import type { Sent } from '../../keeper/programs/partners/special/send.ts'
import { openSpecial } from '../../keeper/programs/partners/special/target.ts'
import type { Db } from '../../keeper/store/db.ts'
import { testClock } from '../helpers/clock.ts'
import { testLog } from '../helpers/logs.ts'
import { createMariaDatabase } from '../helpers/mariadb.ts'
import type { MariaDatabase } from '../helpers/mariadb.ts'
import { freshDb } from '../helpers/store.ts'
import { tcpProxy } from '../helpers/tcp-proxy.ts'

const TABLE: SpecialTable = {
  table: 'cc_hourly',
  partner: 'partner_id',
  reward: 'cc_reward',
  time: 'time',
  timeAs: 'datetime',
}
// 2024-10-15 07:00 UTC.
const HOUR = 480_271
const COLUMNS =
  'partner_id varchar(64) not null, cc_reward decimal(65, 0) not null, time datetime not null'
const KEYED = `create table cc_hourly (${COLUMNS}, unique key (partner_id, time))`
const BARE = `create table cc_hourly (${COLUMNS})`

describe('the second database of special partners, a real MariaDB', function () {
  this.timeout(30_000)
  let maria: MariaDatabase
  let db: Db

  before(async () => {
    maria = await createMariaDatabase()
  })
  after(() => maria.drop())
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    await db.close()
    await maria.sql.run('drop table if exists cc_hourly')
  })

  async function enqueue(totals: Record<string, bigint>): Promise<void> {
    const shares = Object.entries(totals).map(([partner, total]) => ({ partner, total }))
    await enqueueSpecial(db, HOUR, shares, { special: new Set(Object.keys(totals)), now: 1 })
  }

  function send(url = maria.url, table = TABLE): Promise<Sent> {
    return sendSpecial({ db, clock: testClock(2), log: testLog }, openSpecial(url, table))
  }

  async function there(): Promise<string[]> {
    const rows = await maria.sql.query(
      `select partner_id, cast(time as char) as time, cast(cc_reward as char) as cc from cc_hourly
        order by binary partner_id, time`,
    )
    return rows.map(({ partner_id, time, cc }) => `${partner_id} ${time} ${cc}`)
  }

  const AT = '2024-10-15 07:00:00'
  const MANY = Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`p${at}`, BigInt(at)]))

  async function lastError(): Promise<string> {
    return (await readOpen(db, 0n, 1))[0]?.lastError ?? ''
  }

  for (const [name, sql] of [
    ['a unique key', KEYED],
    ['no key', BARE],
  ] as const) {
    it(`has each sum exactly, and once, in a table with ${name} (D-17)`, async () => {
      await maria.sql.run(sql)
      await enqueue({ ann: 10n ** 65n - 1n, Ünal: 0n, ...MANY })
      assert.deepEqual(await send(), { sent: 152, left: 0, isBusy: false })
      await db.query('update partner_outbox set sent_at = null')
      assert.deepEqual(await send(), { sent: 152, left: 0, isBusy: false })
      const rows = await there()
      assert.equal(rows.length, 152)
      assert.deepEqual(rows[0], `ann ${AT} ${'9'.repeat(65)}`)
      assert.deepEqual(rows.at(-1), `Ünal ${AT} 0`)
    })

    it(`two and three senders at once write each row once where there is ${name} (D-18)`, async () => {
      await maria.sql.run(sql)
      await enqueue(MANY)
      await Promise.all([send(), send(), send()])
      assert.equal((await there()).length, 150)
      assert.equal((await readOpen(db, 0n, 1)).length, 0)
    })
  }

  it('takes a corrected sum in the place of the first (D-18)', async () => {
    await maria.sql.run(KEYED)
    await enqueue({ ann: 5n, bob: 6n })
    await send()
    await enqueue({ ann: 4n })
    assert.deepEqual(await send(), { sent: 1, left: 0, isBusy: false })
    assert.deepEqual(await there(), [`ann ${AT} 4`, `bob ${AT} 6`])
  })

  it('has its own names, and hours in unix seconds or in a TIMESTAMP, if so set', async () => {
    await maria.sql.run('create table sums (who text, what decimal(65, 0), hour bigint)')
    await maria.sql.run('create table stamps (who text, what decimal(65, 0), hour timestamp)')
    const names = { partner: 'who', reward: 'what', time: 'hour' }
    await enqueue({ ann: 5n })
    await send(maria.url, { ...names, table: `${maria.name}.sums`, timeAs: 'unix' })
    await enqueue({ ann: 6n })
    await send(maria.url, { ...names, table: 'stamps', timeAs: 'datetime' })
    const [sum] = await maria.sql.query('select * from sums')
    assert.deepEqual(sum, { who: 'ann', what: '5', hour: '1728975600' })
    const [stamp] = await maria.sql.query('select unix_timestamp(hour) as hour from stamps')
    assert.deepEqual(stamp, { hour: '1728975600' })
  })

  it('ids that only its collation takes for one are two partners', async () => {
    await maria.sql.run(BARE)
    await enqueue({ ann: 5n, Ann: 6n })
    assert.equal((await send()).sent, 2)
    await enqueue({ ann: 7n, Ann: 8n })
    assert.equal((await send()).sent, 2)
    assert.deepEqual(await there(), [`Ann ${AT} 8`, `ann ${AT} 7`])
  })

  const WRONG: [string, string, bigint, RegExp][] = [
    ['more than 65 digits', KEYED, 10n ** 65n, /more than 65 digits/],
    ['more than the column', 'cc_reward decimal(5, 0)', 100_000n, /[Oo]ut of range/],
    ['what a DOUBLE would round', 'cc_reward double', 10n ** 30n + 1n, /is read again/],
    ['what has two rows already', BARE, 5n, /two rows/],
  ]
  for (const [name, sql, amount, fault] of WRONG) {
    it(`${name} is refused and said, never rounded, and the others go on (D-18)`, async () => {
      const isColumn = !sql.startsWith('create')
      await maria.sql.run(
        isColumn ? `create table cc_hourly (partner_id varchar(64), time datetime, ${sql})` : sql,
      )
      if (sql === BARE) {
        await maria.sql.run(`insert into cc_hourly values ('ann', 1, '${AT}'), ('ann', 2, '${AT}')`)
      }
      const before = await there()
      await enqueue({ ann: amount, bob: 6n })
      assert.deepEqual(await send(), { sent: 1, left: 1, isBusy: false })
      assert.match(await lastError(), fault)
      assert.deepEqual(await there(), [...before, `bob ${AT} 6`])
    })
  }

  for (const [when, isLost, isThere] of [
    ['before the commit arrives', 'server', false],
    ['after the commit, before its answer', 'client', true],
  ] as const) {
    it(`a connection that is cut ${when} loses nothing and doubles nothing (D-18)`, async () => {
      await maria.sql.run(BARE)
      await enqueue({ ann: 5n, bob: 6n })
      let isCommit = false
      const proxy = await tcpProxy(maria.url, (bytes, to) => {
        if (to === 'server') isCommit = bytes.includes('commit')
        return !(isCommit && to === isLost)
      })
      try {
        assert.deepEqual(await send(proxy.url), { sent: 0, left: 2, isBusy: false })
      } finally {
        await proxy.close()
      }
      assert.match(await lastError(), /^PARTNERS_DATABASE_AWAY/)
      assert.equal((await there()).length, isThere ? 2 : 0)
      assert.deepEqual(await send(), { sent: 2, left: 0, isBusy: false })
      assert.deepEqual(await there(), [`ann ${AT} 5`, `bob ${AT} 6`])
    })
  }

  it('a server that is down, a wrong password, a missing right: the rows wait (D-18)', async () => {
    await maria.sql.run(KEYED)
    await enqueue({ ann: 5n })
    const proxy = await tcpProxy(maria.url)
    proxy.cut()
    const wrong = new URL(maria.url)
    wrong.password = 'not-the-password'
    const urls = [proxy.url, wrong.href, await maria.account('select')]
    for (const url of urls) assert.deepEqual(await send(url), { sent: 0, left: 1, isBusy: false })
    assert.equal((await readOpen(db, 0n, 1))[0]?.attempts, 3)
    assert.doesNotMatch(await lastError(), /canary|not-the-password/)
    const enough = await maria.account('select, insert, update')
    assert.deepEqual(await send(enough), { sent: 1, left: 0, isBusy: false })
    assert.deepEqual(await there(), [`ann ${AT} 5`])
  })

  it("waits for somebody else's lock, and comes again when it waited too long (D-18)", async () => {
    await maria.sql.run(KEYED)
    await maria.sql.run(`insert into cc_hourly values ('ann', 1, '${AT}')`)
    await enqueue({ ann: 5n })
    const other = await openMysql(maria.url, { readOnly: false, what: 'somebody else' })
    try {
      await other.begin(async () => {
        await other.query('select * from cc_hourly for update')
        const sending = send()
        await endWaiting(maria.sql)
        assert.deepEqual(await sending, { sent: 0, left: 1, isBusy: false })
      })
      assert.match(await lastError(), /^PARTNERS_DATABASE_AWAY/)
      assert.deepEqual(await send(), { sent: 1, left: 0, isBusy: false })
      assert.deepEqual(await there(), [`ann ${AT} 5`])
    } finally {
      await other.close()
    }
  })

  it('a table that is full and knows no transactions has each row once when it is larger (D-18)', async () => {
    await maria.sql.run('set session max_heap_table_size = 16384')
    await maria.sql.run(`${BARE} engine = memory`)
    await enqueue(MANY)
    const { sent, left } = await send()
    assert.ok(sent > 0 && left > 0 && sent + left === 150, `${sent} sent, ${left} left`)
    assert.match(await lastError(), /full/)
    await maria.sql.run('alter table cc_hourly engine = innodb')
    assert.deepEqual(await send(), { sent: left, left: 0, isBusy: false })
    assert.equal((await there()).length, 150)
  })
})

/** What the server does itself when a lock lasts too long, ten seconds sooner. */
async function endWaiting(sql: Mysql): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const [waiting] = await sql.query(
      `select id from information_schema.processlist
        where info like '%for update' and id <> connection_id() and db = database()`,
    )
    if (waiting) {
      await sql.run(`kill query ${waiting['id']}`)
      return
    }
    await delay(50)
  }
  throw new Error('nobody waits')
}
