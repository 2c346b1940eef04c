import { expect } from 'chai'
import { toJson } from '../../../keeper/base/json.ts'
import { startOfHour } from '../../../keeper/base/time.ts'
import { fundBonusOrder } from '../../../keeper/commands/partners-bonus.ts'
import type { Office } from '../../../keeper/commands/office.ts'
import { partnersRunOrder } from '../../../keeper/commands/partners-run.ts'
import { partnersStatusOrder } from '../../../keeper/commands/partners-status.ts'
import { loadConfig } from '../../../keeper/config.ts'
import { cliActor } from '../../../keeper/office/actor.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { testClock } from '../../helpers/clock.ts'
import type { TestClock } from '../../helpers/clock.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { COIN, assertBooksBalance } from '../../helpers/ledger.ts'
import { testLog } from '../../helpers/logs.ts'
import { DAY, FIRST, landed, votesOf } from '../../helpers/partners-room.ts'
import { freshDb } from '../../helpers/store.ts'

type Json = Record<string, unknown> & { done: Record<string, unknown>[]; periods: unknown[] }

describe('muster partners run, status, fund-bonus', function () {
  this.timeout(60_000)
  const unit = { asset: COIN, decimals: 18, symbol: 'ETH' }
  let db: Db
  let clock: TestClock

  beforeEach(async () => {
    db = await freshDb()
    // 02:45 of the next day.
    clock = testClock(startOfHour(FIRST + 26) + 45 * 60)
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const office = (env: Record<string, string> = {}): Office => {
    return { db, clock, log: testLog, config: loadConfig(env), actor: cliActor('ann') }
  }
  const run = (options: object, env: Record<string, string> = {}) =>
    partnersRunOrder(office(env), [], { ...unit, top: '10', ...options })
  const jsonOf = async (report: Promise<{ json: unknown }>): Promise<Json> =>
    JSON.parse(toJson((await report).json)) as Json

  it('D-22 --test makes one hourly and one daily cycle, those that ended last, and ends', async () => {
    await landed(db, [...votesOf(3, FIRST + 23), ...votesOf(2, FIRST + 25)])
    const from = { MUSTER_PARTNERS_FROM: '2026-11-20T23:00Z' }
    const told = await jsonOf(run({ test: true }, from))
    expect(
      told.done.map(({ kind, hour, day }) => hour ?? `${String(kind)} ${String(day)}`),
    ).to.deep.equal([FIRST + 23, `day ${DAY}`, FIRST + 24, FIRST + 25])
    expect(told.periods).to.have.length(2)
    const again = await jsonOf(run({ test: true }, from))
    expect(again.done.map(({ isNew }) => isNew)).to.deep.equal([false, false])
    const mixed = await rejectionOf(run({ test: true, day: DAY }))
    expect(mixed).to.include({ code: 'USAGE' })
  })

  it('prints the pool, the categories and the first partners of what was asked for', async () => {
    await landed(db, votesOf(12, FIRST + 23))
    const asked = { hour: '2026-11-20T23:00Z', day: DAY, top: '2' }
    const { lines } = await run(asked, { MUSTER_PARTNERS_FROM: '2026-11-20T23:00Z' })
    const text = lines.join('\n')
    expect(text).to.include('2 distributions made (ETH)')
    expect(text).to.include('2026-11-20 23:00 UTC: 12 voters, 12 votes')
    expect(text).to.include(
      '78 CC × 1 ETH = 78 ETH: 19.5 ETH for the hour, 58.5 ETH for 2026-11-20',
    )
    expect(text).to.match(/top10p +2 +2 +3\.9 +1\.95 +0\n/)
    expect(text).to.match(/day 2026-11-20: 12 voters/)
    expect(text).to.match(/top10p_ecc +2 +2 +19\.49805 +by ECC +0\n/)
    expect(text).to.match(/1 +p1 +12 +1 +1\.95 +0\.39/)
    expect(text).to.include('… and 10 more: --top')
    expect(text).to.include('no bonus: a CC is not worth more than 1 ETH')
  })

  it('--json has every amount exactly, and the same when it is asked again', async () => {
    await landed(db, votesOf(3, FIRST + 23))
    const asked = { hour: String(FIRST + 23) }
    const [first, second] = [await jsonOf(run(asked)), await jsonOf(run(asked))]
    const [hour] = first.periods as Record<string, unknown>[]
    expect(hour).to.include({ cc: '6', inflow: '6000000000000000000', pool: '1500000000000000000' })
    expect(hour).to.include.keys('trace', 'carry', 'shares')
    const [known] = second.periods as Record<string, unknown>[]
    expect({ ...known, isNew: true }).to.deep.equal(hour)
    const lines = (await run(asked)).lines
    expect(lines[0]).to.equal('nothing new to distribute: nothing was posted')
  })

  it('without a period it does what is due; in the shadow it says that nothing is paid', async () => {
    await landed(db, votesOf(3, FIRST + 25))
    const env = { MUSTER_PARTNERS_FROM: '2026-11-21T01:00Z', MUSTER_PARTNERS: 'shadow' }
    const { json, lines } = await run({}, env)
    expect((json as Json).done.map(({ hour }) => hour)).to.deep.equal([FIRST + 25])
    expect(lines[0]).to.equal('shadow: nothing was posted, nothing is paid')
    expect(await db.query('select 1 from ledger_transfer')).to.deep.equal([])
  })

  it('the budget of the bonus grows once a reference, with its line in the trail', async () => {
    const fund = () =>
      fundBonusOrder(office(), [], { ...unit, amount: '5000000000000000000', reference: 'nov' })
    expect((await fund()).lines[0]).to.equal(
      '5 ETH added to the budget of the bonus, which has 5 ETH now',
    )
    expect((await fund()).json).to.include({ isNew: false, budget: 5n * 10n ** 18n })
    const trail = await db.query('select actor, action, target from office_trail')
    expect(trail).to.deep.equal([
      { actor: 'cli:ann', action: 'partners.fund-bonus', target: 'nov' },
    ])
  })

  it('the status tells how far it is, what is in the pools, and which votes count nowhere', async () => {
    const status = () => partnersStatusOrder(office(), [], unit)
    expect((await status()).lines.join('\n')).to.include('distributed: nothing yet')
    await landed(db, [...votesOf(1, FIRST - 1), ...votesOf(4, FIRST), ...votesOf(2, FIRST + 3)])
    const begun = await run({ hour: String(FIRST) })
    expect(begun.lines).to.include('1 vote of before the first hour: counted nowhere')
    const { json, lines } = await status()
    expect(json).to.deep.include({ lastHour: '2026-11-20T00:00:00Z', lastDay: null })
    expect((json as Json)['votes']).to.include({ waiting: 2, before: 1, late: 0 })
    const text = lines.join('\n')
    expect(text).to.include('1 vote of before the first hour: counted nowhere')
    expect(text).to.match(/of the next day +7\.5 ETH/)
  })

  it('a time that is no hour, and a number that is none, are refused', async () => {
    for (const options of [{ hour: '2026-11-20T23:10Z' }, { top: '0' }, { hour: 'noon' }]) {
      const { code } = await rejectionOf(run(options))
      expect(code).to.be.oneOf(['USAGE', 'TIME_INVALID'])
    }
  })
})
