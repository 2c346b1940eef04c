import { expect } from 'chai'
import { createLogger } from '../../../../../keeper/base/log.ts'
import { cliActor } from '../../../../../keeper/office/actor.ts'
import { fundBonus } from '../../../../../keeper/programs/partners/fund-bonus.ts'
import { runPartners } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Asked } from '../../../../../keeper/programs/partners/distribution/run.ts'
import type { Db } from '../../../../../keeper/store/db.ts'
import { runUntilDeath } from '../../../../helpers/crashing-db.ts'
import { assertBooksBalance } from '../../../../helpers/ledger.ts'
import {
  DAY,
  FIRST,
  landed,
  partnersRoom,
  rulesetOf,
  votesOf,
} from '../../../../helpers/partners-room.ts'
import { freshDb } from '../../../../helpers/store.ts'

const LAST = FIRST + 23
const HOUR: Asked = { hour: LAST, from: LAST }
const ruleset = rulesetOf({ ccRate: '2000000000000000003' })

describe('a distribution that dies', function () {
  this.timeout(120_000)
  const open: Db[] = []

  afterEach(async () => {
    for (const db of open.splice(0)) {
      await assertBooksBalance(db)
      await db.close()
    }
  })

  /** Votes of its last hour, a special partner, and a bonus. */
  async function place(): Promise<Db> {
    const db = await freshDb()
    open.push(db)
    await landed(db, votesOf(5, LAST))
    await db.query(`insert into partner values ('p2', true, 0)`)
    const actor = cliActor('ann')
    await fundBonus(partnersRoom(db), { amount: 10n ** 18n, reference: 'november', actor })
    return db
  }

  const run = (db: Db, asked: Asked) => runPartners(partnersRoom(db, { ruleset }), asked)

  /** Dies at every await on the store in turn, until it lives. Returns how often it died. */
  async function dieEverywhere(db: Db, asked: Asked): Promise<number> {
    for (let diesAt = 1; ; diesAt += 1) {
      const steps = await runUntilDeath(db, (dying) => run(dying, asked), diesAt)
      await expectWhole(db)
      if (steps < diesAt) return diesAt - 1
    }
  }

  it('D-23 at whatever statement it dies, nothing of it is there, and a rerun ends as undisturbed', async () => {
    const [db, twin] = [await place(), await place()]
    expect(await dieEverywhere(db, HOUR)).to.be.greaterThan(30)
    expect(await dieEverywhere(db, { day: DAY })).to.be.greaterThan(30)
    await run(twin, HOUR)
    await run(twin, { day: DAY })
    expect(await everything(db)).to.deep.equal(await everything(twin))
  })

  it('D-23 a step that fails is undone, told in the log, and made up for by the next run', async () => {
    const db = await place()
    const lines: Record<string, unknown>[] = []
    const write = (line: string): void => void lines.push(JSON.parse(line) as never)
    const log = createLogger({ level: 'info', write })
    const onStep = (step: string): void => {
      if (step === 'day-booked') throw new Error('a fault behind the last statement')
    }
    await runPartners(partnersRoom(db, { ruleset, log, onStep }), { ...HOUR, day: DAY }).then(
      () => expect.fail('nothing failed'),
      (error: Error) => expect(error.message).to.equal('a fault behind the last statement'),
    )
    expect(lines.map(({ event }) => event)).to.deep.equal([
      'reward-distributed',
      'distribution-rolled-back',
    ])
    expect(lines[1]).to.include({ kind: 'day', day: DAY })
    await expectWhole(db)
    const twin = await place()
    await run(db, { ...HOUR, day: DAY })
    await run(twin, { ...HOUR, day: DAY })
    expect(await everything(db)).to.deep.equal(await everything(twin))
  })

  it('D-23 two that run at once distribute everything once', async () => {
    const [db, twin] = [await place(), await place()]
    const asked = { ...HOUR, day: DAY }
    const both = await Promise.all([run(db, asked), run(db, asked)])
    expect(both.flat().filter(({ isNew }) => isNew)).to.have.length(2)
    await run(twin, asked)
    expect(await everything(db)).to.deep.equal(await everything(twin))
  })
})

/** Rows, shares, awards and the sum for the second database: all of a step, or none of it. */
async function expectWhole(db: Db): Promise<void> {
  const [found] = await db.query(
    `select (select count(*) from partner_hour) as hours,
            (select count(*) from partner_hour_share) as hour_shares,
            (select count(*) from payout_accrual where ref like 'h%') as hour_awards,
            (select count(*) from partner_outbox) as sums,
            (select count(*) from partner_day) as days,
            (select count(*) from partner_day_share) as day_shares,
            (select count(*) from payout_accrual where ref like 'd%') as day_awards`,
  )
  const { hours, days } = found as { hours: bigint; days: bigint }
  expect(found).to.deep.equal({
    hours,
    hour_shares: hours * 5n,
    hour_awards: hours * 5n,
    sums: hours,
    days,
    day_shares: days * 5n,
    day_awards: days * 5n,
  })
}

async function everything(db: Db): Promise<unknown> {
  const queries = [
    'select * from partner_state',
    'select * from partner_hour',
    'select * from partner_hour_share order by partner',
    'select * from partner_day',
    'select * from partner_day_share order by partner',
    'select hour, partner, revision, cc_reward from partner_outbox',
    'select ref, payee, amount, source, content, effective_at from payout_accrual order by ref',
    'select name, balance, version from ledger_account order by name',
    'select key, amount, code, effective_at, reason from ledger_transfer order by key',
  ]
  const rows = []
  for (const query of queries) rows.push(await db.query(query))
  return rows
}
