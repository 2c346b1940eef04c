import { expect } from 'chai'
import { createLogger } from '../../../../../keeper/base/log.ts'
import { startOfHour } from '../../../../../keeper/base/time.ts'
import { balanceOf, listAccounts } from '../../../../../keeper/ledger/balances.ts'
import { postIn } from '../../../../../keeper/ledger/post.ts'
import { fundBonus } from '../../../../../keeper/programs/partners/fund-bonus.ts'
import { accounts } from '../../../../../keeper/programs/partners/names.ts'
import { partnersProgram } from '../../../../../keeper/programs/partners/program.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Done } from '../../../../../keeper/programs/partners/distribution/run.ts'
import { readState } from '../../../../../keeper/programs/partners/distribution/state.ts'
import { cliActor } from '../../../../../keeper/office/actor.ts'
import type { Reach } from '../../../../../keeper/payouts/room.ts'
import { settle } from '../../../../../keeper/payouts/settlement.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { testClock } from '../../../../helpers/clock.ts'
import { rejectionOf } from '../../../../helpers/errors.ts'
import { COIN, assertBooksBalance } from '../../../../helpers/ledger.ts'
import {
  DAY,
  FIRST,
  accruedOf,
  landed,
  partnersRoom,
  rulesetOf,
  votesOf,
} from '../../../../helpers/partners-room.ts'
import { freshDb } from '../../../../helpers/store.ts'

const CC = 10n ** 18n

/** 'h7' for the seventh hour of the day, or the day itself. */
const stepsOf = (done: readonly Done[]): string[] =>
  done.map((each) => (each.kind === 'hour' ? `h${each.hour - FIRST}` : each.day))

const hoursTo = (last: number): string[] =>
  Array.from({ length: last + 1 }, (_, hour) => `h${hour}`)

