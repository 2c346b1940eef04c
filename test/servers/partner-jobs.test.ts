import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openAlerts } from '../../keeper/base/alerts.ts'
import type { Alerts } from '../../keeper/base/alerts.ts'
import { startOfHour } from '../../keeper/base/time.ts'
import { loadConfig } from '../../keeper/config.ts'
import { partnerJobs } from '../../keeper/jobs/queue/partner-jobs.ts'
import type { Keeper } from '../../keeper/keeper.ts'
import type { Db } from '../../keeper/store/db.ts'
import { testClock } from '../helpers/clock.ts'
import type { TestClock } from '../helpers/clock.ts'
import { COIN, assertBooksBalance } from '../helpers/ledger.ts'
import { testLog } from '../helpers/logs.ts'
import { FIRST } from '../helpers/partners-room.ts'
import { SOURCE_SERVERS, insertRows } from '../helpers/source-servers.ts'
import type { SourceServer } from '../helpers/source-servers.ts'
import { freshDb } from '../helpers/store.ts'

const MINUTE = 60
const VOTES = {
  table: 'votes',
  columns: {
    key: ['id'],
    partner: 'partner',
    cc: 'cc',
    type: { value: 'vote' },
    at: { column: 'at', unit: 's' },
  },
}

for (const [name, open] of Object.entries(SOURCE_SERVERS)) {
  describe(`the keeper's hours with their votes in ${name}`, function () {
    this.timeout(60_000)
    let server: SourceServer
    let db: Db
    let dir: string
    let clock: TestClock
    let alerts: Alerts
    let url: URL

    before(async () => {
      dir = mkdtempSync(join(tmpdir(), 'muster-partner-source-'))
      server = await open()
      db = await freshDb()
      clock = testClock(startOfHour(FIRST) + MINUTE)
      alerts = openAlerts({ clock, sinks: [] })
      await server.run('create table votes (id int, partner varchar(64), cc int, at bigint)')
      url = new URL(await server.reader())
      const file = join(dir, 'source.json')
      writeFileSync(file, JSON.stringify({ name: 'origin', kind: server.kind, votes: VOTES }))
    })
    after(async () => {
      await assertBooksBalance(db)
      await db.close()
      await server.drop()
      rmSync(dir, { recursive: true, force: true })
    })

    async function wake(at: number, port = url.port): Promise<void> {
      clock.set(at)
      const source = new URL(url)
      source.port = port
      const config = loadConfig({
        MUSTER_PARTNERS: 'pay',
        MUSTER_PARTNERS_SOURCE: join(dir, 'source.json'),
        MUSTER_PARTNERS_SOURCE_URL: source.href,
      })
      const keeper = { db, clock, log: testLog, config, payouts: { assetId: COIN } }
      const [job] = partnerJobs(keeper as unknown as Keeper, alerts)
      const signal = new AbortController().signal
      await job?.run({ id: 'x', data: {}, signal, send: async () => 'id' })
    }

    const votersOf = (): Promise<{ hour: number; voters: number }[]> =>
      db.query(
        'select (hour - $1::bigint)::int as hour, voters::int from partner_hour order by hour',
        [FIRST],
      )

    it('D-21 take them in first: also what was voted while the server was away', async () => {
      await insertRows(server, 'votes', [[1, 'a', 3, startOfHour(FIRST)]])
      await wake(startOfHour(FIRST) + MINUTE)
      await wake(startOfHour(FIRST + 1) + 30 * MINUTE, '1')
      await wake(startOfHour(FIRST + 2) + 30 * MINUTE, '1')
      expect(await votersOf()).to.deep.equal([])
      expect(alerts.active().map(({ kind }) => kind)).to.deep.equal(['partners-behind'])

      await insertRows(server, 'votes', [
        [2, 'b', 2, startOfHour(FIRST) + 5],
        [3, 'c', 1, startOfHour(FIRST + 1)],
      ])
      await wake(startOfHour(FIRST + 2) + 35 * MINUTE)
      expect(await votersOf()).to.deep.equal([
        { hour: 0, voters: 2 },
        { hour: 1, voters: 1 },
      ])
      expect(alerts.active()).to.deep.equal([])
    })

    it('D-09 what comes for an hour that is over changes nothing and is told', async () => {
      await insertRows(server, 'votes', [[4, 'd', 9, startOfHour(FIRST + 1) + 10]])
      await wake(startOfHour(FIRST + 3) + 30 * MINUTE)
      expect(await votersOf()).to.deep.equal([
        { hour: 0, voters: 2 },
        { hour: 1, voters: 1 },
        { hour: 2, voters: 0 },
      ])
      expect(alerts.active().map(({ kind }) => kind)).to.deep.equal(['partners-late-votes'])
    })
  })
}
