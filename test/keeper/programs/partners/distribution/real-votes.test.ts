import { expect } from 'chai'
import { sum } from '../../../../../keeper/base/amount.ts'
import { parseDecimalDown } from '../../../../../keeper/base/decimal.ts'
import { toJson } from '../../../../../keeper/base/json.ts'
import { hourOf, isoTime, startOfHour } from '../../../../../keeper/base/time.ts'
import { balanceOf, listAccounts } from '../../../../../keeper/ledger/balances.ts'
import { cliActor } from '../../../../../keeper/office/actor.ts'
import { fundBonus } from '../../../../../keeper/programs/partners/fund-bonus.ts'
import { accounts } from '../../../../../keeper/programs/partners/names.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Done } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { testClock } from '../../../../helpers/clock.ts'
import { COIN, assertBooksBalance } from '../../../../helpers/ledger.ts'
import { readTimedVotes, readWeightedVotes } from '../../../../helpers/partner-votes.ts'
import type { RealVote } from '../../../../helpers/partner-votes.ts'
import { oracleDay, oracleHour } from '../../../../helpers/partners-oracle.ts'
import type { Amounts, OracleResult } from '../../../../helpers/partners-oracle.ts'
import { landed, partnersRoom, rulesetOf } from '../../../../helpers/partners-room.ts'
import { freshDb } from '../../../../helpers/store.ts'

// Prime, so that no division comes out even.
const UNITS_PER_CC = 1_000_000_000_000_000_003n
// The bonus is on; of some days the budget is short.
const BUDGET = 40_000_000_000_000_000_001n
const ruleset = rulesetOf({ ccRate: String(UNITS_PER_CC) })
/** Long after all of them. */
const NOW = 1_800_000_000

describe('real votes through the store and the books', function () {
  this.timeout(600_000)
  let db: Db

  beforeEach(async () => {
    db = await freshDb()
    const actor = cliActor('ann')
    await fundBonus(partnersRoom(db), { amount: BUDGET, reference: 'all', actor })
  })

  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
  })

  /** All that the file's votes bring, step by step beside the slow implementation. */
  async function compare(votes: readonly RealVote[], { isHourly }: { isHourly: boolean }) {
    await landed(
      db,
      votes.map(({ voter, at }) => ({ partner: voter, at })),
    )
    await landEcc(db, votes)
    const hours = votes.map(({ at }) => hourOf(at))
    const [from, last] = [Math.min(...hours), Math.max(...votes.map(({ at }) => at))]
    const room = partnersRoom(db, { ruleset, clock: testClock(NOW) })
    const done = await runPartners(room, { day: dayOf(last), from })
    const votesIn = Map.groupBy(votes, ({ at }) => hourOf(at))
    const votesOn = Map.groupBy(votes, ({ at }) => dayOf(at))
    const [hourly, daily] = [await sharesIn(db, 'hourly'), await sharesIn(db, 'daily')]
    const given = new Map<string, bigint>()
    const give = (shares: Map<string, Amounts>): void => {
      for (const [partner, amounts] of shares) {
        given.set(partner, (given.get(partner) ?? 0n) + sum(Object.values(amounts)))
      }
    }
    for (const each of done) {
      const isHour = each.kind === 'hour'
      const [own, shares] = isHour
        ? [votesIn.get(each.hour) ?? [], hourly.get(startOfHour(each.hour)) ?? new Map()]
        : [votesOn.get(each.day) ?? [], daily.get(each.from - (each.from % 86_400)) ?? new Map()]
      give(shares)
      if (isHour && !isHourly) continue
      const oracle = oracleOf(each, own)
      expectSame(shares, oracle.amounts, nameOf(each))
      expect(each.carry, nameOf(each)).to.equal(oracle.carry)
    }
    expectCarried(done)
    await expectBooks(db, done, given)
    return done
  }

  it('D-05, D-09 every hour and every day of the first file as the slow implementation has them', async () => {
    const done = await compare(readTimedVotes(), { isHourly: true })
    expect(done.filter(({ voters }) => voters > 0).length).to.be.greaterThan(339)
  })

  it('D-14, D-16 every day of the second file, with the largest power of the day as coefficient', async () => {
    const done = await compare(readWeightedVotes(), { isHourly: false })
    const days = done.filter(({ kind, voters }) => kind === 'day' && voters > 0)
    expect(days).to.have.length(35)
    expect(days.some((day) => day.kind === 'day' && day.trace.bonus.isScaled)).to.equal(true)
  })
})

