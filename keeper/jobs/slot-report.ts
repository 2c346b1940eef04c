import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { Config } from '../config.ts'
import type { Db } from '../store/db.ts'
import { nextSlot } from './due.ts'
import { JOBS } from './jobs.ts'
import type { Job } from './jobs.ts'
import { lastFinished, listUnusualSlots } from './slots.ts'
import type { Slot, SlotStatus } from './slots.ts'

/** Slots as `muster status` shows them: what comes, what is open, and what did not go as usual. */
export interface SlotReport {
  jobs: { job: string; lastFinished: UnixSeconds | undefined; next: UnixSeconds }[]
  /** Claimed and not ended: running, waiting, or failed; oldest first. */
  open: ReportedSlot[]
  /** Ended, but late: the reason says why. */
  late: ReportedSlot[]
  /** Not run by policy, or because their window was over. */
  skipped: ReportedSlot[]
}

export interface ReportedSlot {
  job: string
  slot: UnixSeconds
  cycle: Cycle | undefined
  status: SlotStatus
  attempts: number
  reason: string | undefined
}

// A week: what a person who comes back from a holiday wants to know.
const REPORT_SECONDS = 7 * 86_400

export async function reportSlots(
  db: Db,
  config: Pick<Config, 'zone' | 'dailyTime'>,
  now: UnixSeconds,
  planned: readonly Job[] = JOBS,
): Promise<SlotReport> {
  const jobs: SlotReport['jobs'] = []
  for (const { name, schedule } of planned) {
    const next = nextSlot(schedule(config), now)
    jobs.push({ job: name, lastFinished: await lastFinished(db, name), next })
  }
  const unusual = await listUnusualSlots(db, now - REPORT_SECONDS)
  const of = (...states: SlotStatus[]): ReportedSlot[] =>
    unusual.filter(({ status }) => states.includes(status)).map(reported)
  return {
    jobs,
    open: of('available', 'running', 'failed'),
    late: of('completed'),
    skipped: of('skipped'),
  }
}

function reported({ job, slot, cycle, status, attempts, lateReason }: Slot): ReportedSlot {
  return { job, slot, cycle, status, attempts, reason: lateReason }
}
