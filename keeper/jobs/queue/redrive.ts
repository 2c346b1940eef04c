import { PgBoss } from 'pg-boss'
import { KeeperError } from '../../base/errors.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Actor } from '../../office/actor.ts'
import { appendTrail } from '../../office/trail.ts'
import type { Db } from '../../store/db.ts'
import { bossDb } from './boss-db.ts'
import { DEAD_LETTERS, JOBS_SCHEMA } from './lanes.ts'

export interface Redriven {
  lane: string
  /** Of the new job. */
  id: string
}

interface Letter {
  lane: string | null
  data: Record<string, unknown> | null
}

/**
 * A dead letter goes back to its lane as a new job, with all its attempts; the keeper that leads works on it. With the
 * line in the trail in one transaction, whether or not a queue is open here. DEAD_LETTER_UNKNOWN.
 */
export async function redriveLetter(
  db: Db,
  id: string,
  { actor, now }: { actor: Actor; now: UnixSeconds },
): Promise<Redriven> {
  return db.begin(async (t) => {
    const letter = await takeLetter(t, id)
    const lane = letter.lane ?? ''
    const after = { lane, id: await sendBack(t, lane, letter.data ?? {}) }
    await appendTrail(t, { actor, action: 'job.redrive', target: id, after }, now)
    return after
  })
}

async function takeLetter(t: Db, id: string): Promise<Letter> {
  const { found } = await t.one<{ found: boolean }>(
    `select to_regclass('${JOBS_SCHEMA}.job') is not null as found`,
  )
  const isId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)
  if (!found || !isId) throw new KeeperError('DEAD_LETTER_UNKNOWN', { id })
  const letter = await t.maybeOne<Letter & object>(
    `delete from ${JOBS_SCHEMA}.job where name = $1 and id = $2::uuid and state = 'created'
     returning source_name as lane, data`,
    [DEAD_LETTERS, id],
  )
  if (!letter) throw new KeeperError('DEAD_LETTER_UNKNOWN', { id })
  return letter
}

/** By pg-boss itself, which knows what its lane gives a job; without its workers and clocks. */
async function sendBack(t: Db, lane: string, data: Record<string, unknown>): Promise<string> {
  const boss = new PgBoss({
    db: bossDb(t),
    backend: t.kind,
    schema: JOBS_SCHEMA,
    migrate: false,
    supervise: false,
    schedule: false,
  })
  await boss.start()
  try {
    const id = await boss.send(lane, data)
    if (id === null) throw new KeeperError('JOB_UNKNOWN', { lane })
    return id
  } finally {
    await boss.stop({ graceful: false, close: false })
  }
}
