import type { Db, DbSession } from '../../store/db.ts'
import type { LeaseOptions } from './lease.ts'

export type LeaseSession = DbSession

// A backend that is told to end does so at its next check, within milliseconds.
const TAKE_TRIES = 20
const TAKE_PAUSE_S = 0.05

// One number a sender and schema; the other advisory locks of ours are far smaller numbers.
const KEY = `hashtextextended(current_schema() || '/lease/' || $1 || '/' || $2, 0)`

/** A connection that holds the sender's advisory lock; undefined while a living one does. */
export async function lockSession(
  db: Db,
  options: LeaseOptions,
): Promise<LeaseSession | undefined> {
  const session = await db.session?.()
  if (!session) return undefined
  try {
    if (await takeLock(session, options)) return session
    await session.close()
    return undefined
  } catch (error) {
    await session.close().catch(() => {})
    throw error
  }
}

async function takeLock(session: LeaseSession, options: LeaseOptions): Promise<boolean> {
  const of = [String(options.chainId), options.sender.toLowerCase()]
  if (await tryLock(session, of)) return true
  if (!(await isHolderStale(session, options))) return false
  await endHolder(session, of)
  for (let attempt = 0; attempt < TAKE_TRIES; attempt += 1) {
    if (await tryLock(session, of)) return true
    await session.query('select pg_sleep($1)', [TAKE_PAUSE_S])
  }
  return false
}

async function tryLock(session: LeaseSession, of: readonly string[]): Promise<boolean> {
  const { got } = await session.one<{ got: boolean }>(
    `select pg_try_advisory_lock(${KEY}) as got`,
    of,
  )
  return got
}

/** By the database's clock alone: the clocks of two machines may differ by more than a lease. */
async function isHolderStale(session: LeaseSession, options: LeaseOptions): Promise<boolean> {
  const row = await session.maybeOne<{ stale: boolean }>(
    `select renewed_at + lease_ms * interval '1 millisecond' < clock_timestamp() as stale
       from writer_lease where chain_id = $1 and sender = $2`,
    [options.chainId, options.sender.toLowerCase()],
  )
  return row?.stale ?? false
}

/** It stands still, or its machine is cut off: its connection ends here, and the lock with it. */
async function endHolder(session: LeaseSession, of: readonly string[]): Promise<void> {
  await session.query(
    `select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and granted and objsubid = 1
        and database = (select oid from pg_database where datname = current_database())
        and ((classid::bigint << 32) | objid::bigint) = ${KEY}`,
    of,
  )
}
