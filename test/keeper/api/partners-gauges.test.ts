import { expect } from 'chai'
import { createMetrics } from '../../../keeper/base/metrics.ts'
import type { Metrics } from '../../../keeper/base/metrics.ts'
import { startOfHour } from '../../../keeper/base/time.ts'
import { gaugeReader } from '../../../keeper/api/gauges.ts'
import type { Sampled } from '../../../keeper/api/gauges.ts'
import { readPartnersFigures } from '../../../keeper/programs/partners/figures.ts'
import { runPartners } from '../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { testLog } from '../../helpers/logs.ts'
import { DAY, FIRST, landed, partnersRoom, votesOf } from '../../helpers/partners-room.ts'
import { freshDb } from '../../helpers/store.ts'

describe('the figures of partners', function () {
  this.timeout(20_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  /** As a page is asked for, of a keeper that has this store and nothing else. */
  async function page(mode: 'off' | 'pay'): Promise<string> {
    const metrics: Metrics = createMetrics()
    const sampled = {
      alerts: { raise: () => {}, clear: () => {}, active: () => [] },
      clock: testClock(startOfHour(FIRST)),
      log: testLog,
      role: () => 'leader',
      keeper: () => ({ db, config: { partners: mode }, roles: [] }),
      intake: () => undefined,
      slots: async () => [],
      jobs: async () => ({ deadLettersTotal: 0 }),
      partners: readPartnersFigures,
    }
    await gaugeReader(metrics, sampled as unknown as Sampled)()
    const lines = (await metrics.text()).split('\n')
    return lines.filter((line) => line.startsWith('muster_partners')).join('\n')
  }

  it('are nothing before the first hour, and left out of a page where nobody distributes', async () => {
    const nothing = { hoursThrough: undefined, daysThrough: undefined, lastDay: undefined }
    expect(await readPartnersFigures(db)).to.deep.equal({ ...nothing, lateVotes: 0, unsent: 0 })
    expect(await page('off')).to.equal('')
    expect(await page('pay')).to.equal(
      'muster_partners_late_votes 0\nmuster_partners_unsent_sums 0',
    )
  })

  it('say until when hours and days are distributed, and what waits', async () => {
    await landed(db, votesOf(3, FIRST))
    await runPartners(partnersRoom(db, { special: new Set(['p1']) }), { hour: FIRST })
    expect(await readPartnersFigures(db)).to.include({ hoursThrough: startOfHour(FIRST + 1) })
    await runPartners(partnersRoom(db), { day: DAY })
    await runPartners(partnersRoom(db, { shadow: true }), { hour: FIRST + 30 })
    await db.query('update partner_vote set late = true where partner = $1', ['p2'])
    expect(await readPartnersFigures(db)).to.deep.equal({
      hoursThrough: startOfHour(FIRST + 24),
      daysThrough: startOfHour(FIRST + 24),
      lastDay: DAY,
      lateVotes: 1,
      unsent: 1,
    })
    expect(await page('pay')).to.include(`hours_through_timestamp_seconds ${(FIRST + 24) * 3_600}`)
  })
})
