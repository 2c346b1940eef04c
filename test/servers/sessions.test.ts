import { expect } from 'chai'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { openMysql } from '../../keeper/programs/partners/intake/mysql.ts'
import type { Mysql } from '../../keeper/programs/partners/intake/mysql.ts'
import { openMysqlTables } from '../../keeper/programs/partners/intake/mysql-source.ts'
import { openPostgresTables } from '../../keeper/programs/partners/intake/postgres-source.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { createMariaDatabase } from '../helpers/mariadb.ts'
import type { MariaDatabase } from '../helpers/mariadb.ts'
import { SOURCE_SERVERS } from '../helpers/source-servers.ts'

const CA = process.env['MARIADB_CA']

describe('sessions with a real MariaDB', function () {
  this.timeout(30_000)
  let maria: MariaDatabase

  before(async () => {
    maria = await createMariaDatabase()
    await maria.sql.run('create table t (a bigint, s varchar(3), d decimal(20, 4))')
  })
  after(() => maria.drop())

  const open = (url: string, readOnly = false): Promise<Mysql> =>
    openMysql(url, { readOnly, what: 'the tests' })

  it('are encrypted when the URL asks for it, with a certificate that is checked', async () => {
    if (CA === undefined) throw new Error('needs MARIADB_CA: the file ca.pem beside the server')
    const url = new URL(maria.url)
    url.searchParams.set('ssl-ca', CA)
    const session = await open(url.href)
    const [cipher] = await session.query(`show session status like 'Ssl_cipher'`)
    expect(cipher?.['Value']).to.match(/^TLS_/)
    await session.close()
    // Signed by itself: without its own authority it is a stranger's.
    const refused = await rejectionOf(open(`${maria.url}?ssl=true`))
    expect(refused.code).to.equal('PARTNERS_DATABASE_REFUSED')
  })

  it('refuse a URL that asks for what they do not do', async () => {
    for (const wrong of ['?ssl=maybe', '?multipleStatements=true', '?ssl-ca=/no/such/file']) {
      const error = await rejectionOf(open(`${maria.url}${wrong}`))
      expect(error.code, wrong).to.equal('PARTNERS_DATABASE_URL')
    }
  })

  it('carry large whole numbers and decimals to the last digit, both ways', async () => {
    const values = ['9007199254740993', 'é😀', '1234567890123456.7891']
    await maria.sql.run('insert into t values (?, ?, ?)', values)
    expect(await maria.sql.query('select a, s, d from t')).to.deep.equal([
      { a: values[0], s: values[1], d: values[2] },
    ])
  })

  it('refuse what does not fit a column, instead of cutting it off', async () => {
    const error = await rejectionOf(maria.sql.run('insert into t (s) values (?)', ['four']))
    expect(error.code).to.equal('PARTNERS_DATABASE_REFUSED')
  })

  it('roll back what fails in the middle', async () => {
    const before = await maria.sql.query('select count(*) as n from t')
    await maria.sql
      .begin(async () => {
        await maria.sql.run('insert into t (a) values (1)')
        throw new Error('stopped')
      })
      .catch(() => {})
    expect(await maria.sql.query('select count(*) as n from t')).to.deep.equal(before)
  })

  it('a session that the server ends is away, not wrong', async () => {
    const session = await open(maria.url)
    const [{ id = '' } = {}] = await session.query('select connection_id() as id')
    await maria.sql.run(`kill ${id}`)
    const error = await rejectionOf(session.query('select 1'))
    expect(error.code).to.equal('PARTNERS_DATABASE_AWAY')
    await session.close()
  })

  it('a server that is silent is away after ten seconds', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const error = await rejectionOf(open(`mysql://a:b@127.0.0.1:${port}/c`))
    expect(error.code).to.equal('PARTNERS_DATABASE_AWAY')
    silent.close()
  })

  it('a wrong password is refused, whatever signs it has, and not told', async () => {
    const url = Object.assign(new URL(maria.url), { password: 'canary-50%-of-a-wrong-one' })
    const error = await rejectionOf(open(url.href))
    expect(error.code).to.equal('PARTNERS_DATABASE_REFUSED')
    expect(error.message).not.to.include('canary')
  })
})

for (const [name, open] of Object.entries(SOURCE_SERVERS)) {
  it(`a source in ${name} is read-only by its session, whatever the account may do`, async () => {
    const server = await open()
    await server.run('create table t (a int)')
    const openTables = server.kind === 'mysql' ? openMysqlTables : openPostgresTables
    const tables = await openTables(server.url)
    for (const sql of ['insert into t values (1)', 'delete from t', 'create table u (a int)']) {
      const error = await rejectionOf(tables.query(sql, []))
      expect(error.code, sql).to.equal('PARTNERS_DATABASE_REFUSED')
    }
    await tables.close()
    await server.drop()
  })
}
