import { KeeperError } from '../../keeper/base/errors.ts'
import type { Db } from '../../keeper/store/db.ts'

export interface FaultyDb {
  db: Db
  /** From now on: every statement whose text matches, or as many of them as `times`. */
  fail(statements: RegExp, options?: FaultOptions): void
  heal(): void
  /** Texts of the statements that failed. */
  failed: string[]
}

export interface FaultOptions {
  times?: number
  /** 'lost': the statement is carried out, and only its answer is lost on the way. */
  kind?: 'refused' | 'lost'
}

/** Every write of the journal goes through one of these functions. */
export const JOURNAL_WRITES = /journal_(open|sign|broadcast|receipt|close)\(/

/** A disk that is full, or a server that is away, for the statements that the test names (S-11). */
export function faultyDb(inner: Db): FaultyDb {
  const failed: string[] = []
  let fault: { statements: RegExp; left: number; kind: 'refused' | 'lost' } | undefined

  async function through<T>(sql: string, run: () => Promise<T>): Promise<T> {
    const isHit = fault !== undefined && fault.left > 0 && fault.statements.test(sql)
    if (!fault || !isHit) return run()
    fault.left -= 1
    failed.push(sql)
    if (fault.kind === 'lost') await run()
    throw new KeeperError('STORE_UNAVAILABLE', { reason: 'the test says so' })
  }

  function wrap(db: Db): Db {
    return {
      ...db,
      query: (sql, params) => through(sql, () => db.query(sql, params)),
      one: (sql, params) => through(sql, () => db.one(sql, params)),
      maybeOne: (sql, params) => through(sql, () => db.maybeOne(sql, params)),
      exec: (sql) => through(sql, () => db.exec(sql)),
      begin: (fn) => db.begin((t) => fn(wrap(t))),
    }
  }

  return {
    db: wrap(inner),
    fail: (statements, { times = Number.POSITIVE_INFINITY, kind = 'refused' } = {}) => {
      fault = { statements, left: times, kind }
    },
    heal: () => {
      fault = undefined
    },
    failed,
  }
}
