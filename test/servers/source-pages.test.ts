import { expect } from 'chai'
import { openSource, pull } from '../../keeper/programs/partners/intake/pull.ts'
import type { Pulled } from '../../keeper/programs/partners/intake/pull.ts'
import { parseSource } from '../../keeper/programs/partners/intake/source-file.ts'
import { isoTime } from '../../keeper/base/time.ts'
import type { Db } from '../../keeper/store/db.ts'
import { INTAKE_NOW, testIntake } from '../helpers/partner-intake.ts'
import type { TestIntake } from '../helpers/partner-intake.ts'
import { SOURCE_SERVERS } from '../helpers/source-servers.ts'
import type { SourceServer } from '../helpers/source-servers.ts'
import { freshDb } from '../helpers/store.ts'

const AT = INTAKE_NOW - 600
const VOTES = { key: ['k'], partner: 'p', cc: 'cc', type: { value: 'up' } }

for (const [name, open] of Object.entries(SOURCE_SERVERS)) {
  describe(`pages of a real ${name}`, function () {
    this.timeout(60_000)
    let server: SourceServer
    let db: Db
    let room: TestIntake

    beforeEach(async () => {
      server = await open()
      db = await freshDb()
      room = testIntake(db)
    })
    afterEach(async () => {
      await db.close()
      await server.drop()
    })

    async function pullFrom(tables: object): Promise<Pulled> {
      const given = { name: 'db', kind: server.kind, rowsPerPage: 2, ...tables }
      const source = await openSource(parseSource(JSON.stringify(given), 'test'), server.url)
      try {
        return await pull(room, source)
      } finally {
        await source.close()
      }
    }

    it('D-11 of a partner’s many coefficients of a day the largest counts, wherever a page ends', async () => {
      await server.run('create table t (p varchar(9), d varchar(10), e varchar(9))')
      const day = isoTime(AT).slice(0, 10)
      const rows = ['a 1', 'b 1', 'b 7', 'b 9', 'b 3', 'c 1'].map((row) => row.split(' '))
      const values = rows.map(([partner, ecc]) => `('${partner}', '${day}', '${ecc}')`)
      await server.run(`insert into t values ${values.join(', ')}`)
      const pulled = await pullFrom({
        ecc: { table: 't', columns: { partner: 'p', day: 'd', ecc: 'e' } },
      })
      expect(pulled.ecc?.rows).to.equal(rows.length)
      const known = await db.query(
        'select partner, (ecc / 10::numeric ^ 18)::int as ecc from partner_ecc order by partner',
      )
      expect(known).to.deep.equal([
        { partner: 'a', ecc: 1 },
        { partner: 'b', ecc: 9 },
        { partner: 'c', ecc: 1 },
      ])
    })

    it('two contents under one key are a conflict, also when a page ends between them', async () => {
      await server.run('create table t (k varchar(9), p varchar(9), cc int, at bigint)')
      const rows = ['1 a 1', '2 b 1', '2 b 5', '3 c 1'].map((row) => row.split(' '))
      const values = rows.map(([key, partner, cc]) => `('${key}', '${partner}', ${cc}, ${AT})`)
      await server.run(`insert into t values ${values.join(', ')}`)
      const columns = { ...VOTES, at: { column: 'at', unit: 's' } }
      const { vote } = await pullFrom({ votes: { table: 't', columns } })
      expect(vote).to.include({ rows: 4, fresh: 3, conflicts: 1 })
    })

    it('a cell without end is a fault of its row, comes in part, and keeps no other row back', async () => {
      await server.run('create table t (k text, p varchar(9), cc int, at bigint)')
      const columns = { ...VOTES, at: { column: 'at', unit: 's' } }
      const values = ["repeat('x', 60000)", "'1'", "'2'", "concat(repeat('x', 60000), 'y')"]
      await server.run(
        `insert into t values ${values.map((key) => `(${key}, 'a', 1, ${AT})`).join(', ')}`,
      )
      const { vote } = await pullFrom({ votes: { table: 't', columns } })
      expect(vote).to.include({ fresh: 2 })
      const { asked } = await db.one<{ asked: number }>(
        'select max(length(asked::text)) as asked from partner_conflict',
      )
      expect(asked).to.be.within(1_000, 2_000)
    })

    it('D-01 votes whose times are texts of another offset are read by the next pull, too', async () => {
      await server.run('create table t (k varchar(9), p varchar(9), cc int, at varchar(40))')
      const columns = { ...VOTES, at: { column: 'at', unit: 'iso' } }
      const behind = (at: number): string => isoTime(at - 5 * 3_600).replace('Z', '-05:00')
      for (const [key, at] of [
        ['1', behind(AT)],
        ['2', behind(AT + 60)],
        ['3', isoTime(AT + 120).replace('T', ' ')],
      ]) {
        await server.run(`insert into t values ('${key}', 'p', 1, '${at}')`)
        expect((await pullFrom({ votes: { table: 't', columns } })).vote?.fresh).to.equal(1)
      }
    })

    it('a row that is wrong stops no other, wherever its text is cut', async () => {
      await server.run('create table t (k varchar(400), p varchar(9), cc varchar(90), at bigint)')
      const wide = '\u{1F600}'.repeat(80)
      const rows = [
        ['1', '1'],
        ['2', `x${wide.slice(0, 80)}`],
        [`x${wide}${wide}`, '1'],
        ['4', '1'],
      ]
      const values = rows.map(([key, cc], at) => `('${key}', 'p', '${cc}', ${AT + at})`)
      await server.run(`insert into t values ${values.join(', ')}`)
      const columns = { ...VOTES, at: { column: 'at', unit: 's' } }
      const { vote } = await pullFrom({ votes: { table: 't', columns } })
      expect(vote).to.include({ rows: 4, fresh: 2, conflicts: 2 })
    })
  })
}
