import { expect } from 'chai'
import { parseIso } from '../../../keeper/base/time.ts'
import { listMonths, makeMonthsAhead } from '../../../keeper/ledger/months.ts'
import { postIn } from '../../../keeper/ledger/post.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { assertBooksBalance, posting } from '../../helpers/ledger.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the months of the ledger', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const postAt = (iso: string): Promise<unknown> => postIn(db, [posting()], parseIso(iso))
  const recorded = async (): Promise<number[]> => {
    const rows = await db.query<{ at: bigint }>(
      'select id >> 20 as at from ledger_transfer order by id',
    )
    return rows.map(({ at }) => Number(at))
  }

  it('this one and three more are made ahead, over the end of a year, and once', async () => {
    const clock = testClock(parseIso('2026-11-21T12:00:00Z'))

    expect(await makeMonthsAhead(db, clock)).to.equal(4)
    expect(await makeMonthsAhead(db, clock)).to.equal(0)
    expect(await listMonths(db)).to.deep.equal([202611, 202612, 202701, 202702])
  })

  it('posting makes its own when none was made ahead', async () => {
    await postAt('2026-02-28T23:59:59Z')
    await postAt('2026-03-01T00:00:00Z')

    expect(await listMonths(db)).to.deep.equal([202602, 202603])
    for (const month of await listMonths(db)) {
      const { n } = await db.one(`select count(*)::int as n from ledger_entry_${month}`)
      expect(n).to.equal(2)
    }
  })

  it('a clock that is set back does not turn back the books', async () => {
    await postAt('2026-03-01T00:00:10Z')
    await postAt('2026-02-01T00:00:00Z')
    await postAt('2026-03-01T00:00:11Z')

    const at = parseIso('2026-03-01T00:00:10Z')
    expect(await recorded()).to.deep.equal([at, at, at + 1])
  })

  const SEALED = ['ledger_transfer', 'ledger_entry', 'ledger_key', 'ledger_batch']
  const PARTS = ['ledger_transfer_202611', 'ledger_entry_202611', 'ledger_key_7']
  for (const table of [...SEALED, ...PARTS]) {
    const column = table.startsWith('ledger_batch') ? 'transfers' : 'transfer'
    const set = table.startsWith('ledger_transfer') ? "code = 'x'" : `${column} = 1`
    for (const change of [
      `update ${table} set ${set}`,
      `delete from ${table}`,
      `truncate ${table}`,
    ]) {
      it(`nothing is changed or removed: ${change}`, async () => {
        await postIn(
          db,
          Array.from({ length: 100 }, () => posting()),
          parseIso('2026-11-21T12:00:00Z'),
        )
        let message = ''
        await db.query(change).catch((error: unknown) => {
          message = (error as Error).message
        })

        expect(message).to.match(
          /the ledger only grows: (update|delete|truncate) of ledger_|permission denied/,
        )
      })
    }
  }
})
