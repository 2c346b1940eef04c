import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { JOBS_SCHEMA } from '../../../../keeper/jobs/queue/lanes.ts'
import { openQueue } from '../../../../keeper/jobs/queue/queue.ts'
import type { ProgramJob, ProgramQueue, Task } from '../../../../keeper/jobs/queue/queue.ts'
import { readQueue } from '../../../../keeper/jobs/queue/read-queue.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import { createDatabase } from '../../../helpers/databases.ts'
import type { TestDatabase } from '../../../helpers/databases.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { testLog } from '../../../helpers/logs.ts'
import { ON_POSTGRES, freshDb } from '../../../helpers/store.ts'

const WAIT_MS = 20_000
const LOOK_MS = 50

describe("the queue of the programs' jobs", function () {
  this.timeout(60_000)
  let db: Db
  let database: TestDatabase | undefined
  const queues: ProgramQueue[] = []

  beforeEach(async () => {
    // pg-boss has a schema of its own: on a server each test needs a database of its own.
    database = ON_POSTGRES ? await createDatabase() : undefined
    db = database ? await openPostgres(database.url) : await freshDb()
  })
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop()))
    await db.close()
    await database?.drop()
  })

  async function open(jobs: ProgramJob[], retries = 1): Promise<ProgramQueue> {
    const pace = { retries, firstRetrySeconds: 1, pollSeconds: 0.5 }
    const queue = await openQueue({ db, log: testLog, jobs, pace, stopLimitMs: 5_000 })
    queues.push(queue)
    return queue
  }

  async function until(isThere: () => boolean | Promise<boolean>): Promise<void> {
    for (let waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
      if (await isThere()) return
      await systemClock.sleep(LOOK_MS)
    }
    throw new Error('it did not come to that')
  }

  const jobOf = (run: ProgramJob['run'], lane = 'settle', program = 'manual'): ProgramJob => ({
    program,
    lane,
    run,
  })

  it('a job that was sent is run once, with what was sent', async () => {
    const tasks: Task[] = []
    const queue = await open([jobOf(async (task) => void tasks.push(task))])

    const id = await queue.send('manual', 'settle', { batch: 7 })
    await until(async () => (await readQueue(db)).lanes[0]?.done === 1)
    expect(tasks.map((task) => [task.id, task.data])).to.deep.equal([[id, { batch: 7 }]])
  })

  it('two of a lane never run at once, also by two queues of one store; two lanes do', async () => {
    const running = new Map<string, number>()
    const most = new Map<string, number>()
    let together = 0
    const run = (lane: string) => async (): Promise<void> => {
      running.set(lane, (running.get(lane) ?? 0) + 1)
      most.set(lane, Math.max(most.get(lane) ?? 0, running.get(lane) ?? 0))
      together = Math.max(together, [...running.values()].filter((count) => count > 0).length)
      await systemClock.sleep(700)
      running.set(lane, (running.get(lane) ?? 0) - 1)
    }
    const jobs = ['accrue', 'settle'].map((lane) => jobOf(run(lane), lane))
    const queue = await open(jobs)
    await open(jobs)

    for (const lane of ['accrue', 'settle', 'accrue', 'settle', 'accrue']) {
      await queue.send('manual', lane)
    }
    await until(async () =>
      (await readQueue(db)).lanes.every(({ waiting, running: now }) => waiting + now === 0),
    )
    expect(Object.fromEntries(most)).to.deep.equal({ accrue: 1, settle: 1 })
    expect(together).to.equal(2)
  })

  it('a job that fails is tried again and then seen among the dead letters, without secrets', async () => {
    let runs = 0
    const queue = await open([
      jobOf(async () => {
        runs += 1
        throw new KeeperError('STORE_UNAVAILABLE', { reason: 'password=hunter22' })
      }),
    ])

    await queue.send('manual', 'settle', { batch: 7 })
    await until(async () => (await readQueue(db)).deadLettersTotal === 1)
    expect(runs).to.equal(2)
    const { deadLetters, lanes } = await readQueue(db)
    expect(deadLetters[0]).to.deep.include({
      lane: 'manual/settle',
      retries: 1,
      data: { batch: 7 },
    })
    expect(deadLetters[0]?.reason).to.include('The database cannot be reached')
    expect(JSON.stringify(await db.query(`select output from ${JOBS_SCHEMA}.job`))).to.not.include(
      'hunter22',
    )
    expect(lanes).to.have.length(1)
  })

  it('a job that fails once is done at the second try', async () => {
    let runs = 0
    const queue = await open([
      jobOf(async () => {
        runs += 1
        if (runs === 1) throw new KeeperError('STORE_UNAVAILABLE', { reason: 'x' })
      }),
    ])

    await queue.send('manual', 'settle')
    await until(async () => (await readQueue(db)).lanes[0]?.done === 1)
    expect([runs, (await readQueue(db)).deadLettersTotal]).to.deep.equal([2, 0])
  })

  it('a stop waits for what runs, and what was sent meanwhile is run at the next start', async () => {
    const done: unknown[] = []
    const job = jobOf(async ({ data }) => {
      await systemClock.sleep(800)
      done.push(data['n'])
    })
    const queue = await open([job])
    await queue.send('manual', 'settle', { n: 1 })
    await until(async () => (await readQueue(db)).lanes[0]?.running === 1)
    await queue.send('manual', 'settle', { n: 2 })
    await queue.stop()
    expect(done).to.deep.equal([1])

    await open([job])
    await until(() => done.length === 2)
    expect(done).to.deep.equal([1, 2])
  })

  it('who is alone takes up at once what a process that is gone was at', async () => {
    const { promise: gone, resolve: end } = Promise.withResolvers<void>()
    const first = await open([jobOf(() => gone)])
    await first.send('manual', 'settle', { batch: 7 })
    await until(async () => (await readQueue(db)).lanes[0]?.running === 1)

    const taken: unknown[] = []
    const job = jobOf(async ({ data }) => void taken.push(data['batch']))
    const options = { db, log: testLog, jobs: [job], stopLimitMs: 5_000, isAlone: true }
    const pace = { retries: 1, firstRetrySeconds: 1, pollSeconds: 0.5 }
    queues.push(await openQueue({ ...options, pace }))
    await until(() => taken.length === 1)
    end()
    expect(taken).to.deep.equal([7])
  })

  it('a recurring job is scheduled once, and no longer when it left the table', async () => {
    const schedules = async (): Promise<object[]> =>
      db.query(`select name, cron, timezone from ${JOBS_SCHEMA}.schedule`)
    const job = jobOf(async () => {}, 'accrue')
    await (await open([{ ...job, every: '5 * * * *' }])).stop()
    await (await open([{ ...job, every: '7 * * * *' }])).stop()
    expect(await schedules()).to.deep.equal([
      { name: 'manual/accrue', cron: '7 * * * *', timezone: 'UTC' },
    ])

    await open([job])
    expect(await schedules()).to.deep.equal([])
  })

  it('a lane that nobody works on takes no job, and a store without a queue has none', async () => {
    expect(await readQueue(db)).to.deep.equal({ lanes: [], deadLetters: [], deadLettersTotal: 0 })
    const queue = await open([jobOf(async () => {})])

    const refusal = await rejectionOf(queue.send('manual', 'other'))
    expect(refusal.code).to.equal('JOB_UNKNOWN')
  })

  it('a job with wake-ups is sent by them while its lane is free, and never after the stop', async () => {
    let [runs, isDone] = [0, false]
    const run = async (): Promise<void> => {
      runs += 1
      // At least one wake-up comes while the first run lasts.
      if (runs === 1) await systemClock.sleep(1_300)
      isDone = true
    }
    const wakes = [{ expression: '* * * * * *', timezone: 'Asia/Kathmandu' }]
    const queue = await open([{ ...jobOf(run), wakes }])
    await until(() => isDone)
    const { lanes } = await readQueue(db)
    expect(lanes[0]).to.include({ waiting: 0, retrying: 0 })
    expect(runs).to.equal(1)
    await until(() => runs > 1)
    await queue.stop()
    const stopped = runs
    await systemClock.sleep(1_100)
    expect(runs).to.equal(stopped)
  })
})
