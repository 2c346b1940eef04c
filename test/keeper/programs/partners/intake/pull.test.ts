import { expect } from 'chai'
import { openSource, pull } from '../../../../../keeper/programs/partners/intake/pull.ts'
import { parseSource } from '../../../../../keeper/programs/partners/intake/source-file.ts'
import type { Source, SourceRow } from '../../../../../keeper/programs/partners/intake/source.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'
import { INTAKE_NOW, countOf, testIntake, voteOf } from '../../../../helpers/partner-intake.ts'
import type { TestIntake } from '../../../../helpers/partner-intake.ts'
import { freshDb } from '../../../../helpers/store.ts'

type VoteRows = SourceRow<'vote'>[]

/** A vote of that age, as a source has it. */
function rowOf(key: string, age: number): SourceRow<'vote'> {
  const at = INTAKE_NOW - age
  return { read: { value: voteOf(key, { at }) }, key, cells: { key }, at }
}

/** Pages as they stand; `asked` are the instants from which it was read. */
function sourceOf(pages: VoteRows[], asked: number[] = []): Source {
  return {
    name: 'db',
    overlapSeconds: 600,
    kinds: ['vote'],
    close: async () => {},
    async *pages(_kind, since) {
      asked.push(since)
      for (const page of pages) yield page as never
    },
  }
}

describe('partners: pulling from a source', () => {
  let db: Db
  let room: TestIntake

  beforeEach(async () => {
    db = await freshDb()
    room = testIntake(db)
  })
  afterEach(() => db.close())

  it('begins at the first row, and goes on an overlap before the last one', async () => {
    const asked: number[] = []
    await pull(room, sourceOf([[rowOf('a', 2_000)], [rowOf('b', 1_000)]], asked))
    await pull(room, sourceOf([], asked))
    await pull(room, sourceOf([], asked), { since: INTAKE_NOW - 100 })
    await pull(room, sourceOf([], asked), { since: INTAKE_NOW - 9_000 })
    const usual = INTAKE_NOW - 1_000 - 600
    expect(asked).to.deep.equal([0, usual, usual, INTAKE_NOW - 9_000])
  })

  it('a pull from long ago does not take the mark back', async () => {
    const asked: number[] = []
    await pull(room, sourceOf([[rowOf('a', 1_000)]], asked))
    await pull(room, sourceOf([[rowOf('b', 9_000)]]), { since: INTAKE_NOW - 10_000 })
    await pull(room, sourceOf([], asked))
    expect(asked).to.deep.equal([0, INTAKE_NOW - 1_600])
  })

  it('a row that is dated ahead takes the mark to now and no further', async () => {
    const asked: number[] = []
    await pull(room, sourceOf([[rowOf('a', -100_000)]], asked))
    await pull(room, sourceOf([], asked))
    expect(asked).to.deep.equal([0, INTAKE_NOW - 600])
    expect(await countOf(db, 'partner_conflict')).to.equal(1)
  })

  it('a page and its mark are one: what dies between two pages is read again and known', async () => {
    const dying: Source = {
      ...sourceOf([]),
      async *pages() {
        yield [rowOf('a', 2_000)] as never
        throw new Error('the process dies here')
      },
    }
    await pull(room, dying).catch(() => {})
    expect(await countOf(db, 'partner_vote')).to.equal(1)
    const asked: number[] = []
    const pulled = await pull(room, sourceOf([[rowOf('a', 2_000), rowOf('b', 1_900)]], asked))
    expect(asked).to.deep.equal([INTAKE_NOW - 2_600])
    expect(pulled.vote).to.include({ rows: 2, fresh: 1, known: 1 })
  })

  it('a page that the store refuses leaves the mark where it was', async () => {
    const refusing: Db = {
      ...db,
      begin: (fn) =>
        db.begin(async (t) => {
          await fn(t)
          throw new Error('the store dies at the commit')
        }),
    }
    await pull({ ...room, db: refusing }, sourceOf([[rowOf('a', 10)]])).catch(() => {})
    expect(await countOf(db, 'partner_vote')).to.equal(0)
    expect(await countOf(db, 'partner_watermark')).to.equal(0)
  })

  it('what cannot be read is set aside by its key, and the rest of the page lands', async () => {
    const broken: SourceRow<'vote'> = { read: { faults: ['cc: no'] }, key: 'x', cells: { cc: 'a' } }
    const { vote } = await pull(room, sourceOf([[broken, rowOf('a', 10)]]))
    expect(vote).to.include({ rows: 2, fresh: 1, conflicts: 1 })
    const aside = await db.query('select kind, source, key, asked from partner_conflict')
    expect(aside).to.deep.equal([
      { kind: 'vote', source: 'db', key: 'x', asked: { row: { cc: 'a' }, fault: 'cc: no' } },
    ])
    expect(room.notices.map(({ kind }) => kind)).to.deep.equal(['partners-conflict'])
  })

  it('needs a URL, and of the kind that is described', async () => {
    const given = { name: 'db', kind: 'postgres', partners: { table: 't', columns: COLUMNS } }
    const description = parseSource(JSON.stringify(given), 'test')
    const missing = await rejectionOf(openSource(description, undefined))
    expect(missing.code).to.equal('PARTNERS_SOURCE_MISSING')
    const other = await rejectionOf(openSource(description, 'mysql://a:b@127.0.0.1:1/c'))
    expect(other.code).to.equal('PARTNERS_DATABASE_URL')
  })
})

const COLUMNS = { partner: 'p', special: { value: '0' } }
