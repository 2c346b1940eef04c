import { expect } from 'chai'
import { toJson } from '../../../keeper/base/json.ts'
import { startOfHour } from '../../../keeper/base/time.ts'
import type { Office } from '../../../keeper/commands/office.ts'
import { partnersCorrectOrder } from '../../../keeper/commands/partners-correct.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { openAlerts } from '../../../keeper/base/alerts.ts'
import { createLogger } from '../../../keeper/base/log.ts'
import { cliActor } from '../../../keeper/office/actor.ts'
import { runPartners } from '../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, assertBooksBalance } from '../../helpers/ledger.ts'
import { landLate } from '../../helpers/partner-corrections.ts'
import { DAY, FIRST, landed, partnersRoom, votesOf } from '../../helpers/partners-room.ts'
import { freshDb } from '../../helpers/store.ts'

type Json = { dryRun: boolean; periods: Record<string, unknown>[] }

describe('muster partners correct', function () {
  this.timeout(60_000)
  const unit = { asset: COIN, decimals: 18, symbol: 'ETH' }
  const clock = testClock(startOfHour(FIRST + 40))
  let db: Db
  let log: string[]

  beforeEach(async () => {
    db = await freshDb()
    log = []
    await landed(db, votesOf(3, FIRST))
    await runPartners(partnersRoom(db), { hour: FIRST })
    await runPartners(partnersRoom(db), { day: DAY })
    await landLate(partnersRoom(db), [{ partner: 'p9', at: startOfHour(FIRST), cc: 6 }])
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const alerts = openAlerts({ clock, sinks: [] })
  const office = (env: Record<string, string> = {}): Office => ({
    db,
    clock,
    alerts,
    config: loadConfig(env),
    log: createLogger({ level: 'info', clock, write: (line) => void log.push(line) }),
    actor: cliActor('ann'),
  })
  const correct = (options: object, env = {}) =>
    partnersCorrectOrder(office(env), [], { ...unit, top: '20', ...options })
  const jsonOf = async (report: Promise<{ json: unknown }>): Promise<Json> =>
    JSON.parse(toJson((await report).json)) as Json

  it('shows what a correction would change, corrects it, and then has nothing left to do', async () => {
    const dry = await correct({ day: DAY, dryRun: true })
    expect(dry.lines[0]).to.equal('2 periods would be corrected: nothing was posted')
    expect(log).to.deep.equal([])

    const { lines } = await correct({ day: DAY })
    expect(lines[0]).to.equal('2 periods corrected')
    const [of, rest] = ['2026-11-20 00:00 UTC: revision 1, kept as correction', dry.lines.slice(3)]
    expect(lines[2]).to.include(of)
    expect(lines[3]).to.equal('  1 late vote of 6 CC brought 1.5 ETH, 4.5 ETH to its day')
    expect(lines[4]).to.equal('  paid 1.5 → 3 ETH, carry 0 → 0 ETH')
    expect(lines.slice(3).map(withoutNumber)).to.deep.equal(rest.map(withoutNumber))
    const again = await correct({ day: DAY })
    expect(again.lines).to.deep.equal(['nothing came late: nothing was posted'])
  })

  it('D-19 writes one line of the log a period, and says who asked', async () => {
    alerts.raise('partners-late-votes', { key: 'late' })
    const { periods } = await jsonOf(correct({ day: DAY, top: '1' }))
    expect(periods.map(({ kind, changed }) => [kind, changed])).to.deep.equal([
      ['hour', 4],
      ['day', 4],
    ])
    expect(periods[0]).to.deep.include({
      given: '1600000000000000000',
      taken: '100000000000000000',
      due: '0',
      inflow: '1500000000000000000',
    })
    expect(periods[0]?.['lines']).to.have.length(1)
    const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>)
    const corrected = lines.filter(({ event }) => event === 'reward-corrected')
    expect(corrected.map(({ type, total }) => [type, total])).to.deep.equal([
      ['hourly', '3000000000000000000'],
      ['daily', periods[1] && (periods[1]['after'] as Record<string, unknown>)['paid']],
    ])
    const rows = await db.query<{ by: string }>('select by from partner_correction')
    expect(rows.map(({ by }) => by)).to.deep.equal(['cli:ann', 'cli:ann'])
    expect(alerts.active()).to.deep.equal([])
  })

  it('wants one period, and no shadow', async () => {
    const codeOf = async (options: object, env = {}): Promise<string> =>
      (await rejectionOf(correct(options, env))).code
    expect(await codeOf({})).to.equal('USAGE')
    expect(await codeOf({ hour: String(FIRST), day: DAY })).to.equal('USAGE')
    expect(await codeOf({ day: 'yesterday' })).to.equal('DAY_INVALID')
    const shadow = { MUSTER_PARTNERS: 'shadow' }
    expect(await codeOf({ day: DAY }, shadow)).to.equal('PARTNERS_CORRECTION_SHADOW')
  })
})

/** The number of a correction is used up by a dry run, too. */
function withoutNumber(line: string): string {
  return line.replace(/, kept as correction \d+/, '')
}
