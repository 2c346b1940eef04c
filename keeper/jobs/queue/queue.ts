import type { ScheduledTask } from 'node-cron'
import { PgBoss } from 'pg-boss'
import { KeeperError, describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Db } from '../../store/db.ts'
import { wakeBy } from '../wake-up.ts'
import type { Cron } from '../wake-up.ts'
import { bossDb } from './boss-db.ts'
import { DEAD_LETTERS, JOBS_SCHEMA, laneName } from './lanes.ts'
import { isLaneFree } from './read-queue.ts'

/** What a program has to do, in a lane of its own: two of one lane never run at the same time. */
export interface ProgramJob {
  program: string
  lane: string
  /** Cron expression in UTC; without it the job runs only when it is sent. */
  every?: string
  /** To the second, and in a zone: sends it where its lane is free. */
  wakes?: readonly Cron[]
  /** Also at the start of the queue. */
  isAtStart?: boolean
  /** May be run again after it failed or the process died: it looks at what is done already. */
  run(task: Task): Promise<void>
}

export interface Task {
  id: string
  data: Record<string, unknown>
  /** Aborted when it takes too long, and when a stop cannot wait any longer. */
  signal: AbortSignal
  send: ProgramQueue['send']
}

export interface ProgramQueue {
  /** The job's id. JOB_UNKNOWN for a lane that nobody works on. */
  send(program: string, lane: string, data?: Record<string, unknown>): Promise<string>
  /** Nothing new; what runs may end within the limit and is run again at the next start if it does not. */
  stop(): Promise<void>
}

export interface QueueOptions {
  db: Db
  log: Logger
  jobs: readonly ProgramJob[]
  stopLimitMs: number
  pace?: Pace
  /** Nobody else works on these lanes now: what a dead process was at is taken up at once. */
  isAlone?: boolean
}

export interface Pace {
  retries: number
  firstRetrySeconds: number
  pollSeconds: number
}

// An hour of an away node is bridged: 30 s, doubled each time, up to an hour between two.
const USUAL_PACE: Pace = { retries: 8, firstRetrySeconds: 30, pollSeconds: 2 }
const MAX_RETRY_SECONDS = 3_600
// The longest job is a month's settlement of a hundred thousand payees, with its waits for final blocks.
const EXPIRE_SECONDS = 6 * 3_600
// A process that died is noticed after that, and its job is run again.
const HEARTBEAT_SECONDS = 60
// Whoever looks after a program comes by more often than once a year.
const KEEP_SECONDS = 365 * 86_400
// Done ones are shown for a week.
const KEEP_DONE_SECONDS = 7 * 86_400

/** pg-boss in a schema of its own beside our tables; it makes and migrates that by itself. */
export async function openQueue(options: QueueOptions): Promise<ProgramQueue> {
  const { db, log, jobs, stopLimitMs } = options
  const isEmbedded = db.kind === 'pglite'
  const boss = new PgBoss({
    db: bossDb(db),
    backend: db.kind,
    schema: JOBS_SCHEMA,
    // Looking after bloat is for a server with much traffic: a few jobs an hour make none.
    reindex: !isEmbedded,
    monitorVacuum: !isEmbedded,
  })
  boss.on('error', (error) => log.warn({ reason: describe(error).message }, 'queue-failed'))
  boss.on('warning', ({ message }) => log.warn({ reason: message }, 'queue-warns'))
  await boss.start()
  const stop = (): Promise<void> =>
    boss.stop({ graceful: true, timeout: stopLimitMs, close: false })
  const lanes = new Set(jobs.map(({ program, lane }) => laneName(program, lane)))
  const sendTo: ProgramQueue['send'] = (program, lane, data = {}) =>
    send(boss, lanes, { program, lane, data })
  try {
    await openLanes(boss, options, sendTo)
  } catch (error) {
    await stop()
    throw error
  }
  const tasks = jobs.flatMap((job) => wakeUps(job, options, sendTo))
  log.info({ lanes: [...lanes] }, 'queue-started')
  return {
    send: sendTo,
    stop: async () => {
      for (const task of tasks) await task.destroy()
      await stop()
    },
  }
}

