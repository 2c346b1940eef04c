import type { Clock } from '../../keeper/base/time.ts'
import type { Transport } from '../../keeper/chain/rpc/transport.ts'
import type { Db } from '../../keeper/store/db.ts'
import type { SimTime } from './sim-time.ts'

/** Where a process touches the world, and so where it may die. */
export type Place = 'write' | 'within' | 'read' | 'rpc' | 'send' | 'label' | 'log'

/** What happens to a process at one touch; 'fails-after': it was done, and the answer says it was not. */
export type Fate = 'lives' | 'dies-before' | 'dies-after' | 'fails-before' | 'fails-after'

/**
 * A process in the process: whatever it does to the world goes through here. Once dead, nothing it waits for
 * ever resolves, and so all it held in memory is gone, as after SIGKILL.
 */
export interface SimProcess {
  readonly name: string
  isDead: boolean
  /** While set, it stands still like a stopped process, and wakes up without knowing. */
  frozenUntil: Promise<void> | undefined
  kill(): void
  through<T>(place: Place, act: () => Promise<T>): Promise<T>
  /** Within a transaction: throws when it dies there, and so rolls it back. */
  within(): void
}

/** Ends a transaction of the store from the inside; nobody outside ever sees it. */
class Death extends Error {}

export interface ProcessOptions {
  name: string
  fate(place: Place): Fate
  /** The disk is full, the server is gone: the error a failing write gets. */
  failure(place: Place): Error
  onDeath(): void
}

const NEVER = new Promise<never>(() => {})

export function createProcess({ name, fate, failure, onDeath }: ProcessOptions): SimProcess {
  const self: SimProcess = {
    name,
    isDead: false,
    frozenUntil: undefined,
    kill: () => {
      if (self.isDead) return
      self.isDead = true
      onDeath()
    },
    through: async (place, act) => {
      if (self.frozenUntil) await self.frozenUntil
      if (self.isDead) return NEVER
      const drawn = fate(place)
      if (drawn === 'fails-before') throw failure(place)
      if (drawn === 'dies-before') {
        self.kill()
        return NEVER
      }
      const result = await settled(act)
      if (drawn === 'dies-after') self.kill()
      if (self.frozenUntil) await self.frozenUntil
      if (self.isDead) return NEVER
      if ('error' in result) throw result.error
      if (drawn === 'fails-after') throw failure(place)
      return result.value
    },
    within: () => {
      if (!self.isDead && fate('within').startsWith('dies')) self.kill()
      if (self.isDead) throw new Death()
    },
  }
  return self
}

type Settled<T> = { value: T } | { error: unknown }

async function settled<T>(act: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await act() }
  } catch (error) {
    return { error }
  }
}

export function clockOf(process: SimProcess, time: SimTime): Clock {
  return {
    now: () => Math.floor(time.nowMs() / 1000),
    nowMs: () => time.nowMs(),
    sleep: async (ms, signal) => {
      await sleep(time, ms, signal)
      if (process.frozenUntil) await process.frozenUntil
      if (process.isDead) await NEVER
    },
  }
}

function sleep(time: SimTime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const abort = (): void => {
      undo()
      fail(signal?.reason as Error)
    }
    const undo = time.after(ms, () => {
      signal?.removeEventListener('abort', abort)
      done()
    })
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}

export function transportOf(process: SimProcess, node: Transport): Transport {
  return {
    url: node.url,
    request: (method, params, timeoutMs) => {
      const place = method === 'eth_sendRawTransaction' ? 'send' : 'rpc'
      return process.through(place, () => node.request(method, params, timeoutMs))
    },
  }
}

const WRITES =
  /\b(insert into|update|delete from|journal_(open|sign|broadcast|receipt|close|append))\b/i

/**
 * The store as this process sees it. Death inside a transaction rolls it back, because the connection is gone;
 * death after the commit leaves it, with nobody told.
 */
export function dbOf(
  process: SimProcess,
  db: Db,
  time: SimTime,
  onWritten: () => Promise<void>,
): Db {
  const write = async <T>(act: () => Promise<T>): Promise<T> => {
    const result = await act()
    await onWritten()
    return result
  }
  const touch = <T>(sql: string, act: () => Promise<T>): Promise<T> => {
    const isWrite = WRITES.test(sql)
    return process.through(isWrite ? 'write' : 'read', () => {
      return time.busy(isWrite ? () => write(act) : act)
    })
  }
  return {
    kind: db.kind,
    query: (sql, params) => touch(sql, () => db.query(sql, params)),
    one: (sql, params) => touch(sql, () => db.one(sql, params)),
    maybeOne: (sql, params) => touch(sql, () => db.maybeOne(sql, params)),
    exec: (sql) => touch(sql, () => db.exec(sql)),
    script: (sql) => touch(sql, () => db.script(sql)),
    begin: <T>(fn: (t: Db) => Promise<T>) =>
      process.through('write', () =>
        time.busy(() => write(() => db.begin((t) => fn(inside(process, t))))),
      ),
    close: async () => {},
  }
}

/** One connection: inside a transaction a dead process must throw, or it would hold the store for ever. */
function inside(process: SimProcess, t: Db): Db {
  const touch = async <T>(act: () => Promise<T>): Promise<T> => {
    process.within()
    return act()
  }
  const inner: Db = {
    kind: t.kind,
    query: (sql, params) => touch(() => t.query(sql, params)),
    one: (sql, params) => touch(() => t.one(sql, params)),
    maybeOne: (sql, params) => touch(() => t.maybeOne(sql, params)),
    exec: (sql) => touch(() => t.exec(sql)),
    script: (sql) => touch(() => t.script(sql)),
    begin: (fn) => fn(inner),
    close: async () => {},
  }
  return inner
}
