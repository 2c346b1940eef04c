import { SECONDS_PER_HOUR } from '../base/time.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { JOBS } from './jobs.ts'
import type { Job } from './jobs.ts'

/** For monitors: how the slots of one job stand. */
export interface JobFigures {
  job: string
  /** By instant, so that making up for an old slot is not a success of today. */
  lastDone:
    | { job: string; slot: UnixSeconds; cycle: Cycle | undefined; finishedAt: UnixSeconds }
    | undefined
  open: number
  late: number
}

// A settlement of many batches takes minutes; after an hour somebody should look.
const LATE_SECONDS = SECONDS_PER_HOUR

export async function readSlotFigures(
  db: Db,
  now: UnixSeconds,
  jobs: readonly Job[] = JOBS,
): Promise<JobFigures[]> {
  const figures: JobFigures[] = []
  for (const { name: job } of jobs) {
    figures.push({ job, lastDone: await lastDoneOf(db, job), ...(await openOf(db, job, now)) })
  }
  return figures
}

async function lastDoneOf(db: Db, job: string): Promise<JobFigures['lastDone']> {
  const row = await db.maybeOne<{ slot: bigint; cycle: number | null; finished_at: bigint }>(
    `select slot, cycle, finished_at from job_run where job = $1 and status = 'completed'
      order by slot desc limit 1`,
    [job],
  )
  if (!row) return undefined
  const { slot, cycle, finished_at: finishedAt } = row
  return { job, slot: Number(slot), cycle: cycle ?? undefined, finishedAt: Number(finishedAt) }
}

async function openOf(
  db: Db,
  job: string,
  now: UnixSeconds,
): Promise<{ open: number; late: number }> {
  const { open, late } = await db.one<{ open: bigint; late: bigint }>(
    `select count(*) as open, count(*) filter (where slot < $2) as late from job_run
      where job = $1 and status in ('available', 'running', 'failed')`,
    [job, now - LATE_SECONDS],
  )
  return { open: Number(open), late: Number(late) }
}
