import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openAlerts } from '../../../../keeper/base/alerts.ts'
import type { Alerts } from '../../../../keeper/base/alerts.ts'
import { toJson } from '../../../../keeper/base/json.ts'
import { startOfHour, systemClock } from '../../../../keeper/base/time.ts'
import { loadConfig } from '../../../../keeper/config.ts'
import { partnerJobs } from '../../../../keeper/jobs/queue/partner-jobs.ts'
import { openQueue } from '../../../../keeper/jobs/queue/queue.ts'
import type { ProgramJob } from '../../../../keeper/jobs/queue/queue.ts'
import type { Keeper } from '../../../../keeper/keeper.ts'
import type { ReachPayees } from '../../../../keeper/payouts/room.ts'
import { settle } from '../../../../keeper/payouts/settlement.ts'
import { partnersProgram } from '../../../../keeper/programs/partners/program.ts'
import { readState } from '../../../../keeper/programs/partners/distribution/state.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { migrate } from '../../../../keeper/store/migrate.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import { testClock } from '../../../helpers/clock.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { createDatabase } from '../../../helpers/databases.ts'
import type { TestDatabase } from '../../../helpers/databases.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { COIN, assertBooksBalance } from '../../../helpers/ledger.ts'
import { testLog } from '../../../helpers/logs.ts'
import { DAY, FIRST, landed, votesOf } from '../../../helpers/partners-room.ts'
import { ON_POSTGRES, freshDb } from '../../../helpers/store.ts'

const MINUTE = 60
const HALF = 30 * MINUTE
const AWAY = {
  MUSTER_PARTNERS_SOURCE_URL: 'mysql://reader:a-password@127.0.0.1:1/votes',
}
const SOURCE = {
  name: 'origin',
  kind: 'mysql',
  votes: {
    table: 'votes',
    columns: {
      key: ['id'],
      partner: 'partner',
      cc: { value: '1' },
      type: { value: 'vote' },
      at: { column: 'created', unit: 's' },
    },
  },
}

