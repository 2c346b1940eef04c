import { expect } from 'chai'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { importCsv } from '../../keeper/programs/partners/intake/csv.ts'
import { openSource, pull } from '../../keeper/programs/partners/intake/pull.ts'
import type { PullOptions, Pulled } from '../../keeper/programs/partners/intake/pull.ts'
import {
  DEFAULT_ROWS_PER_PAGE,
  parseSource,
} from '../../keeper/programs/partners/intake/source-file.ts'
import { runPartners } from '../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../keeper/store/db.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { INTAKE_NOW, countOf, testIntake } from '../helpers/partner-intake.ts'
import type { TestIntake } from '../helpers/partner-intake.ts'
import { partnersRoom } from '../helpers/partners-room.ts'
import { SOURCE_SERVERS, insertRows } from '../helpers/source-servers.ts'
import type { SourceServer } from '../helpers/source-servers.ts'
import { freshDb } from '../helpers/store.ts'
import { tcpProxy } from '../helpers/tcp-proxy.ts'

const FILE = join(import.meta.dirname, '../../data/votes_a.csv.gz')
// After the last of them.
const AFTER_ALL = 1_732_000_000
const VOTES = {
  key: ['voter', 'created_ms', 'item'],
  partner: 'voter',
  cc: { value: '1' },
  type: 'vote',
  at: { column: 'created_ms', unit: 'ms' },
}
const OTHER_VOTES = { ...VOTES, key: ['k'], partner: 'p', cc: 'cc', type: { value: 'up' } }

async function realRows(): Promise<string[][]> {
  const lines = createInterface({ input: createReadStream(FILE).pipe(createGunzip()) })
  const rows: string[][] = []
  for await (const line of lines) rows.push(line.split(','))
  return rows.slice(1)
}

/** From the file, as the same votes must look from every database. */
let reference: Promise<object[][]> | undefined

async function distributed(takeIn: (db: Db) => Promise<void>, given?: Db): Promise<object[][]> {
  const db = given ?? (await freshDb())
  await takeIn(db)
  await runPartners(partnersRoom(db), { hour: 480_290, day: '2024-10-15' })
  const all = await Promise.all(
    [
      'select key, partner, cc, type, at from partner_vote order by key',
      'select * from partner_hour_share order by hour, position',
      'select * from partner_day_share order by position',
      'select name, asset, balance from ledger_account order by name',
    ].map((sql) => db.query(sql)),
  )
  if (given === undefined) await db.close()
  for (const rows of all) expect(rows).not.to.deep.equal([])
  return all
}

