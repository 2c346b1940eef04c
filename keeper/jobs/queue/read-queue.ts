import { isoTime } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import { DEAD_LETTERS, INTERNAL_PREFIX, JOBS_SCHEMA } from './lanes.ts'

export interface LaneFigures {
  lane: string
  waiting: number
  running: number
  /** Failed, and due again later. */
  retrying: number
  done: number
}

/** A job that failed for good. */
export interface DeadLetter {
  id: string
  lane: string
  sent: string
  failed: string
  retries: number
  reason: string
  data: unknown
}

export interface QueueFigures {
  lanes: LaneFigures[]
  deadLetters: DeadLetter[]
  deadLettersTotal: number
}

// The newest ones show what is wrong; the total says whether there are more.
const MAX_DEAD_LETTERS = 100

/** From the rows, so that it needs no running queue; nothing where none was ever opened. */
export async function readQueue(db: Db): Promise<QueueFigures> {
  const { found } = await db.one<{ found: boolean }>(
    `select to_regclass('${JOBS_SCHEMA}.job') is not null as found`,
  )
  if (!found) return { lanes: [], deadLetters: [], deadLettersTotal: 0 }
  const lanes = await readLanes(db)
  const { total } = await db.one<{ total: number }>(
    `select count(*)::int as total from ${JOBS_SCHEMA}.job
      where name = $1 and state = 'created'`,
    [DEAD_LETTERS],
  )
  return { lanes, deadLetters: await readDeadLetters(db), deadLettersTotal: total }
}

/** Nothing waits or runs there, and nothing failed for good: that waits for a person, and would only fail again. */
export async function isLaneFree(db: Db, lane: string): Promise<boolean> {
  const { found } = await db.one<{ found: boolean }>(
    `select exists (
       select 1 from ${JOBS_SCHEMA}.job
        where (name = $1 and state in ('created', 'retry', 'active'))
           or (name = $2 and source_name = $1 and state = 'created')) as found`,
    [lane, DEAD_LETTERS],
  )
  return !found
}

function readLanes(db: Db): Promise<LaneFigures[]> {
  return db.query<LaneFigures & object>(
    `select q.name as lane,
            count(*) filter (where j.state = 'created')::int as waiting,
            count(*) filter (where j.state = 'active')::int as running,
            count(*) filter (where j.state = 'retry')::int as retrying,
            count(*) filter (where j.state = 'completed')::int as done
       from ${JOBS_SCHEMA}.queue q left join ${JOBS_SCHEMA}.job j on j.name = q.name
      where q.name <> $1 and not starts_with(q.name, $2)
      group by q.name order by q.name`,
    [DEAD_LETTERS, INTERNAL_PREFIX],
  )
}

async function readDeadLetters(db: Db): Promise<DeadLetter[]> {
  const rows = await db.query<
    Omit<DeadLetter, 'sent' | 'failed'> & { sent: bigint; failed: bigint }
  >(
    `select id, coalesce(source_name, name) as lane, coalesce(source_retry_count, 0)::int as retries,
            extract(epoch from coalesce(source_created_on, created_on))::int8 as sent,
            extract(epoch from created_on)::int8 as failed,
            coalesce(output ->> 'message', output -> 'value' ->> 'message', '') as reason, data
       from ${JOBS_SCHEMA}.job where name = $1 and state = 'created'
      order by created_on desc, id limit $2::int`,
    [DEAD_LETTERS, MAX_DEAD_LETTERS],
  )
  return rows.map((row) => ({
    ...row,
    sent: isoTime(Number(row.sent)),
    failed: isoTime(Number(row.failed)),
  }))
}