describe('the jobs of the partners', function () {
  this.timeout(20_000)
  let db: Db
  let database: TestDatabase | undefined
  let clock: TestClock
  let alerts: Alerts
  let dir: string
  let sent: string[]

  beforeEach(async () => {
    // pg-boss has a schema of its own: on a server each test needs a database of its own.
    database = ON_POSTGRES ? await createDatabase() : undefined
    db = database ? await openPostgres(database.url) : await freshDb()
    if (database) await migrate(db, systemClock)
    clock = testClock(startOfHour(FIRST) + 5 * MINUTE)
    alerts = openAlerts({ clock, sinks: [] })
    dir = await mkdtemp(join(tmpdir(), 'muster-partner-jobs-'))
    sent = []
  })
  afterEach(async () => {
    await assertBooksBalance(db)
    await db.close()
    await database?.drop()
    await rm(dir, { recursive: true, force: true })
  })

  function jobs(env: Record<string, string> = {}, signal?: AbortSignal): ProgramJob[] {
    const config = loadConfig({ MUSTER_PARTNERS: 'pay', ...env })
    const given = { db, clock, log: testLog, config, payouts: { assetId: COIN }, signal }
    return partnerJobs(given as unknown as Keeper, alerts)
  }

  /** As the queue would: a wake-up at that time. */
  async function wake(at: number, env: Record<string, string> = {}): Promise<void> {
    clock.set(at)
    await runJob(jobs(env), 'distribute')
  }

  async function runJob(all: readonly ProgramJob[], lane: string): Promise<void> {
    const send = async (program: string, to: string): Promise<string> => {
      sent.push(`${program}/${to}`)
      return 'id'
    }
    const job = all.find((each) => each.lane === lane)
    await job?.run({ id: 'x', data: {}, signal: new AbortController().signal, send })
  }

  const kinds = (): string[] => alerts.active().map(({ kind }) => kind)
  const lastHour = async (shadow = false): Promise<number | undefined> =>
    (await readState(db, shadow)).lastHour
  const count = async (table: string): Promise<number> => {
    const { n } = await db.one<{ n: bigint }>(`select count(*) as n from ${table}`)
    return Number(n)
  }

  it('D-21 with a moving clock: an hour at minute 30 and not before, the day at 00:00:35 after its last hour', async () => {
    await landed(db, [...votesOf(3, FIRST), ...votesOf(2, FIRST + 23)])
    await wake(startOfHour(FIRST) + 5 * MINUTE)
    await wake(startOfHour(FIRST + 1) + HALF - 1)
    expect(await readState(db, false)).to.deep.equal({ firstHour: FIRST })
    await wake(startOfHour(FIRST + 1) + HALF)
    expect(await lastHour()).to.equal(FIRST)
    expect(sent).to.deep.equal(['partners/special'])

    for (let hour = 2; hour < 24; hour += 1) await wake(startOfHour(FIRST + hour) + HALF)
    await wake(startOfHour(FIRST + 24) + 34)
    expect(await lastHour()).to.equal(FIRST + 22)
    sent = []
    await wake(startOfHour(FIRST + 24) + 35)
    expect(await readState(db, false)).to.include({ lastHour: FIRST + 23, lastDay: DAY })
    expect(sent).to.deep.equal(['partners/special', 'partners/pay'])
    sent = []
    await wake(startOfHour(FIRST + 24) + 36)
    expect(sent).to.deep.equal([])
    expect(kinds()).to.deep.equal([])
  })

  it('wake-ups that got lost lose nothing: the watch sends the job, which makes up for all of them in order', async () => {
    await landed(db, votesOf(3, FIRST))
    await wake(startOfHour(FIRST) + 5 * MINUTE)
    clock.set(startOfHour(FIRST + 40))
    const queue = await openQueue({ db, log: testLog, jobs: [], stopLimitMs: 1_000 })
    await queue.stop()
    await runJob(jobs(), 'watch')
    expect(sent).to.deep.equal(['partners/distribute'])
    // Two hours and more wait: somebody is told until they are done.
    expect(kinds()).to.deep.equal(['partners-behind'])
    await runJob(jobs(), 'distribute')
    expect(await readState(db, false)).to.include({ lastHour: FIRST + 38, lastDay: DAY })
    expect(kinds()).to.deep.equal([])
  })

  it('D-23 while the source is away no hour is distributed without its votes; afterwards all of them are', async () => {
    const file = join(dir, 'source.json')
    await writeFile(file, toJson(SOURCE))
    const env = { ...AWAY, MUSTER_PARTNERS_SOURCE: file }
    await wake(startOfHour(FIRST) + 5 * MINUTE, env)
    // Nothing was ever distributed, and it does not work: that is told at once.
    expect(kinds()).to.deep.equal(['partners-behind'])
    await wake(startOfHour(FIRST + 1) + HALF, env)
    await wake(startOfHour(FIRST + 2) + HALF, env)
    expect(await readState(db, false)).to.deep.equal({ firstHour: FIRST })
    const [alert] = alerts.active()
    expect(alert?.facts).to.include({ code: 'PARTNERS_DATABASE_AWAY', hours: 2 })
    expect(toJson(alert)).not.to.include('a-password')

    await landed(db, votesOf(3, FIRST))
    await wake(startOfHour(FIRST + 2) + HALF + MINUTE)
    expect(await lastHour()).to.equal(FIRST + 1)
    expect(kinds()).to.deep.equal([])
  })

  it('rules that cannot be read fail the job, so that it is tried again and becomes a dead letter', async () => {
    const file = join(dir, 'rules.json')
    await writeFile(file, '{"ccRate": 5}')
    const asked = wake(clock.now(), { MUSTER_PARTNERS_RULES: file })
    expect((await rejectionOf(asked)).code).to.equal('PARTNERS_RULES_INVALID')
    expect(alerts.active()[0]?.facts).to.include({ code: 'PARTNERS_RULES_INVALID' })
    await wake(clock.now())
    expect(kinds()).to.deep.equal([])
  })

  it('in the shadow everything is calculated and kept, nothing is posted, owed or sent', async () => {
    await landed(db, [...votesOf(3, FIRST), ...votesOf(2, FIRST + 23)])
    const env = { MUSTER_PARTNERS: 'shadow', MUSTER_PARTNERS_SPECIAL: 'p1' }
    await wake(startOfHour(FIRST) + MINUTE, env)
    await wake(startOfHour(FIRST + 24) + 35, env)
    expect(await readState(db, true)).to.include({ lastHour: FIRST + 23, lastDay: DAY })
    expect(await lastHour()).to.equal(undefined)
    expect(await count('partner_day_share where shadow')).to.equal(3)
    for (const table of ['ledger_transfer', 'payout_accrual', 'partner_outbox']) {
      expect(await count(table), table).to.equal(0)
    }
    expect(sent).to.deep.equal([])
    expect(jobs(env).map(({ lane }) => lane)).to.deep.equal(['distribute', 'watch'])
  })

  it('a stop ends the step that runs and begins no other; the next term goes on from the rows', async () => {
    await landed(db, votesOf(3, FIRST))
    await wake(startOfHour(FIRST) + MINUTE)
    clock.set(startOfHour(FIRST + 5) + HALF)
    const stop = new AbortController()
    stop.abort(new Error('the keeper stops'))
    await runJob(jobs({}, stop.signal), 'distribute')
    expect(await lastHour()).to.equal(undefined)
    await runJob(jobs(), 'distribute')
    expect(await lastHour()).to.equal(FIRST + 4)
  })

  it('what is earned is paid daily: a settlement in the middle of the day makes no payouts of its hours', async () => {
    const reach: ReachPayees = async (_t, _program, payees) =>
      new Map(payees.map((payee) => [payee, { address: `0x${'11'.repeat(20)}` }]))
    const pay = (): ReturnType<typeof settle> =>
      settle({ db, clock, log: testLog, reach }, partnersProgram(COIN))
    await landed(db, votesOf(3, FIRST))
    await wake(startOfHour(FIRST) + MINUTE)
    await wake(startOfHour(FIRST + 12) + HALF)
    expect(await count('payout_accrual')).to.equal(3)
    expect(await pay()).to.include({ payouts: 0, amount: 0n })

    await wake(startOfHour(FIRST + 24) + 35)
    const { accrued } = await db.one<{ accrued: string }>(
      'select sum(amount)::text as accrued from payout_accrual',
    )
    // One payout for each, of its hour and its day.
    expect(await pay()).to.include({ payouts: 3, amount: BigInt(accrued) })
    await landed(db, votesOf(3, FIRST + 25))
    await wake(startOfHour(FIRST + 26) + HALF)
    expect(await pay()).to.include({ payouts: 0 })
  })

  it('there are none where partners are off, and none without the key that pays', () => {
    expect(jobs({ MUSTER_PARTNERS: 'off' })).to.deep.equal([])
    const config = loadConfig({ MUSTER_PARTNERS: 'pay' })
    const without = { db, clock, log: testLog, config } as unknown as Keeper
    expect(partnerJobs(without, alerts)).to.deep.equal([])
    expect(jobs().map(({ lane }) => lane)).to.deep.equal(['distribute', 'watch', 'special'])
  })
})