for (const [name, open] of Object.entries(SOURCE_SERVERS)) {
  describe(`partners’ votes in a real ${name}`, function () {
    this.timeout(60_000)
    let server: SourceServer
    let db: Db
    let room: TestIntake

    before(async () => {
      server = await open()
      await server.run(
        'create table votes_a (voter varchar(64), created_ms bigint, item varchar(64), vote varchar(8))',
      )
      await server.run('create index votes_a_at on votes_a (created_ms)')
      await insertRows(server, 'votes_a', await realRows())
    })
    after(() => server.drop())
    beforeEach(async () => {
      db = await freshDb()
      room = testIntake(db)
    })
    afterEach(async () => {
      await db.close()
      await server.run('drop table if exists t')
    })

    async function pullFrom(
      tables: object,
      options: PullOptions & { url?: string; rowsPerPage?: number } = {},
    ): Promise<Pulled> {
      const { url = server.url, rowsPerPage = DEFAULT_ROWS_PER_PAGE, ...rest } = options
      const given = { name: 'db', kind: server.kind, rowsPerPage, ...tables }
      const source = await openSource(parseSource(JSON.stringify(given), 'test'), url)
      try {
        return await pull(room, source, rest)
      } finally {
        await source.close()
      }
    }

    const pullReal = (options = {}): Promise<Pulled> => {
      room.clock.set(AFTER_ALL)
      return pullFrom({ votes: { table: 'votes_a', columns: VOTES } }, options)
    }

    const votesIn = (store: Db): Promise<object[]> =>
      store.query('select key, partner, cc, type, at from partner_vote order by key')

    it('D-01 D-10 the real votes, read by an account that may only read, are those of the file, and share the pools alike', async () => {
      const url = await server.reader()
      const { vote } = await pullReal({ url })
      expect(vote).to.include({ rows: 42_174, fresh: 42_174, known: 0, conflicts: 0 })

      reference ??= distributed(async (store) => {
        const at = { column: 'created_ms', unit: 'ms' as const }
        const map = { votes: { columns: { ...VOTES, at } } }
        const given = { kind: 'votes', file: FILE, source: 'db', map } as const
        await importCsv({ ...testIntake(store), clock: room.clock }, given)
      })
      expect(await distributed(async () => {}, db)).to.deep.equal(await reference)
    })

    it('a pull that is stopped after some pages goes on where it was, and a further one changes nothing', async () => {
      const stop = new AbortController()
      const first = await pullReal({
        signal: stop.signal,
        onProgress: (_kind: string, rows: number) => rows >= 3_000 && stop.abort(),
      }).catch((error: Error) => error.name)
      expect(first).to.equal('AbortError')
      const landed = await countOf(db, 'partner_vote')
      expect(landed).to.be.within(3_000, 4_000)
      const second = await pullReal()
      expect(second.vote).to.include({ fresh: 42_174 - landed, conflicts: 0 })
      const before = await votesIn(db)
      const third = await pullReal()
      expect(third.vote).to.include({ fresh: 0, conflicts: 0 })
      expect(third.vote?.rows).to.be.lessThan(1_000)
      expect(await votesIn(db)).to.deep.equal(before)
    })

    it('a server that goes away in the middle is an error that may be tried again, and loses nothing', async () => {
      let bytes = 0
      const half = 1_000_000
      const proxy = await tcpProxy(server.url, (data, to) => {
        if (to === 'client') bytes += data.length
        return bytes < half
      })
      const error = await rejectionOf(pullReal({ url: proxy.url }))
      expect(error.code).to.equal('PARTNERS_DATABASE_AWAY')
      expect(error.row.retry).to.equal(true)
      const landed = await countOf(db, 'partner_vote')
      expect(landed).to.be.greaterThan(0).and.lessThan(42_174)
      proxy.cut()
      const refused = await rejectionOf(pullReal({ url: proxy.url }))
      expect(refused.code).to.equal('PARTNERS_DATABASE_AWAY')
      await pullReal()
      expect(await countOf(db, 'partner_vote')).to.equal(42_174)
    })

    it('takes in a thousand votes of one instant in pages of a hundred, also keys that a collation holds for alike', async () => {
      await server.run('create table t (k varchar(40), p varchar(20), cc int, created_ms bigint)')
      const at = (INTAKE_NOW - 60) * 1_000
      const keys = Array.from({ length: 1_000 }, (_, i) => `${i % 2 ? 'Vote' : 'vote'}-${i >> 1}`)
      keys.push('trail', 'trail ', 'é', 'e')
      await insertRows(server, 't', [
        ['before', 'p', 1, at - 1_000],
        ...keys.map((key) => [key, 'p', 1, at]),
        ['after', 'p', 1, at + 1_000],
      ])
      const tables = { votes: { table: 't', columns: OTHER_VOTES } }
      const { vote } = await pullFrom(tables, { rowsPerPage: 100 })
      expect(vote).to.include({ rows: 1_006, fresh: 1_006, conflicts: 0 })
    })

    it('a vote that its table got late is found within the overlap, and an older one by --since', async () => {
      await server.run('create table t (k varchar(40), p varchar(20), cc int, created_ms bigint)')
      const insert = (key: string, age: number): Promise<void> =>
        insertRows(server, 't', [[key, 'p', 1, (INTAKE_NOW - age) * 1_000]])
      const tables = { votes: { table: 't', columns: OTHER_VOTES }, overlapSeconds: 600 }
      await insert('a', 60)
      await pullFrom(tables)
      await insert('b', 600)
      expect((await pullFrom(tables)).vote).to.include({ rows: 2, fresh: 1 })
      await insert('c', 5_000)
      expect((await pullFrom(tables)).vote).to.include({ rows: 2, fresh: 0 })
      // Later than the watermark: what lies between is not left out.
      await insert('d', 30)
      const later = await pullFrom(tables, { since: INTAKE_NOW - 10 })
      expect(later.vote).to.include({ rows: 3, fresh: 1 })
      const again = await pullFrom(tables, { since: INTAKE_NOW - 6_000 })
      expect(again.vote).to.include({ rows: 4, fresh: 1 })
    })

    it('rows that are wrong are set aside with their fault, and the others land', async () => {
      await server.run(
        'create table t (k varchar(40), p varchar(80), cc decimal(20, 4), created_ms bigint)',
      )
      const at = (INTAKE_NOW - 60) * 1_000
      await insertRows(server, 't', [
        ['good', 'p', '12.0000', at],
        ['half', 'p', '1.5', at],
        ['negative', 'p', '-1', at],
        ['emoji', 'p😀', '1', at],
        ['nobody', null, '1', at],
        ['blank', 'a b', '1', at],
        ['ahead', 'p', '1', at + 3_600_000],
        [null, 'p', '1', at],
        ['last', 'p', '9007199254740993', at],
        ['good too', 'p', '1000000000', at + 1],
      ])
      const { vote } = await pullFrom({ votes: { table: 't', columns: OTHER_VOTES } })
      expect(vote).to.include({ rows: 10, fresh: 2, conflicts: 8 })
      const landed = await db.query('select key, cc from partner_vote order by key')
      expect(landed).to.deep.equal([
        { key: 'good', cc: 12n },
        { key: 'good too', cc: 1_000_000_000n },
      ])
      const aside = await db.query<{ key: string; asked: { fault: string } }>(
        'select key, asked from partner_conflict order by key',
      )
      expect(aside.map(({ key }) => key)).to.deep.equal(
        ['', 'ahead', 'blank', 'emoji', 'half', 'last', 'negative', 'nobody'].toSorted(),
      )
      expect(aside.find(({ key }) => key === 'emoji')?.asked).to.have.nested.property(
        'row.p',
        'p😀',
      )
      expect(room.notices.map(({ kind }) => kind)).to.deep.equal(['partners-conflict'])
      // A row that is dated ahead does not hide those that come until then.
      const mark = await db.one<{ at: bigint }>('select at from partner_watermark')
      expect(Number(mark.at)).to.equal(INTAKE_NOW)
    })

    it('rates, coefficients and partners come exact to the last digit, and before the votes', async () => {
      await server.run('create table t (d timestamp null, rate decimal(38, 20))')
      await insertRows(server, 't', [['2024-10-15 06:00:00', '1.00000000000000000199']])
      await server.run('drop table if exists e')
      await server.run('create table e (p varchar(20), d date, ecc double precision)')
      await insertRows(server, 'e', [
        ['a', '2024-10-15', '2.11e-16'],
        ['b', '2024-10-15', '0.30000000000000004'],
        ['a', '2024-10-15', '1e-16'],
      ])
      await server.run('drop table if exists s')
      await server.run('create table s (p varchar(20), special boolean)')
      await server.run("insert into s values ('a', true), ('b', false)")
      const pulled = await pullFrom({
        rates: {
          table: 't',
          columns: {
            from: { column: 'd', unit: 'datetime' },
            unitsPerCc: { column: 'rate', decimals: 18 },
          },
        },
        ecc: { table: 'e', columns: { partner: 'p', day: 'd', ecc: 'ecc' } },
        partners: { table: 's', columns: { partner: 'p', special: 'special' } },
      })
      expect(Object.keys(pulled)).to.deep.equal(['partner', 'rate', 'ecc'])
      expect(await db.query('select from_at, units_per_cc from partner_rate')).to.deep.equal([
        { from_at: 1_728_972_000n, units_per_cc: '1000000000000000001' },
      ])
      const ecc = await db.query('select partner, day, ecc from partner_ecc order by partner')
      expect(ecc).to.deep.equal([
        { partner: 'a', day: '2024-10-15', ecc: '211' },
        { partner: 'b', day: '2024-10-15', ecc: '300000000000000040' },
      ])
      expect(await db.query('select id, is_special from partner order by id')).to.deep.equal([
        { id: 'a', is_special: true },
        { id: 'b', is_special: false },
      ])
      const second = await pullFrom(
        {
          partners: { table: 's', columns: { partner: 'p', special: 'special' } },
        },
        { rowsPerPage: 1 },
      )
      expect(second.partner).to.include({ rows: 2, known: 2 })
    })

    it('times of every type are the same instant, whatever the zone of the server', async () => {
      const instant = server.kind === 'mysql' ? 'timestamp(6) null' : 'timestamptz'
      const plain = server.kind === 'mysql' ? 'datetime(6)' : 'timestamp'
      await server.run(
        `create table t (k varchar(40), p varchar(20), cc int, s bigint, ms bigint, iso varchar(40),
                         instant ${instant}, plain ${plain}, local ${plain}, d date)`,
      )
      if (server.kind === 'mysql') await server.run("set session time_zone = '+00:00'")
      else await server.run("set timezone = 'UTC'")
      const row = ['k', 'p', 1, 1_728_975_600, 1_728_975_600_999, '2024-10-15T09:00:00+02:00']
      const times = ['2024-10-15 07:00:00.5', '2024-10-15 07:00:00.999999', '2024-10-15 09:00:00']
      await insertRows(server, 't', [[...row, ...times, '2024-10-15']])
      const url = await server.reader()
      room.clock.advance(86_400)
      for (const at of [
        { column: 's', unit: 's' },
        { column: 'ms', unit: 'ms' },
        { column: 'iso', unit: 'iso' },
        { column: 'instant', unit: 'datetime' },
        { column: 'plain', unit: 'datetime' },
        { column: 'local', unit: 'datetime', offset: '+02:00' },
        { column: 'd', unit: 'day' },
        { column: 'd', unit: 'datetime' },
      ]) {
        await db.exec('delete from partner_vote; delete from partner_watermark')
        const columns = { ...OTHER_VOTES, at }
        await pullFrom({ votes: { table: 't', columns } }, { url })
        const { at: seen } = await db.one<{ at: bigint }>('select at from partner_vote')
        const wanted =
          at.column !== 'd' ? 1_728_975_600n : at.unit === 'day' ? 1_728_993_600n : 1_728_950_400n
        expect(seen, JSON.stringify(at)).to.equal(wanted)
        // Once more from the watermark: the values of each type are compared as what they are.
        const again = await pullFrom({ votes: { table: 't', columns }, overlapSeconds: 0 }, { url })
        expect(again.vote, JSON.stringify(at)).to.include({ rows: 1, known: 1 })
      }
    })

    it('refuses a description that does not fit the tables, with every fault by its path', async () => {
      await server.run(
        'create table t (k varchar(40), p varchar(20), cc double precision, at varchar(20), rate real)',
      )
      const error = await rejectionOf(
        pullFrom({
          votes: { table: 't', columns: { ...OTHER_VOTES, at: { column: 'at', unit: 'ms' } } },
          rates: {
            table: 't',
            columns: { from: { column: 'at', unit: 'iso' }, unitsPerCc: 'rate' },
          },
          partners: { table: 'nowhere', columns: { partner: 'p', special: { value: '0' } } },
          ecc: { table: 't', columns: { partner: 'p', day: 'no_column', ecc: 'cc' } },
        }),
      )
      expect(error.code).to.equal('PARTNERS_SOURCE_INVALID')
      const faults = error.facts['faults'] as string[]
      expect(faults.map((fault) => fault.split(':')[0])).to.have.members([
        'partners',
        'rates.columns.unitsPerCc',
        'ecc',
        'votes.columns.at',
        'votes.columns.cc',
      ])
    })

    it('keys of bytes are told apart, and a bit is a flag', async () => {
      const isMysql = server.kind === 'mysql'
      await server.run(
        `create table t (k ${isMysql ? 'varbinary(4)' : 'bytea'}, p varchar(9), at bigint, special ${isMysql ? 'bit(1)' : 'boolean'})`,
      )
      const bytes = (hex: string): string => (isMysql ? `x'${hex}'` : `'\\x${hex}'`)
      const yes = isMysql ? `b'1'` : 'true'
      for (const key of ['ff00', 'ff01', 'fe00'])
        await server.run(`insert into t values (${bytes(key)}, 'p', ${INTAKE_NOW - 60}, ${yes})`)
      const at = { column: 'at', unit: 's' }
      const columns = { ...OTHER_VOTES, cc: { value: '1' }, at }
      const partners = { table: 't', columns: { partner: 'p', special: 'special' } }
      const pulled = await pullFrom(
        { votes: { table: 't', columns }, partners },
        { rowsPerPage: 2 },
      )
      expect(pulled.vote).to.include({ rows: 3, fresh: 3, conflicts: 0 })
      const keys = await db.query('select key from partner_vote order by key')
      expect(keys).to.deep.equal([{ key: 'fe00' }, { key: 'ff00' }, { key: 'ff01' }])
      expect(await db.query('select is_special from partner')).to.deep.equal([{ is_special: true }])
    })

    it('names with spaces, capitals and keywords are read as they are', async () => {
      const quote = server.kind === 'mysql' ? '`' : '"'
      const q = (word: string): string => `${quote}${word}${quote}`
      await server.run(
        `create table ${q('Order By')} (${q('select')} varchar(9), ${q('Two words; --')} varchar(9), ${q('At')} bigint)`,
      )
      await insertRows(server, q('Order By'), [['k', 'p', INTAKE_NOW - 60]])
      const columns = {
        key: ['select'],
        partner: 'Two words; --',
        cc: { value: '1' },
        type: { value: '' },
        at: { column: 'At', unit: 's' },
      }
      const { vote } = await pullFrom({ votes: { table: 'Order By', columns } })
      expect(vote).to.include({ fresh: 1 })
    })

    it('nothing of the URL is told by an error', async () => {
      const url = new URL(await server.reader())
      url.port = '1'
      const error = await rejectionOf(pullReal({ url: url.href }))
      expect(error.code).to.equal('PARTNERS_DATABASE_AWAY')
      expect(JSON.stringify(error.facts) + error.message).not.to.include(url.password)
    })
  })
}
