import { expect } from 'chai'
import type { Db } from '../../../keeper/store/db.ts'
import { migrate, readMigrations } from '../../../keeper/store/migrate.ts'
import type { Migration } from '../../../keeper/store/migrate.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { freshDb } from '../../helpers/store.ts'

const clock = testClock(1_000)

function extra(sql: string): Migration {
  return { version: 9_000, name: '9000_extra.sql', sql, sha256: sql }
}

describe('migrations', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  it('S-09 a second start applies nothing', async () => {
    expect(await migrate(db, clock)).to.equal(0)
  })

  it('a new file is applied once, and with the others only', async () => {
    const known = [...readMigrations(), extra('create table extra (id int)')]
    expect(await migrate(db, clock, known)).to.equal(1)
    expect(await migrate(db, clock, known)).to.equal(0)
    await db.query('insert into extra values (1)')
  })

  it('S-09 one that fails in the middle leaves nothing behind', async () => {
    const known = [...readMigrations(), extra('create table extra (id int); select 1 / 0')]
    const failed = await migrate(db, clock, known).then(
      () => false,
      () => true,
    )
    expect(failed).to.equal(true)
    expect(await db.one(`select to_regclass('extra') as found`)).to.deep.equal({ found: null })
  })

  it('a newer database is refused', async () => {
    await migrate(db, clock, [...readMigrations(), extra('select 1')])
    const refusal = await rejectionOf(migrate(db, clock))
    expect(refusal.code).to.equal('STORE_NEWER')
    expect(refusal.exitCode).to.equal(78)
  })

  it('a migration that was edited after it had been applied is refused', async () => {
    const edited = readMigrations().map((row) => ({ ...row, sha256: 'other' }))
    expect((await rejectionOf(migrate(db, clock, edited))).code).to.equal('MIGRATION_CHANGED')
  })

  it('the first line of each file names the room that owns its tables', () => {
    for (const { name, sql } of readMigrations()) expect(sql, name).to.match(/^-- owner: [\w/]+\n/)
  })
})