function wakeUps(
  { program, lane, wakes = [] }: ProgramJob,
  { db, log }: QueueOptions,
  sendTo: ProgramQueue['send'],
): ScheduledTask[] {
  const name = laneName(program, lane)
  return wakes.map((cron) =>
    wakeBy(cron, { name, log }, async () => {
      try {
        if (await isLaneFree(db, name)) await sendTo(program, lane)
      } catch (error) {
        // The store is away for a moment: the next wake-up finds the same due.
        log.warn({ lane: name, reason: describe(error).message }, 'wake-up-lost')
      }
    }),
  )
}

async function openLanes(
  boss: PgBoss,
  options: QueueOptions,
  sendTo: ProgramQueue['send'],
): Promise<void> {
  const { db, jobs, pace = USUAL_PACE, isAlone } = options
  await boss.createQueue(DEAD_LETTERS, { retentionSeconds: KEEP_SECONDS })
  for (const { program, lane } of jobs) {
    // One of a lane at a time, whichever process it is in.
    await boss.createQueue(laneName(program, lane), {
      policy: 'singleton',
      deadLetter: DEAD_LETTERS,
      retryLimit: pace.retries,
      retryDelay: pace.firstRetrySeconds,
      retryBackoff: true,
      retryDelayMax: MAX_RETRY_SECONDS,
      expireInSeconds: EXPIRE_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      retentionSeconds: KEEP_SECONDS,
      deleteAfterSeconds: KEEP_DONE_SECONDS,
    })
  }
  await keepSchedules(boss, jobs)
  if (isAlone === true) await takeOver(db, jobs)
  for (const job of jobs) await work(boss, job, options, sendTo)
  for (const { program, lane, isAtStart } of jobs) {
    if (isAtStart === true) await sendTo(program, lane)
  }
}

/** Without it the heartbeat of a process that is gone would hold its lane for minutes. */
async function takeOver(db: Db, jobs: readonly ProgramJob[]): Promise<void> {
  const lanes = jobs.map(({ program, lane }) => laneName(program, lane))
  await db.query(
    `update ${JOBS_SCHEMA}.job set state = 'retry', start_after = now(), heartbeat_on = null
      where state = 'active' and name in (select jsonb_array_elements_text($1::jsonb))`,
    [JSON.stringify(lanes)],
  )
}

/** Those that are not in the table any more would be sent for ever. */
async function keepSchedules(boss: PgBoss, jobs: readonly ProgramJob[]): Promise<void> {
  const wanted = new Map(
    jobs.flatMap(({ program, lane, every }) =>
      every === undefined ? [] : [[laneName(program, lane), every] as const],
    ),
  )
  for (const { name } of await boss.getSchedules()) {
    if (!wanted.has(name)) await boss.unschedule(name)
  }
  for (const [name, every] of wanted) {
    await boss.schedule(name, every, {}, { tz: 'UTC', missed: 'once' })
  }
}

async function work(
  boss: PgBoss,
  job: ProgramJob,
  { log, pace = USUAL_PACE }: QueueOptions,
  sendTo: ProgramQueue['send'],
): Promise<void> {
  const name = laneName(job.program, job.lane)
  const how = { batchSize: 1, localConcurrency: 1, pollingIntervalSeconds: pace.pollSeconds }
  await boss.work<Task['data']>(name, how, async ([task]) => {
    if (!task) return
    const { id, data, signal } = task
    log.info({ lane: name, id }, 'job-started')
    try {
      await job.run({ id, data, signal, send: sendTo })
      log.info({ lane: name, id }, 'job-done')
    } catch (error) {
      const { code, message } = describe(error)
      log.error({ lane: name, id, code, reason: message }, 'job-failed')
      // What is kept beside the job has no secret in it, and no stack of a library.
      throw new KeeperError('JOB_FAILED', { lane: name, code, reason: message })
    }
  })
}

async function send(
  boss: PgBoss,
  lanes: ReadonlySet<string>,
  { program, lane, data }: { program: string; lane: string; data: Task['data'] },
): Promise<string> {
  const name = laneName(program, lane)
  if (!lanes.has(name)) throw new KeeperError('JOB_UNKNOWN', { lane: name })
  const id = await boss.send(name, data)
  if (id === null) throw new KeeperError('JOB_UNKNOWN', { lane: name })
  return id
}
