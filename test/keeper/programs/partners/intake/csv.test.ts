import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { parseDecimalDown } from '../../../../../keeper/base/decimal.ts'
import { importCsv } from '../../../../../keeper/programs/partners/intake/csv.ts'
import type { CsvImport, Imported } from '../../../../../keeper/programs/partners/intake/csv.ts'
import { CSV_LIMITS } from '../../../../../keeper/programs/partners/intake/csv-file.ts'
import { readCsvMap } from '../../../../../keeper/programs/partners/intake/csv-map.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'
import { countOf, testIntake } from '../../../../helpers/partner-intake.ts'
import type { TestIntake } from '../../../../helpers/partner-intake.ts'
import { groupBy, readTimedVotes, readWeightedVotes } from '../../../../helpers/partner-votes.ts'
import { freshDb } from '../../../../helpers/store.ts'

const ROOT = join(import.meta.dirname, '../../../../..')
const EXAMPLES = join(ROOT, 'docs/examples')
const HEADER = 'key,partner,cc,type,at\n'
const AT = '2024-10-15T07:10:00Z'
// After the newest vote of either file: 2025-10-31T00:00:00Z.
const AFTER_ALL = 1_761_868_800

describe('taking in CSV files of the partners', function () {
  this.timeout(120_000)
  let db: Db
  let room: TestIntake
  let dir: string

  beforeEach(async () => {
    db = await freshDb()
    room = testIntake(db)
    dir = mkdtempSync(join(tmpdir(), 'muster-partners-'))
  })
  afterEach(async () => {
    rmSync(dir, { recursive: true, force: true })
    await db.close()
  })

  function fileOf(content: string | Buffer, name = 'votes.csv'): string {
    const file = join(dir, name)
    writeFileSync(file, content)
    return file
  }

  const importFile = (file: string, rest: Partial<CsvImport> = {}): Promise<Imported> =>
    importCsv(room, { kind: 'votes', file, source: 'csv', map: {}, ...rest })

  /** The listed faults as 'line: fault'. */
  async function faultsOf(content: string | Buffer, rest: Partial<CsvImport> = {}) {
    const { code, facts } = await rejectionOf(importFile(fileOf(content), rest))
    expect(code).to.equal('CSV_INVALID')
    expect(await countOf(db, 'partner_vote')).to.equal(0)
    const faults = facts['faults'] as { line: number; fault: string }[]
    return faults.map(({ line, fault }) => `${line}: ${fault}`)
  }

  it('D-01 all votes of the real file are taken in with their example map, and a second time changes nothing', async () => {
    room.clock.set(AFTER_ALL)
    const map = await readCsvMap(join(EXAMPLES, 'partners-votes-a.json'))
    const file = join(ROOT, 'data/votes_a.csv.gz')
    const progress: number[] = []
    const given = { map, source: 'votes-a', onProgress: (rows: number) => void progress.push(rows) }
    const votes = readTimedVotes()
    const first = await importFile(file, given)
    expect(first).to.deep.equal({
      rows: votes.length,
      fresh: votes.length,
      known: 0,
      late: 0,
      conflicts: 0,
    })
    expect(progress.at(-1)).to.equal(votes.length)
    const again = await importFile(file, given)
    expect(again).to.deep.include({ fresh: 0, known: votes.length, conflicts: 0 })
    const hours = await db.query<{ hour: bigint; votes: bigint; cc: bigint; partners: bigint }>(
      `select at / 3600 as hour, count(*) as votes, sum(cc)::bigint as cc, count(distinct partner) as partners
         from partner_vote group by 1 order by 1`,
    )
    const expected = groupBy(votes, ({ hour }) => hour).map(([hour, inHour]) => ({
      hour: BigInt(hour),
      votes: BigInt(inHour.length),
      cc: BigInt(inHour.length),
      partners: BigInt(new Set(inHour.map(({ voter }) => voter)).size),
    }))
    expect(hours).to.deep.equal(expected)
  })

  it('the weighted real file gives votes and each day’s largest power × 10^18, read exactly', async () => {
    room.clock.set(AFTER_ALL)
    const map = await readCsvMap(join(EXAMPLES, 'partners-votes-weighted-a.json'))
    const file = join(ROOT, 'data/votes_weighted_a.csv.gz')
    const votes = readWeightedVotes()
    const given = { map, source: 'votes-weighted-a' }
    expect(await importFile(file, given)).to.deep.include({ fresh: votes.length, conflicts: 0 })
    const ecc = await importFile(file, { ...given, kind: 'ecc' })
    const largest = new Map<string, bigint>()
    for (const { voter, day, power } of votes) {
      const value = parseDecimalDown(power, 18)
      const id = `${voter} ${day}`
      if (value >= (largest.get(id) ?? 0n)) largest.set(id, value)
    }
    expect(ecc).to.deep.include({ rows: votes.length, fresh: largest.size, conflicts: 0 })
    const rows = await db.query<{ id: string; ecc: string }>(
      `select partner || ' ' || day as id, ecc from partner_ecc`,
    )
    expect(new Map(rows.map(({ id, ecc: value }) => [id, BigInt(value)]))).to.deep.equal(largest)
    expect(await importFile(file, { ...given, kind: 'ecc' })).to.deep.include({ fresh: 0 })
  })

  it('a file with our own columns needs no map; other columns are ignored, whatever their order', async () => {
    const text = `note,at,type,cc,partner,key\n"a, b",${AT},up,3,p-1,k1\n,2024-10-15T09:10:00+02:00,,0,p-2,k2\n`
    expect(await importFile(fileOf(text))).to.deep.include({ rows: 2, fresh: 2 })
    const rows = await db.query('select key, partner, cc, type, at from partner_vote order by key')
    expect(rows).to.deep.equal([
      { key: 'k1', partner: 'p-1', cc: 3n, type: 'up', at: 1_728_976_200n },
      { key: 'k2', partner: 'p-2', cc: 0n, type: '', at: 1_728_976_200n },
    ])
  })

  it('rates and partners come in files, too', async () => {
    const rates = fileOf(`from,units_per_cc\n2024-10-16T00:00:00Z,${10n ** 18n}\n`, 'rates.csv')
    expect(await importFile(rates, { kind: 'rates' })).to.deep.include({ fresh: 1 })
    const partners = fileOf('partner,special\np-1,yes\np-2,0\n', 'partners.csv')
    expect(await importFile(partners, { kind: 'partners' })).to.deep.include({ fresh: 2 })
    expect(await importFile(partners, { kind: 'partners' })).to.deep.include({ known: 2 })
  })

  it('one bad row refuses the whole file, and every fault is told with its line', async () => {
    const rows = [
      `k1,p-1,1,up,${AT}`,
      `k2,p-1,1.5,up,${AT}`,
      `k3,p-1,1e3,up,${AT}`,
      `k4,p-1,-1,up,${AT}`,
      `k5,p-1,1000000001,up,${AT}`,
      `k6,p-1,${'9'.repeat(100)},up,${AT}`,
      `k7,a b,1,up,${AT}`,
      `k8,p-1,1,up,2024-10-15T07:10:00`,
      `k9,p-1,1,up,2030-01-01T00:00:00Z`,
      `k10,p-1,1,up`,
      `k\u0001,p-1,1,up,${AT}`,
      `k\0,p-1,1,up,${AT}`,
      `,p-1,0x10,up,${AT}`,
    ]
    const faults = await faultsOf(HEADER + rows.join('\n'))
    const lines = faults.map((fault) => Number(fault.split(':')[0]))
    expect(lines).to.deep.equal([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    expect(faults[0]).to.include('1.5')
    expect(faults[1]).to.include('1e3')
    expect(faults.join('')).to.have.length.below(2_000)
  })

  it('a file of bad rows is told by its first hundred faults and their number', async () => {
    const file = fileOf(HEADER + `k,p,x,up,${AT}\n`.repeat(2_500))
    const { facts } = await rejectionOf(importFile(file))
    expect(facts['faults']).to.have.length(100)
    expect(facts['total']).to.equal(2_500)
  })

  it('a header without a mapped column, or with it twice, is one fault', async () => {
    expect(await faultsOf(`key,partner,cc,type\nk,p,1,up\n`)).to.have.length(1)
    expect(await faultsOf(`key,partner,cc,type,at,cc\nk,p,1,up,${AT},9\n`)).to.have.length(1)
    expect(await faultsOf('')).to.deep.equal(['1: there is no header'])
    expect(await importFile(fileOf(HEADER))).to.deep.include({ rows: 0, fresh: 0 })
  })

  it('a line of 10 MB, a quote that is never closed and bytes that are no UTF-8 are refused', async () => {
    const long = await faultsOf(`${HEADER}k,p,1,${'x'.repeat(10_000_000)},${AT}\n`)
    expect(long).to.have.length(1)
    expect(await faultsOf(`${HEADER}k,p,1,"up,${AT}\n${'k,p\n'.repeat(20_000)}`)).to.have.length(1)
    const bytes = Buffer.concat([Buffer.from(`${HEADER}k,p,1,`), Buffer.from([0xff, 0xfe])])
    expect((await faultsOf(bytes))[0]).to.include('UTF-8')
  })

  it('an archive that unpacks to more than the limit is refused before it is unpacked', async () => {
    const file = fileOf(gzipSync(`${HEADER}${`k,p,1,up,${AT}\n`.repeat(300_000)}`), 'bomb.csv.gz')
    const limits = { ...CSV_LIMITS, unpackedBytes: 1_000_000 }
    const { code, facts } = await rejectionOf(importFile(file, { limits }))
    expect(code).to.equal('CSV_INVALID')
    expect(JSON.stringify(facts['faults'])).to.include('longer than 1000000 bytes')
    const zeros = fileOf(gzipSync(Buffer.alloc(50_000_000)), 'zeros.csv.gz')
    expect((await rejectionOf(importFile(zeros))).code).to.equal('CSV_INVALID')
  })

  it('what is no archive, is cut off, is a folder or is not there cannot be read', async () => {
    const cut = gzipSync(HEADER + `k,p,1,up,${AT}\n`.repeat(1_000)).subarray(0, 60)
    const files = [
      fileOf('no archive', 'a.csv.gz'),
      fileOf(cut, 'b.csv.gz'),
      dir,
      join(dir, 'none.csv'),
    ]
    for (const file of files) {
      expect((await rejectionOf(importFile(file))).code, file).to.equal('FILE_UNREADABLE')
    }
    expect(await countOf(db, 'partner_vote')).to.equal(0)
  })

  it('parts of a key that read alike when joined are two keys', async () => {
    const map = await readCsvMap(
      fileOf(
        JSON.stringify({
          votes: {
            columns: {
              key: ['a', 'b'],
              partner: 'p',
              cc: { value: '1' },
              type: { value: '' },
              at: { column: 'at', unit: 's' },
            },
          },
        }),
        'map.json',
      ),
    )
    const file = fileOf('a,b,p,at\nx/,y,p,1728976200\nx,/y,p,1728976200\nx~1,y,p,1728976200\n')
    expect(await importFile(file, { map })).to.deep.include({ fresh: 3 })
  })

  it('a map that names no column, an unknown unit or a misspelt key is refused by the path of the fault', async () => {
    const { code, facts } = await rejectionOf(
      readCsvMap(
        fileOf(
          JSON.stringify({ votes: { columns: { key: [], at: { column: 'x', unit: 'days' } } } }),
          'map.json',
        ),
      ),
    )
    expect(code).to.equal('INPUT_INVALID')
    expect(JSON.stringify(facts['faults'])).to.include('votes: columns: key')
    const none = await rejectionOf(readCsvMap(fileOf('{', 'map.json')))
    expect(none.code).to.equal('INPUT_INVALID')
  })

  it('an import that is stopped leaves nothing', async () => {
    const stop = new AbortController()
    const file = fileOf(HEADER + Array.from({ length: 12_000 }, (_, n) => row(n)).join(''))
    const onProgress = (): void => stop.abort(new Error('stopped'))
    const given = { signal: stop.signal, onProgress }
    const said = await importFile(file, given).catch((error: unknown) => (error as Error).message)
    expect(said).to.equal('stopped')
    expect(await countOf(db, 'partner_vote')).to.equal(0)
    expect(await importFile(file)).to.deep.include({ fresh: 12_000 })
  })
})

function row(n: number): string {
  return `k${n},p-${n % 50},1,up,${AT}\n`
}
