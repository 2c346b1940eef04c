import { toJson } from '../base/json.ts'
import type { Json } from '../base/json.ts'
import type { Hex } from '../base/schema.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { Db } from '../store/db.ts'

export type Trigger = 'schedule' | 'manual' | 'replay'
export type ActionStatus = 'started' | 'done' | 'failed' | 'skipped'

/** Z-54: what a job did, to whom, with which transaction. */
export interface Action {
  job: string
  trigger: Trigger
  action: string
  targets: readonly (number | string)[]
  status: ActionStatus
  txHash?: Hex | undefined
  error?: string | undefined
}

export interface ActionRow extends Action {
  id: bigint
  createdAt: UnixSeconds
}

// A page for people.
const DEFAULT_LIST_LIMIT = 100

export async function recordAction(db: Db, clock: Clock, action: Action): Promise<void> {
  const { job, trigger, targets, txHash, status, error } = action
  await db.query(
    `insert into action_log (job, trigger, action, targets, tx_hash, status, error, created_at)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7, $8)`,
    [
      job,
      trigger,
      action.action,
      toJson(targets),
      txHash ?? null,
      status,
      error ?? null,
      clock.now(),
    ],
  )
}

/** Newest first. */
export async function listActions(db: Db, limit = DEFAULT_LIST_LIMIT): Promise<ActionRow[]> {
  const rows = await db.query<StoredAction>('select * from action_log order by id desc limit $1', [
    limit,
  ])
  return rows.map(({ id, job, trigger, action, targets, tx_hash, status, error, created_at }) => ({
    id,
    job,
    trigger,
    action,
    status,
    createdAt: Number(created_at),
    targets: targets as (number | string)[],
    txHash: tx_hash ?? undefined,
    error: error ?? undefined,
  }))
}

interface StoredAction {
  id: bigint
  job: string
  trigger: Trigger
  action: string
  targets: Json
  tx_hash: Hex | null
  status: ActionStatus
  error: string | null
  created_at: bigint
}
