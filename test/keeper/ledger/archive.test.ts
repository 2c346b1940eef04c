import { expect } from 'chai'
import { hash } from 'node:crypto'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { parseIso } from '../../../keeper/base/time.ts'
import { archiveMonth, restoreMonth } from '../../../keeper/ledger/archive.ts'
import { balanceOf } from '../../../keeper/ledger/balances.ts'
import { listMonths, makeMonthsAhead } from '../../../keeper/ledger/months.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Outcome, Posting } from '../../../keeper/ledger/posting.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { crashingDb } from '../../helpers/crashing-db.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { freshDb } from '../../helpers/store.ts'

const SEPTEMBER = 202609
const clock = testClock(parseIso('2026-12-24T12:00:00Z'))

describe('archiving the ledger', function () {
  this.timeout(60_000)
  let db: Db
  let dir: string
  let first: Posting
  beforeEach(async () => {
    db = await freshDb()
    dir = await mkdtemp(join(tmpdir(), 'muster-archive-'))
    first = posting({ key: 'a\u2028b\\ "c"', reason: { note: 'tab\t line\n \u2028' } })
    await post('2026-09-03', first, posting({ amount: 10n ** 77n }))
    await post('2026-09-30', posting({ credit: 'accrued:manual:bob' }), posting())
    await post('2026-11-05', posting(), posting({ credit: 'accrued:manual:carol' }))
    await post('2026-12-01', posting())
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
    await rm(dir, { recursive: true })
  })

  const post = (day: string, ...postings: Posting[]): Promise<Outcome[]> =>
    postIn(db, postings, parseIso(`${day}T12:00:00Z`))
  const archive = (month: number, of = db): Promise<unknown> =>
    archiveMonth({ db: of, clock, dir }, month)
  const rowsOf = async (): Promise<string> => {
    const rows = [
      await db.query('select * from ledger_transfer order by id'),
      await db.query('select * from ledger_entry order by account, seq'),
    ]
    return JSON.stringify(rows, (_key, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    )
  }

  it('an archived month is a file with its numbers and hash, and no longer in the database', async () => {
    await archive(SEPTEMBER)

    expect((await readdir(dir)).sort()).to.deep.equal([
      'ledger-202609.json',
      'ledger-202609.tsv.gz',
    ])
    const manifest = JSON.parse(await readFile(join(dir, 'ledger-202609.json'), 'utf8')) as object
    expect(manifest).to.include({ month: SEPTEMBER, transfers: '4', entries: '8', lastBatch: '2' })
    expect(await listMonths(db)).to.deep.equal([202611, 202612])
    await assertBooksBalance(db)
  })

  it('balances stay, and what was archived is still a duplicate', async () => {
    const before = await balanceOf(db, 'accrued:manual:alice', COIN)
    await archive(SEPTEMBER)

    expect(await balanceOf(db, 'accrued:manual:alice', COIN)).to.equal(before)
    const again = await post('2026-12-02', first, { ...first, amount: 1n }, posting())
    expect(again.map(({ outcome }) => outcome)).to.deep.equal(['duplicate', 'conflict', 'posted'])
  })

  it('a month comes back as it was', async () => {
    const before = await rowsOf()
    await archive(SEPTEMBER)
    await archive(202611)
    await restoreMonth(db, join(dir, 'ledger-202611.json'))
    await restoreMonth(db, join(dir, 'ledger-202609.json'))

    expect(await rowsOf()).to.equal(before)
    await archive(SEPTEMBER)
  })

  it('a month without a posting is archived, too', async () => {
    await db.query('select ledger_make_months($1, 0)', [parseIso('2026-10-01T00:00:00Z')])
    await archive(SEPTEMBER)
    await archive(202610)
    await archive(202611)
    await assertBooksBalance(db)
    for (const month of [202611, 202610, 202609]) {
      await restoreMonth(db, join(dir, `ledger-${month}.json`))
      await assertBooksBalance(db)
    }
  })

  it('making months ahead does not make an archived one again', async () => {
    await archive(SEPTEMBER)
    const made = await makeMonthsAhead(db, testClock(parseIso('2026-09-15T00:00:00Z')))

    expect(made).to.equal(1)
    expect(await listMonths(db)).to.deep.equal([202610, 202611, 202612])
  })

  for (const month of [202611, 202612, 202608]) {
    it(`${month} is not archived: it is not the oldest, or still open`, async () => {
      if (month === 202612) {
        await archive(SEPTEMBER)
        await archive(202611)
      }

      expect((await rejectionOf(archive(month))).code).to.equal('LEDGER_ARCHIVE_ORDER')
    })
  }

  it('only the newest archived month is restored', async () => {
    await archive(SEPTEMBER)
    await archive(202611)
    const restored = restoreMonth(db, join(dir, 'ledger-202609.json'))

    expect((await rejectionOf(restored)).code).to.equal('LEDGER_RESTORE_ORDER')
  })

  it('a file that was changed is not restored, though its manifest was made to fit', async () => {
    await archive(SEPTEMBER)
    const file = join(dir, 'ledger-202609.tsv.gz')
    const text = gunzipSync(await readFile(file))
      .toString()
      .replace('accrue', 'forged')
    await writeFile(file, gzipSync(text))
    const manifest = join(dir, 'ledger-202609.json')
    const restored = (): Promise<unknown> => restoreMonth(db, manifest)

    expect((await rejectionOf(restored())).code).to.equal('LEDGER_ARCHIVE_DAMAGED')
    const told = await readFile(manifest, 'utf8')
    const sha256 = hash('sha256', await readFile(file), 'hex')
    await writeFile(manifest, told.replace(/"sha256": "\w+"/, `"sha256": "${sha256}"`))
    expect((await rejectionOf(restored())).code).to.equal('LEDGER_ARCHIVE_DAMAGED')
    await rm(file)
    expect((await rejectionOf(restored())).code).to.equal('LEDGER_ARCHIVE_DAMAGED')
    await writeFile(manifest, '{}')
    expect((await rejectionOf(restored())).code).to.equal('LEDGER_ARCHIVE_DAMAGED')
  })

  it('rows that were tampered with before archiving are found, and stay in the database', async () => {
    await db.begin(async (t) => {
      await t.exec('set local session_replication_role = replica')
      await t.exec(
        "update ledger_transfer set code = 'forged' where id = (select min(id) from ledger_transfer)",
      )
    })

    expect((await rejectionOf(archive(SEPTEMBER))).code).to.equal('LEDGER_ARCHIVE_DAMAGED')
    expect(await listMonths(db)).to.include(SEPTEMBER)
    await db.begin(async (t) => {
      await t.exec('set local session_replication_role = replica')
      await t.exec("update ledger_transfer set code = 'accrue'")
    })
  })

  it('dying at any await of archiving or restoring loses nothing, and doing it again finishes it', async () => {
    const before = await rowsOf()
    const run = async (of: Db): Promise<void> => {
      const isThere = (await listMonths(of)).includes(SEPTEMBER)
      if (isThere) await archive(SEPTEMBER, of)
      await restoreMonth(of, join(dir, 'ledger-202609.json'))
    }
    const probe = crashingDb(db)
    await run(probe.db)
    for (let diesAt = 0; diesAt < probe.steps(); diesAt += 1) {
      await run(crashingDb(db, diesAt).db).catch(() => {})
      await assertBooksBalance(db)
      await run(db)
      expect(await rowsOf()).to.equal(before)
    }
  })
})