const dayOf = (at: number): string => isoTime(at).slice(0, 10)
const nameOf = (done: Done): string => (done.kind === 'hour' ? `hour ${done.hour}` : done.day)

function oracleOf(done: Done, votes: readonly RealVote[]): OracleResult {
  if (done.kind === 'hour') return oracleHour(done.pool, votes)
  const { splitBps: bps, minimumVotes, bonus } = ruleset.daily
  const terms = { bps, minimumVotes, bonus, rate: UNITS_PER_CC, budget: done.bonusBudget }
  return oracleDay(done.pool, votes, terms)
}

/** What a pool has is what was carried and what came; what one leaves is what the next begins with. */
function expectCarried(done: readonly Done[]): void {
  const carried = { hour: 0n, day: 0n }
  let gathered = 0n
  for (const each of done) {
    expect(each.carried, nameOf(each)).to.equal(carried[each.kind])
    const came = each.kind === 'hour' ? each.inflow - (each.inflow * 3n + 3n) / 4n : gathered
    expect(each.pool, nameOf(each)).to.equal(each.carried + came)
    carried[each.kind] = each.carry
    gathered = each.kind === 'hour' ? gathered + each.inflow - came : 0n
  }
}

async function expectBooks(db: Db, done: readonly Done[], given: Map<string, bigint>) {
  const lastOf = (kind: Done['kind']): Done | undefined =>
    done.findLast((each) => each.kind === kind)
  expect(await balanceOf(db, accounts.hourPool, COIN)).to.equal(lastOf('hour')?.carry)
  expect(await balanceOf(db, accounts.dayPool, COIN)).to.equal(lastOf('day')?.carry)
  const bonus = sum(done.map((each) => (each.kind === 'day' ? each.bonusPaid : 0n)))
  expect(await balanceOf(db, accounts.bonusPool, COIN)).to.equal(BUDGET - bonus)
  const accrued = await listAccounts(db, { prefix: 'accrued:partners:', limit: 100_000 })
  const booked = new Map(accrued.map(({ name, balance }) => [name.split(':')[2] ?? '', balance]))
  for (const [partner, amount] of given) expect(booked.get(partner) ?? 0n, partner).to.equal(amount)
  expect(sum([...booked.values()])).to.equal(sum([...given.values()]))
}

function expectSame(ours: Map<string, Amounts>, oracle: Map<string, Amounts>, where: string): void {
  expect(ours.size, where).to.equal(oracle.size)
  for (const [partner, amounts] of oracle) {
    for (const [category, amount] of Object.entries(amounts)) {
      const got = ours.get(partner)?.[category]
      if (got !== amount) expect(got, `${where} ${partner} ${category}`).to.equal(amount)
    }
  }
}

/** As the origin's reports read them: by their time, by partner. */
async function sharesIn(db: Db, list: 'hourly' | 'daily') {
  const rows = await db.query<Record<string, string | number>>(
    `select *, extract(epoch from time)::int as at from reward_list_${list}`,
  )
  const byTime = new Map<number, Map<string, Amounts>>()
  for (const { partner_id, at, position: _p, time: _t, ...amounts } of rows) {
    const own = byTime.get(Number(at)) ?? new Map<string, Amounts>()
    const exact = Object.entries(amounts).map(([name, text]) => [name, BigInt(text)])
    byTime.set(Number(at), own.set(String(partner_id), Object.fromEntries(exact) as Amounts))
  }
  return byTime
}

async function landEcc(db: Db, votes: readonly RealVote[]): Promise<void> {
  const largest = new Map<string, { partner: string; day: string; ecc: bigint }>()
  for (const { voter: partner, at, power } of votes) {
    const day = dayOf(at)
    const key = `${partner} ${day}`
    const ecc = parseDecimalDown(power, 18)
    if (ecc >= (largest.get(key)?.ecc ?? 0n)) largest.set(key, { partner, day, ecc })
  }
  await db.query(
    `insert into partner_ecc (partner, day, ecc, recorded_at)
     select partner, day, ecc, 0 from jsonb_to_recordset($1::jsonb)
       as e(partner text, day text, ecc numeric)`,
    [toJson([...largest.values()])],
  )
}