describe('distributions to partners', function () {
  this.timeout(60_000)
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  const poolOf = (pool: string): Promise<bigint> => balanceOf(db, pool, COIN)

  it('D-01 an hour gives a quarter of its inflow to its voters and keeps the rest for the day', async () => {
    await landed(db, votesOf(4, FIRST))
    const [done] = await runPartners(partnersRoom(db), { hour: FIRST })
    expect(done).to.include({ kind: 'hour', isNew: true, hour: FIRST, day: DAY, voters: 4 })
    expect(done).to.include({ cc: 10n, inflow: 10n * CC, pool: (10n * CC) / 4n })
    expect(await poolOf(accounts.dayPool)).to.equal((10n * CC * 3n) / 4n)
    // Of five equal parts the first is for the top 10 %: p1 alone; the other four are for all of them.
    expect(await accruedOf(db, 'p1')).to.equal(CC / 2n + 4n * (CC / 8n))
    expect(await accruedOf(db, 'p4')).to.equal(4n * (CC / 8n))
  })

  it('D-03 what the hours gathered for the day is kept by day, for whoever starts next', async () => {
    await landed(db, [...votesOf(2, FIRST), ...votesOf(1, FIRST + 1)])
    await runPartners(partnersRoom(db), { hour: FIRST })
    await runPartners(partnersRoom(db), { hour: FIRST + 1 })
    const gathered = await db.query('select * from reward_pool_state')
    expect(gathered.map((row) => row['accumulated_daily_pool'])).to.deep.equal([
      String((4n * CC * 3n) / 4n),
    ])
    const done = await runPartners(partnersRoom(db), { day: DAY })
    expect(done.at(-1)).to.include({ kind: 'day', pool: 3n * CC, inflow: 3n * CC, carried: 0n })
  })

  it('D-21 the 23:00 hour is paid before the day, though only the day was asked for', async () => {
    await landed(db, [...votesOf(2, FIRST), ...votesOf(3, FIRST + 23)])
    const done = await runPartners(partnersRoom(db), { day: DAY })
    expect(stepsOf(done)).to.deep.equal([...hoursTo(23), DAY])
    expect(done.at(-1)).to.include({ voters: 3, inflow: (9n * CC * 3n) / 4n, carried: 0n })
  })

  it('D-08 an hour without votes pays nothing, has its row, and leaves its pool to the next', async () => {
    await landed(db, [...votesOf(3, FIRST), ...votesOf(1, FIRST + 2)])
    const done = await runPartners(partnersRoom(db), { hour: FIRST + 2, from: FIRST })
    const [first, empty, last] = done
    expect(empty).to.include({ voters: 0, inflow: 0n, paid: 0n, carry: first?.carry })
    expect(last).to.include({ carried: first?.carry })
    const log = await db.query('select reward_hour, total_reward_cc from reward_log order by 1')
    expect(log.map((row) => row['total_reward_cc'])).to.deep.equal(
      done.map(({ paid }) => String(paid)),
    )
  })

  it('D-04 hours that were missed are made up for in order, each with its own voters alone', async () => {
    await landed(db, [...votesOf(1, FIRST), ...votesOf(2, FIRST + 1), ...votesOf(3, FIRST + 25)])
    await runPartners(partnersRoom(db), { hour: FIRST })
    const done = await runPartners(partnersRoom(db), { hour: FIRST + 25 })
    expect(stepsOf(done)).to.deep.equal([...hoursTo(23).slice(1), DAY, 'h24', 'h25'])
    expect(done.slice(0, 2).map(({ voters }) => voters)).to.deep.equal([2, 0])
    expect(done.find(({ kind }) => kind === 'day')).to.include({ voters: 2, votes: 3 })
    expect(done.at(-1)).to.include({ voters: 3, hourOfDay: 1, day: '2026-11-21' })
  })

  it('D-09 a rerun posts nothing, changes nothing, and tells what is on record', async () => {
    await landed(db, [...votesOf(3, FIRST), ...votesOf(2, FIRST + 23)])
    await runPartners(partnersRoom(db), { day: DAY })
    const before = await everything(db)
    const again = await runPartners(partnersRoom(db), { hour: FIRST, day: DAY })
    expect(again.map(({ isNew, voters }) => [isNew, voters])).to.deep.equal([
      [false, 3],
      [false, 3],
    ])
    expect(await everything(db)).to.deep.equal(before)
  })

  it('D-09 five amounts are kept for each partner and hour, D-16 eight for each partner and day', async () => {
    const ruleset = rulesetOf({
      minimumVotes: { top10: 1, top100: 1, top1000: 1, top10000: 1, all: 1 },
    })
    await landed(db, votesOf(2, FIRST + 23))
    await runPartners(partnersRoom(db, { ruleset }), { day: DAY, from: FIRST + 23 })
    const [hourly] = await db.query('select * from reward_list_hourly order by position')
    // An inflow of 3 CC: a fifth of its quarter is 0.15.
    expect(hourly).to.include({ partner_id: 'p1', top10p: '150000000000000000' })
    expect(hourly).to.include({ top10: '75000000000000000', all: '75000000000000000' })
    const [daily] = await db.query('select * from reward_list_daily order by position')
    expect(daily).to.include({
      partner_id: 'p1',
      top10: '75015000000000000',
      top50p: '749925000000000000',
    })
    expect(daily).to.include({ top10p_ecc: '749925000000000000', cc_market: '0' })
    const names = ['top10', 'top100', 'top1000', 'top10000', 'all', 'top10p_ecc', 'top50p']
    expect(daily).to.include.keys(...names, 'cc_market', 'time')
  })

  it('the bonus comes out of its own budget, which a reference adds to once', async () => {
    const actor = cliActor('ann')
    const fund = (amount: bigint) =>
      fundBonus(partnersRoom(db), { amount, reference: 'november', actor })
    expect(await fund(CC)).to.deep.equal({ isNew: true, budget: CC })
    expect(await fund(CC)).to.deep.equal({ isNew: false, budget: CC })
    expect(await rejectionOf(fund(2n * CC))).to.include({ code: 'LEDGER_CONFLICT' })

    const ruleset = rulesetOf({ ccRate: '2000000000000000000' })
    await landed(db, votesOf(2, FIRST + 23))
    const done = await runPartners(partnersRoom(db, { ruleset }), { day: DAY, from: FIRST + 23 })
    const day = done.at(-1)
    expect(day).to.include({ kind: 'day', bonusBudget: CC })
    const paid = day?.kind === 'day' ? day.bonusPaid : 0n
    expect(paid > 0n && paid < CC).to.equal(true)
    expect(await poolOf(accounts.bonusPool)).to.equal(CC - paid)
    expect(await poolOf(accounts.dayPool)).to.equal(day?.carry)
  })

  it('the shadow calculates and records beside the books, and posts nothing', async () => {
    await landed(db, [...votesOf(3, FIRST), ...votesOf(2, FIRST + 23)])
    const shadow = await runPartners(partnersRoom(db, { shadow: true }), { day: DAY, hour: FIRST })
    expect(await listAccounts(db, { prefix: '', limit: 10 })).to.deep.equal([])
    expect(await db.query('select 1 from payout_accrual')).to.deep.equal([])
    expect(await db.query('select 1 from reward_list_hourly')).to.deep.equal([])

    const real = await runPartners(partnersRoom(db), { day: DAY, hour: FIRST })
    const told = (done: Done[]) => done.map(({ pool, paid, carry }) => ({ pool, paid, carry }))
    expect(told(shadow)).to.deep.equal(told(real))
  })

  it('the rate in force at the last second of an hour decides, and the rules before the first', async () => {
    const rows = [
      [startOfHour(FIRST + 1) + 3_599, '3000000000000000000'],
      [startOfHour(FIRST + 3), '5000000000000000000'],
    ]
    for (const row of rows) {
      await db.query('insert into partner_rate values ($1, $2, 0)', row)
    }
    await landed(
      db,
      [0, 1, 2, 3].flatMap((hour) => votesOf(1, FIRST + hour)),
    )
    const done = await runPartners(partnersRoom(db), { hour: FIRST + 3, from: FIRST })
    expect(done.map(({ inflow }) => inflow)).to.deep.equal([CC, 3n * CC, 3n * CC, 5n * CC])
  })

  it('a coefficient is that of the day, else the latest before it, else the one of whom none is known', async () => {
    const of = (partner: string, day: string, ecc: bigint) =>
      db.query('insert into partner_ecc values ($1, $2, $3, 0)', [partner, day, ecc])
    await of('p1', '2026-11-18', 7n)
    await of('p1', '2026-11-19', 8n)
    await of('p1', '2026-11-21', 9n)
    await of('p2', DAY, 5n)
    await of('p2', '2026-11-19', 6n)
    await landed(db, votesOf(3, FIRST + 23))
    await runPartners(partnersRoom(db), { day: DAY, from: FIRST + 23 })
    const rows = await db.query('select partner, ecc from partner_day_share order by position')
    expect(rows.map((row) => row['ecc'])).to.deep.equal(['8', '5', String(CC)])
  })

  it('a day is of its zone; an hour that begins in it goes to its pool, also beyond its end', async () => {
    // There the day begins at 18:30 UTC: h18 begins in the 20th and ends in the 21st.
    const room = partnersRoom(db, { zone: 'Asia/Kolkata' })
    await landed(db, [
      { partner: 'before', at: startOfHour(FIRST + 18) + 1_799 },
      { partner: 'after', at: startOfHour(FIRST + 18) + 1_800 },
    ])
    const done = await runPartners(room, { day: DAY, from: FIRST + 18 })
    expect(stepsOf(done)).to.deep.equal(['h18', DAY])
    expect(done.map(({ voters, inflow }) => [voters, inflow])).to.deep.equal([
      [2, 2n * CC],
      [1, (2n * CC * 3n) / 4n],
    ])
    expect(done[0]).to.include({ day: DAY })
    const paid = await settle({ ...room, reach: async () => new Map() }, partnersProgram(COIN))
    expect(paid.kept).to.deep.equal({ 'no-wallet': 2 })
  })

  it('settles what was earned up to the last distributed day; the hours after it wait for theirs', async () => {
    await landed(db, [...votesOf(1, FIRST + 23), ...votesOf(1, FIRST + 24)])
    const settled = async (): Promise<bigint> => {
      const reach = async (): Promise<ReadonlyMap<string, Reach>> =>
        new Map([['p1', { address: `0x${'00'.repeat(19)}01` }]])
      return (await settle({ ...partnersRoom(db), reach }, partnersProgram(COIN))).amount
    }
    const done = await runPartners(partnersRoom(db), { hour: FIRST + 23 })
    expect(await settled()).to.equal(0n)
    done.push(...(await runPartners(partnersRoom(db), { hour: FIRST + 24 })))
    const [hour, day, next] = done
    expect(await settled()).to.equal((hour?.paid ?? 0n) + (day?.paid ?? 0n))
    expect(await accruedOf(db, 'p1')).to.equal(next?.paid)
  })

  it('has days of one zone for ever: another one is refused before anything is posted', async () => {
    await landed(db, votesOf(3, FIRST))
    const inZone = (zone: string) => runPartners(partnersRoom(db, { zone }), { hour: FIRST })
    await inZone('Asia/Kolkata')
    expect((await rejectionOf(inZone('UTC'))).code).to.equal('PARTNERS_ZONE_CHANGED')
    expect(await inZone('Asia/Kolkata')).to.have.length(1)
  })

  it('D-19 each distribution is one row of the store and one JSON line of the log', async () => {
    const lines: Record<string, unknown>[] = []
    const write = (line: string): void => void lines.push(JSON.parse(line) as never)
    const log = createLogger({ level: 'info', write })
    await landed(db, votesOf(12, FIRST + 23))
    await runPartners(partnersRoom(db, { log }), { day: DAY, from: FIRST + 23 })
    const [hourly, daily] = lines.filter(({ event }) => event === 'reward-distributed')
    const { version: ruleset } = rulesetOf()
    expect(hourly).to.deep.include({ type: 'hourly', hour: FIRST + 23, day: DAY, ruleset })
    const counts = { top10p: 2, top10: 10, top100: 12, top1000: 12, all: 12 }
    expect(hourly).to.deep.include({ userCounts: { voters: 12, votes: 12, ...counts } })
    expect(daily).to.deep.include({ type: 'daily', day: DAY, eccCap: String(5n * CC), ruleset })
    expect(daily?.['userCounts']).to.include({ voters: 12, top10p_ecc: 2, top50p: 6, top10: 0 })
    expect(hourly).to.include.keys('time', 'total')
    const rows = await db.query(
      'select reward_type, total_amount, ecc_cap from reward_distribution_logs order by 1 desc',
    )
    expect(rows).to.deep.equal([
      { reward_type: 'hourly', total_amount: hourly?.['total'], ecc_cap: null },
      { reward_type: 'daily', total_amount: daily?.['total'], ecc_cap: String(5n * CC) },
    ])
    // At this level nobody's votes are told.
    expect(lines.some(({ event }) => event === 'votes-by-partner')).to.equal(false)
  })

  it('D-20 at debug level votes are counted by partner and by type, a thousand partners a line', async () => {
    const lines: Record<string, unknown>[] = []
    const write = (line: string): void => void lines.push(JSON.parse(line) as never)
    const log = createLogger({ level: 'debug', write })
    const votes = votesOf(1_001, FIRST).map((vote, at) => ({
      ...vote,
      at: startOfHour(FIRST),
      cc: 1,
      type: at === 0 ? 'blog' : 'item',
    }))
    await landed(db, votes)
    await runPartners(partnersRoom(db, { log }), { hour: FIRST })
    const pages = lines
      .filter(({ event }) => event === 'votes-by-partner')
      .map(({ partners }) => partners as unknown[])
    expect(pages.map((page) => page.length)).to.deep.equal([1_000, 1])
    expect(pages[0]?.[0]).to.deep.equal({
      partner: 'p1',
      votes: 1,
      cc: '1',
    })
    const types = lines.find(({ event }) => event === 'votes-by-type')?.['types']
    expect(types).to.deep.equal([
      { type: 'item', votes: '1000', cc: '1000' },
      { type: 'blog', votes: '1', cc: '1' },
    ])
  })

  it('what is due: hours at the minute, a day soon after its end with all its hours, from where it began', async () => {
    const clock = testClock(startOfHour(FIRST + 22) + 100)
    const room = partnersRoom(db, { clock })
    const due = async (): Promise<string[]> => {
      const at = clock.now()
      return stepsOf(await runPartners(room, { due: { at, minute: 30, afterDay: 35 } }))
    }
    expect(await due()).to.deep.equal([])
    expect(await readState(db, false)).to.deep.equal({ firstHour: FIRST + 22 })
    clock.set(startOfHour(FIRST + 23) + 29 * 60)
    expect(await due()).to.deep.equal([])
    clock.advance(60)
    expect(await due()).to.deep.equal(['h22'])
    clock.set(startOfHour(FIRST + 24) + 34)
    expect(await due()).to.deep.equal([])
    clock.advance(1)
    expect(await due()).to.deep.equal(['h23', DAY])
    clock.set(startOfHour(FIRST + 25) + 30 * 60)
    expect(await due()).to.deep.equal(['h24'])
  })

  it('refuses what is before the first hour, not over yet, or more than a year of hours away', async () => {
    const clock = testClock(startOfHour(FIRST + 4) - 1)
    const codeOf = async (asked: object): Promise<string> =>
      (await rejectionOf(runPartners(partnersRoom(db, { clock }), asked))).code
    expect(await codeOf({ hour: FIRST + 3 })).to.equal('PARTNERS_PERIOD_OPEN')
    expect(await codeOf({ day: DAY })).to.equal('PARTNERS_PERIOD_OPEN')
    expect(await readState(db, false)).to.deep.equal({})
    await runPartners(partnersRoom(db, { clock }), { hour: FIRST + 2 })
    expect(await codeOf({ hour: FIRST + 1 })).to.equal('PARTNERS_PERIOD_PASSED')
    expect(await codeOf({ day: '2026-11-19' })).to.equal('PARTNERS_PERIOD_PASSED')
    clock.advance(400 * 86_400)
    expect(await codeOf({ hour: FIRST + 366 * 24 + 3 })).to.equal('PARTNERS_TOO_FAR')
  })

  it('a slip of the hand is no first hour: one long before the first vote is refused', async () => {
    const codeOf = async (asked: object): Promise<string> =>
      (await rejectionOf(runPartners(partnersRoom(db), asked))).code
    expect(await codeOf({ hour: 5 })).to.equal('PARTNERS_TOO_EARLY')
    await landed(db, votesOf(1, FIRST))
    expect(await codeOf({ hour: 5 })).to.equal('PARTNERS_TOO_EARLY')
    expect(await codeOf({ hour: FIRST, from: FIRST - 367 * 24 })).to.equal('PARTNERS_TOO_EARLY')
    expect(await codeOf({ hour: FIRST, from: FIRST - 366 * 24 })).to.equal('PARTNERS_TOO_FAR')
    expect(await readState(db, false)).to.deep.equal({})
  })

  it('money in a pool that no distribution brought stops the next one', async () => {
    await landed(db, votesOf(1, FIRST))
    const stray = { key: 'stray', debit: 'issuer:other', credit: accounts.hourPool, asset: COIN }
    await postIn(db, [{ ...stray, amount: 1n, code: 'stray', effectiveAt: 0 }], 0)
    const refused = await rejectionOf(runPartners(partnersRoom(db), { hour: FIRST }))
    expect(refused).to.include({ code: 'PARTNERS_POOL_DIFFERS' })
    expect(await db.query('select 1 from partner_hour')).to.deep.equal([])
  })

  it('D-24 a signal ends the step that runs; the next start goes on behind it', async () => {
    const stop = new AbortController()
    const onStep = (): void => stop.abort(new Error('stop'))
    await landed(db, votesOf(2, FIRST))
    const room = partnersRoom(db, { signal: stop.signal, onStep })
    await runPartners(room, { hour: FIRST + 2, from: FIRST }).then(
      () => expect.fail('it went on'),
      (error: Error) => expect(error.message).to.equal('stop'),
    )
    expect(await readState(db, false)).to.include({ lastHour: FIRST })
    expect(stepsOf(await runPartners(partnersRoom(db), { hour: FIRST + 2 }))).to.deep.equal([
      'h1',
      'h2',
    ])
  })
})

async function everything(db: Db): Promise<unknown> {
  const tables = ['partner_hour', 'partner_hour_share', 'partner_day', 'partner_day_share']
  const rows = []
  for (const table of tables) rows.push(await db.query(`select * from ${table} order by 1, 2, 3`))
  rows.push(await db.query('select * from payout_accrual order by ref'))
  rows.push(await db.query('select * from ledger_transfer order by id'))
  return rows
}
