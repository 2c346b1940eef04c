import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import type { Notice } from '../../../keeper/base/alerts.ts'
import { answerAtDesk } from '../../../keeper/commands/desk.ts'
import type { Desk } from '../../../keeper/commands/desk.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { readTrail } from '../../../keeper/office/trail.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { testLog } from '../../helpers/logs.ts'
import { INTAKE_NOW, distributedHour } from '../../helpers/partner-intake.ts'
import { freshDb, placeStore } from '../../helpers/store.ts'

const ROOT = join(import.meta.dirname, '../../..')
const VOTES = join(ROOT, 'data/votes_a.csv.gz')
const WEIGHTED = join(ROOT, 'data/votes_weighted_a.csv.gz')
const MAP = join(ROOT, 'docs/examples/partners-votes-a.json')
const WEIGHTED_MAP = join(ROOT, 'docs/examples/partners-votes-weighted-a.json')

describe('muster partners import', function () {
  this.timeout(180_000)
  let dir: string
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'muster-partners-import-'))
    await placeStore(join(dir, 'home'))
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  const muster = (...args: string[]): Promise<Outcome> =>
    runCli(['partners', 'import', ...args], { MUSTER_HOME: join(dir, 'home') })

  function fileOf(name: string, text: string): string {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }

  it('D-01 D-23 the real file is taken in by the command of its example, and the next process finds every vote on record', async () => {
    const first = await muster('votes', VOTES, '--map', MAP, '--json')
    expect(first.code, first.stderr).to.equal(0)
    expect(first.json).to.deep.equal({
      kind: 'votes',
      file: VOTES,
      source: 'votes-a',
      rows: 42_174,
      fresh: 42_174,
      known: 0,
      late: 0,
      conflicts: 0,
    })
    expect(first.stderr).to.include('taking in votes 42174/42174')
    const again = await muster('votes', VOTES, '--map', MAP)
    expect(again.code).to.equal(0)
    expect(again.stdout).to.include('42,174 rows of votes in votes_a.csv.gz, source votes-a')
    expect(again.stdout).to.include('0 new, 42,174 on record before')
  })

  it('the ECC of the weighted file are taken in by its example', async () => {
    const { code, json } = await muster('ecc', WEIGHTED, '--map', WEIGHTED_MAP, '--json')
    expect(code).to.equal(0)
    expect(json).to.deep.include({ source: 'votes-weighted-a', rows: 8_813, conflicts: 0 })
  })

  it('a bad file is refused with its lines, a kind that is none and a file that is not there with a way out', async () => {
    const file = fileOf('bad.csv', 'key,partner,cc,type,at\nk,p,1e3,up,2024-10-15T07:10:00Z\n')
    const bad = await muster('votes', file, '--json')
    expect(bad.code).to.equal(65)
    expect(bad.json['error']).to.deep.include({ code: 'CSV_INVALID' })
    const shown = await muster('votes', file)
    expect(shown.stderr).to.include('line 2: cc: "1e3" is not a whole number in digits')
    expect((await muster('wotes', file, '--json')).code).to.equal(64)
    const none = await muster('votes', join(dir, 'none.csv'), '--json')
    expect(none.json['error']).to.deep.include({ code: 'FILE_UNREADABLE' })
    expect(none.code).to.equal(65)
  })

  describe('in the running keeper', () => {
    let db: Db
    let desk: Desk
    let notices: Notice[]

    beforeEach(async () => {
      db = await freshDb()
      notices = []
      const clock = testClock(INTAKE_NOW)
      const alerts = openAlerts({ clock, sinks: [(notice) => void notices.push(notice)] })
      // No order of these asks the chain or has a key.
      const client = {} as Desk['client']
      desk = { db, client, senders: [], config: loadConfig({}), clock, log: testLog, alerts }
    })
    afterEach(() => db.close())

    const ask = (...args: string[]): ReturnType<typeof answerAtDesk> =>
      answerAtDesk(desk, { name: 'partners import', args, options: { user: 'bob' } })

    it('it is taken in there; what is late or set aside is told, and the trail says who did it', async () => {
      await distributedHour(db, Math.floor(INTAKE_NOW / 3_600) - 1)
      const row = (cc: number): string =>
        `key,partner,cc,type,at\nk,p,${cc},,2024-10-15T07:10:00Z\n`
      const late = await ask('votes', fileOf('late.csv', row(1)))
      expect(late.json).to.deep.include({ source: 'csv', fresh: 1, late: 1 })
      expect(late.lines.join('\n')).to.include('muster partners correct')
      const other = await ask('votes', fileOf('other.csv', row(2)))
      expect(other.json).to.deep.include({ fresh: 0, conflicts: 1 })
      expect(other.exitCode).to.equal(1)
      expect((await ask('votes', fileOf('late.csv', row(1)))).json).to.deep.include({ known: 1 })
      expect(notices.map(({ kind }) => kind)).to.deep.equal([
        'partners-late-votes',
        'partners-conflict',
      ])
      const trail = await readTrail(db, { limit: 9 })
      expect(trail.map(({ actor, action, target }) => [actor, action, target])).to.deep.equal([
        ['cli:bob', 'partners.import', 'csv/votes'],
        ['cli:bob', 'partners.import', 'csv/votes'],
      ])
    })

    it('a file that is refused leaves neither rows nor a trail', async () => {
      const refused = ask('votes', fileOf('bad.csv', 'key,partner,cc,type,at\nk,p,x,,y\n'))
      expect((await rejectionOf(refused)).code).to.equal('CSV_INVALID')
      expect(await readTrail(db, { limit: 9 })).to.deep.equal([])
    })
  })
})
