import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import {
  DEFAULT_OVERLAP_SECONDS,
  DEFAULT_ROWS_PER_PAGE,
  parseSource,
  readSourceFile,
  sourceFile,
} from '../../../../../keeper/programs/partners/intake/source-file.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'

const DOCS = join(import.meta.dirname, '..', '..', '..', '..', '..', 'docs')
const VOTES = {
  table: 'votes',
  columns: {
    key: ['id'],
    partner: 'p',
    cc: 'cc',
    type: { value: '' },
    at: { column: 'at', unit: 's' },
  },
}

function parse(given: object): ReturnType<typeof parseSource> {
  return parseSource(JSON.stringify({ name: 'db', kind: 'mysql', votes: VOTES, ...given }), 'test')
}

async function faultsOf(given: object): Promise<string[]> {
  const error = await rejectionOf((async () => parse(given))())
  expect(error.code).to.equal('PARTNERS_SOURCE_INVALID')
  return error.facts['faults'] as string[]
}

/** votes.columns.at.unit, … of every form that a key may have. */
function keysOf(schema: z.ZodTypeAny, path: string[] = []): string[] {
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries(schema.shape as Record<string, z.ZodTypeAny>)
    return shape.flatMap(([key, inner]) => keysOf(inner, [...path, key]))
  }
  if (schema instanceof z.ZodUnion) {
    return (schema.options as z.ZodTypeAny[]).flatMap((each) => keysOf(each, path))
  }
  if (schema instanceof z.ZodEffects) return keysOf(schema.innerType() as z.ZodTypeAny, path)
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap() as z.ZodTypeAny, path)
  return [path.join('.')]
}

describe('partners: the description of a source', () => {
  it('the examples are valid, and what they leave out has a default', async () => {
    const maria = await readSourceFile(join(DOCS, 'examples', 'partners-source-mariadb.json'))
    const postgres = await readSourceFile(join(DOCS, 'examples', 'partners-source-postgres.json'))
    expect([maria.kind, postgres.kind]).to.deep.equal(['mysql', 'postgres'])
    expect(maria.votes?.table).to.deep.equal(['shop', 'votes'])
    expect(postgres).to.include({
      overlapSeconds: DEFAULT_OVERLAP_SECONDS,
      rowsPerPage: DEFAULT_ROWS_PER_PAGE,
    })
  })

  it('the page says what each key means, and names none that there is not', () => {
    const page = readFileSync(join(DOCS, 'partners-source.md'), 'utf8')
    const told = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, key = '']) => key)
    const known = keysOf(sourceFile).filter((key) => !key.endsWith('.value'))
    // What the three tables with times have alike is told of the votes.
    const asOfVotes = known.map((key) => key.replace(/^(rates|ecc)\.watermark/, 'votes.watermark'))
    const wanted = asOfVotes.filter(
      (key) => !key.endsWith('.offset') || key === 'votes.columns.at.offset',
    )
    const keys = told.filter((key) => !['s', 'ms', 'datetime', 'iso', 'day'].includes(key))
    expect(new Set(keys)).to.deep.equal(new Set(wanted))
    for (const [key, value] of [
      ['overlapSeconds', DEFAULT_OVERLAP_SECONDS],
      ['rowsPerPage', DEFAULT_ROWS_PER_PAGE],
    ] as const) {
      expect(page).to.include(`| \`${key}\` | \`${value}\` |`)
    }
  })

  it('names every fault by its path', async () => {
    const { columns } = VOTES
    const votes = {
      table: 'a.b.c',
      columns: { ...columns, cc: { column: 'x' }, at: { column: 'at', unit: 'min' }, colour: 'x' },
      watermark: { column: 'at', unit: 's', offset: '+01:00' },
    }
    const faults = await faultsOf({ name: 'a b', kind: 'oracle', rowsPerPage: 0, votes })
    expect(faults.map((fault) => fault.split(':')[0])).to.have.members([
      'name',
      'kind',
      'rowsPerPage',
      'votes.table',
      'votes.columns.cc',
      'votes.columns.at.unit',
      'votes.columns.colour',
      'votes.watermark',
    ])
  })

  it('refuses names with quotes, a description without a table, and what is no JSON', async () => {
    for (const table of ['a`b', 'a"; drop table x; --', '', 'a.', 'a\nb']) {
      const faults = await faultsOf({ votes: { ...VOTES, table } })
      expect(faults[0], table).to.match(/^votes\.table/)
    }
    expect(await faultsOf({ votes: undefined })).to.deep.equal([
      'it names no table: votes, rates, ecc or partners',
    ])
    const error = await rejectionOf((async () => parseSource('{', 'test'))())
    expect(error.code).to.equal('PARTNERS_SOURCE_INVALID')
    const missing = await rejectionOf(readSourceFile(join(DOCS, 'no-such-file.json')))
    expect(missing.code).to.equal('FILE_UNREADABLE')
  })
})
