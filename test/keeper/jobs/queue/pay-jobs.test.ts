import { expect } from 'chai'
import { openAlerts } from '../../../../keeper/base/alerts.ts'
import type { Alerts } from '../../../../keeper/base/alerts.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { payJobs } from '../../../../keeper/jobs/queue/pay-jobs.ts'
import { openQueue } from '../../../../keeper/jobs/queue/queue.ts'
import type { ProgramQueue } from '../../../../keeper/jobs/queue/queue.ts'
import { readQueue } from '../../../../keeper/jobs/queue/read-queue.ts'
import type { QueueFigures } from '../../../../keeper/jobs/queue/read-queue.ts'
import { redriveLetter } from '../../../../keeper/jobs/queue/redrive.ts'
import type { Keeper } from '../../../../keeper/keeper.ts'
import { cliActor } from '../../../../keeper/office/actor.ts'
import { readTrail } from '../../../../keeper/office/trail.ts'
import { accrue } from '../../../../keeper/payouts/accrual.ts'
import { writeSettings } from '../../../../keeper/payouts/settings.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { migrate } from '../../../../keeper/store/migrate.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import { createDatabase } from '../../../helpers/databases.ts'
import type { TestDatabase } from '../../../helpers/databases.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { NOON, assertBooksBalance } from '../../../helpers/ledger.ts'
import { testLog } from '../../../helpers/logs.ts'
import { award, openPaying, payeeAt, programOf } from '../../../helpers/paying.ts'
import type { Paying, PayingOptions } from '../../../helpers/paying.ts'
import { ON_POSTGRES } from '../../../helpers/store.ts'

const WAIT_MS = 20_000
const LOOK_MS = 50
const BY = { actor: cliActor('ann'), now: NOON }

describe('the jobs that pay the programs', function () {
  this.timeout(60_000)
  let paying: Paying
  let db: Db
  let database: TestDatabase | undefined
  let alerts: Alerts
  let queue: ProgramQueue | undefined

  async function set(options?: PayingOptions): Promise<void> {
    paying = await openPaying(options)
    // pg-boss has a schema of its own: on a server each test needs a database of its own.
    database = ON_POSTGRES ? await createDatabase() : undefined
    db = database ? await openPostgres(database.url) : paying.db
    if (database) await migrate(db, systemClock)
    alerts = openAlerts({ clock: systemClock, sinks: [] })
  }
  afterEach(async () => {
    await queue?.stop()
    queue = undefined
    await assertBooksBalance(db)
    if (database) await db.close()
    await database?.drop()
    await paying.close()
  })

  async function start(): Promise<void> {
    const room = paying.room({ db })
    const config = { home: '/nowhere' }
    const keeper = { ...room, payouts: room.contracts, config } as unknown as Keeper
    const pace = { retries: 1, firstRetrySeconds: 1, pollSeconds: 0.5 }
    const jobs = payJobs(keeper, alerts)
    queue = await openQueue({ db, log: testLog, jobs, pace, stopLimitMs: 5_000, isAlone: true })
  }

  const take = async (payees: readonly string[]): Promise<void> => {
    const awards = payees.map((payee, i) =>
      award(`r${i}`, payee.toLowerCase(), 5n, { effectiveAt: NOON - 10 + i }),
    )
    await accrue({ db, clock: systemClock, log: testLog }, programOf(awards), { from: 0, to: NOON })
  }

  async function until(isThere: (figures: QueueFigures) => boolean | Promise<boolean>) {
    for (let waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
      const figures = await readQueue(db)
      if (await isThere(figures)) return figures
      await systemClock.sleep(LOOK_MS)
    }
    throw new Error('it did not come to that')
  }

  const laneOf = ({ lanes }: QueueFigures, lane: string) =>
    lanes.find((each) => each.lane === `manual/${lane}`)
  const isIdle = (figures: QueueFigures): boolean => {
    const pay = laneOf(figures, 'pay')
    return pay !== undefined && pay.done > 0 && pay.waiting + pay.running + pay.retrying === 0
  }
  const kinds = (): string[] => alerts.active().map(({ kind, key }) => `${kind} ${key}`)

  it('take up what is owed at the start, one job a batch, until nothing is left', async () => {
    await set({ maxRefused: 1 })
    await take([await paying.refuser(), await paying.refuser(), payeeAt(0)])
    await start()
    const figures = await until(isIdle)
    expect(await paying.balanceOf(payeeAt(0))).to.equal(5n)
    // Two batches stopped at their refusal; the last job found nothing.
    expect(laneOf(figures, 'pay')?.done).to.equal(4)
    expect(kinds()).to.deep.equal([])
  })

  it('wait without failing while the money does not reach, say so, and go on when it does', async () => {
    await set({ funds: 0n })
    await take([payeeAt(0)])
    await start()
    await until(isIdle)
    expect(kinds()).to.deep.equal(['program-waits manual'])
    expect(alerts.active()[0]?.facts['reason']).to.contain('budget')

    await paying.fund(5n)
    await queue?.send('manual', 'look')
    await until(async () => (await paying.balanceOf(payeeAt(0))) === 5n)
    const { deadLettersTotal } = await until(isIdle)
    expect(deadLettersTotal).to.equal(0)
    expect(kinds()).to.deep.equal([])
  })

  it('wait while the guardian has paused the contract, and say until when', async () => {
    await set()
    await take([payeeAt(0)])
    await paying.pause(3_600)
    await start()
    await until(isIdle)
    expect(alerts.active()[0]?.facts['reason']).to.contain('paused until 20')
    expect(await paying.balanceOf(payeeAt(0))).to.equal(0n)
  })

  it('that failed for good are dead letters: their lane rests until a person sends them back', async () => {
    await set()
    await take([payeeAt(0)])
    const settings = { minimum: 1n, unit: 1n, pushUpTo: 0 }
    // Claims, without a contract for them.
    await writeSettings(db, 'manual', settings, { actor: 'cli:ann', now: NOON })
    await start()
    const { deadLetters } = await until(({ deadLettersTotal }) => deadLettersTotal === 1)
    const [letter] = deadLetters
    expect(letter).to.include({ lane: 'manual/pay', retries: 1 })
    await queue?.send('manual', 'look')
    const rested = await until((figures) => (laneOf(figures, 'look')?.done ?? 0) === 2)
    expect(laneOf(rested, 'pay')).to.include({ waiting: 0, running: 0, done: 0 })

    await writeSettings(db, 'manual', { minimum: 1n, unit: 1n }, { actor: 'cli:ann', now: NOON })
    const id = letter?.id ?? ''
    expect(await redriveLetter(db, id, BY)).to.include({ lane: 'manual/pay' })
    await until(async () => (await paying.balanceOf(payeeAt(0))) === 5n)
    const { deadLettersTotal } = await until(isIdle)
    expect(deadLettersTotal).to.equal(0)
    const [note] = await readTrail(db, { limit: 1 })
    expect(note).to.include({ actor: 'cli:ann', action: 'job.redrive', target: id })
    expect((await rejectionOf(redriveLetter(db, id, BY))).code).to.equal('DEAD_LETTER_UNKNOWN')
  })

  it('of which no dead letter has that id: that is told, also where no queue was ever opened', async () => {
    await set()
    for (const id of ['x', '0b5c2f0e-5d0e-4b8c-9d53-2f2b8c9a1e77']) {
      expect((await rejectionOf(redriveLetter(db, id, BY))).code).to.equal('DEAD_LETTER_UNKNOWN')
    }
  })
})
