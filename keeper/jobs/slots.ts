import { KeeperError } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { Clock, Cycle, UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import type { Trigger } from '../validators/action-log.ts'
import type { SlotPlan } from './plan.ts'

export type SlotStatus = 'available' | 'running' | 'completed' | 'failed' | 'skipped'

/** One due run of a job: its row is the claim, there is one for each job and instant. */
export interface Slot {
  job: string
  slot: UnixSeconds
  cycle: Cycle | undefined
  status: SlotStatus
  trigger: Trigger
  lateReason: string | undefined
  /** What it was started with; undefined for one that never was. */
  plan: SlotPlan | undefined
  attempts: number
  createdAt: UnixSeconds
  startedAt: UnixSeconds | undefined
  finishedAt: UnixSeconds | undefined
  facts: Record<string, unknown>
}

export interface SlotKey {
  job: string
  slot: UnixSeconds
}

// A page for people.
const DEFAULT_LIST_LIMIT = 100

export async function lastFinished(db: Db, job: string): Promise<UnixSeconds | undefined> {
  const { slot } = await db.one<{ slot: bigint | null }>(
    `select max(slot) as slot from job_run where job = $1 and status in ('completed', 'skipped')`,
    [job],
  )
  return slot === null ? undefined : Number(slot)
}

/** Rows that a crash, a fault or missing evidence left open, oldest first. */
export async function openSlots(db: Db, job: string): Promise<UnixSeconds[]> {
  const rows = await db.query<{ slot: bigint }>(
    `select slot from job_run
      where job = $1 and status in ('available', 'running', 'failed') order by slot`,
    [job],
  )
  return rows.map(({ slot }) => Number(slot))
}

export interface SlotStart {
  plan: SlotPlan
  trigger: Trigger
  lateReason?: string | undefined
}

/** The claim: a manual run and a scheduled one of the same slot share the row (S-44), and its first plan. */
export async function startSlot(
  db: Db,
  clock: Clock,
  { job, slot }: SlotKey,
  { plan, trigger, lateReason }: SlotStart,
): Promise<void> {
  await db.query(
    `insert into job_run (job, slot, cycle, plan, status, trigger, late_reason, attempts, created_at, started_at)
     values ($1, $2, $3, $4::jsonb, 'running', $5, $6, 1, $7, $7)
     on conflict (job, slot) do update
       set status = 'running', attempts = job_run.attempts + 1, started_at = $7,
           plan = coalesce(job_run.plan, excluded.plan),
           late_reason = coalesce(job_run.late_reason, excluded.late_reason)
     where job_run.status not in ('completed', 'skipped')`,
    [job, slot, plan.cycle, toJson(plan), trigger, lateReason ?? null, clock.now()],
  )
}

export async function completeSlot(
  db: Db,
  clock: Clock,
  { job, slot }: SlotKey,
  facts: object,
): Promise<void> {
  await db.query(
    `update job_run set status = 'completed', finished_at = $3, facts = $4::jsonb
      where job = $1 and slot = $2 and status not in ('completed', 'skipped')`,
    [job, slot, clock.now(), toJson(facts)],
  )
}

/** It waits ('available') or failed ('failed'); either way it stays due, late and with the reason. */
export async function delaySlot(
  db: Db,
  { job, slot }: SlotKey,
  status: 'available' | 'failed',
  reason: string,
): Promise<void> {
  await db.query(
    `update job_run set status = $3, late_reason = $4
      where job = $1 and slot = $2 and status not in ('completed', 'skipped')`,
    [job, slot, status, reason],
  )
}

export async function skipSlot(
  db: Db,
  clock: Clock,
  { job, slot }: SlotKey,
  reason: string,
): Promise<void> {
  await db.query(
    `insert into job_run (job, slot, status, late_reason, created_at, finished_at)
     values ($1, $2, 'skipped', $3, $4, $4)
     on conflict (job, slot) do update
       set status = 'skipped', finished_at = $4,
           late_reason = concat_ws('; ', job_run.late_reason, $3::text)
     where job_run.status <> 'completed'`,
    [job, slot, reason, clock.now()],
  )
}

export async function findSlot(db: Db, { job, slot }: SlotKey): Promise<Slot | undefined> {
  const row = await db.maybeOne<SlotRow>('select * from job_run where job = $1 and slot = $2', [
    job,
    slot,
  ])
  return row && slotOf(row)
}

/** Newest first. */
export async function listSlots(db: Db, limit = DEFAULT_LIST_LIMIT): Promise<Slot[]> {
  const sql = 'select * from job_run order by slot desc, id desc limit $1'
  return (await db.query<SlotRow>(sql, [limit])).map(slotOf)
}

// A week of hours, all of them unusual, and more.
const MAX_UNUSUAL = 200

/** Oldest first: those that are open, and those since then that were late or skipped. */
export async function listUnusualSlots(db: Db, since: UnixSeconds): Promise<Slot[]> {
  const rows = await db.query<SlotRow>(
    `select * from job_run
      where status in ('available', 'running', 'failed')
         or (slot >= $1 and (status = 'skipped' or late_reason is not null))
      order by slot, id limit $2`,
    [since, MAX_UNUSUAL],
  )
  return rows.map(slotOf)
}

interface SlotRow {
  job: string
  slot: bigint
  cycle: number | null
  status: SlotStatus
  trigger: Trigger
  late_reason: string | null
  plan: SlotPlan | null
  attempts: number
  created_at: bigint
  started_at: bigint | null
  finished_at: bigint | null
  facts: Record<string, unknown>
}

function slotOf(row: SlotRow): Slot {
  const { job, status, trigger, attempts, facts } = row
  return {
    job,
    status,
    trigger,
    attempts,
    facts,
    slot: Number(row.slot),
    cycle: row.cycle ?? undefined,
    lateReason: row.late_reason ?? undefined,
    plan: row.plan ?? undefined,
    createdAt: Number(row.created_at),
    startedAt: row.started_at === null ? undefined : Number(row.started_at),
    finishedAt: row.finished_at === null ? undefined : Number(row.finished_at),
  }
}

const running = new WeakMap<Db, Set<string>>()

/**
 * Z-55: one run of a job at a time. Within the process by this set; between processes by the lease, which a
 * keeper needs before it signs (S-42), and on PGlite by the lock of its directory.
 */
export async function exclusively<T>(db: Db, key: SlotKey, run: () => Promise<T>): Promise<T> {
  const jobs = running.get(db) ?? new Set<string>()
  running.set(db, jobs)
  if (jobs.has(key.job)) throw new KeeperError('RUN_IN_PROGRESS', { ...key })
  jobs.add(key.job)
  try {
    return await run()
  } finally {
    jobs.delete(key.job)
  }
}
