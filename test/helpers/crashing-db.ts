import { KeeperError } from '../../keeper/base/errors.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Clock } from '../../keeper/base/time.ts'
import type { Db } from '../../keeper/store/db.ts'

export interface CrashingDb {
  db: Db
  /** How many awaits the store has had so far: each has a before and an after. */
  steps(): number
}

/**
 * A process that dies at one of its awaits on the store: before it (nothing was asked) or after it (it was carried
 * out, and nobody heard). From then on nothing of it reaches the store; a transaction that was open is undone.
 */
export function crashingDb(inner: Db, diesAt = Number.POSITIVE_INFINITY): CrashingDb {
  let steps = 0
  const dead = (): KeeperError =>
    new KeeperError('STORE_UNAVAILABLE', { reason: 'the process died' })

  function step(): void {
    if (steps >= diesAt) throw dead()
    steps += 1
    if (steps >= diesAt) throw dead()
  }

  async function through<T>(run: () => Promise<T>): Promise<T> {
    step()
    const result = await run()
    step()
    return result
  }

  function wrap(db: Db): Db {
    return {
      ...db,
      query: (sql, params) => through(() => db.query(sql, params)),
      one: (sql, params) => through(() => db.one(sql, params)),
      maybeOne: (sql, params) => through(() => db.maybeOne(sql, params)),
      exec: (sql) => through(() => db.exec(sql)),
      // The commit is an await, too: before it everything is undone, after it nothing.
      begin: (fn) =>
        through(() =>
          db.begin(async (t) => {
            const result = await fn(wrap(t))
            step()
            return result
          }),
        ),
    }
  }

  return { db: wrap(inner), steps: () => steps }
}

/**
 * Runs it with a store that dies at that await; what it threw by then is not told.
 * @returns How many awaits on the store it had.
 */
export async function runUntilDeath(
  inner: Db,
  run: (db: Db, clock: Clock) => Promise<unknown>,
  diesAt?: number,
): Promise<number> {
  const { db, steps } = crashingDb(inner, diesAt)
  const isDead = (): boolean => diesAt !== undefined && steps() >= diesAt
  // What waits for a store that never comes back would wait for ever: the dead do not sleep.
  const clock: Clock = {
    ...systemClock,
    sleep: async (ms, signal) => {
      if (isDead()) throw new Error('dead')
      return systemClock.sleep(ms, signal)
    },
  }
  await run(db, clock).catch((error: unknown) => {
    if (!isDead()) throw error
  })
  return steps()
}
