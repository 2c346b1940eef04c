import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Transaction } from '@electric-sql/pglite'
import type { Clock } from '../base/time.ts'
import type { Db, Row } from './db.ts'
import { lockDirectory } from './directory-lock.ts'
import { Statements } from './pglite-statements.ts'
import { INT8, NUMERIC, atMostOne, exactlyOne } from './rows.ts'

const PARSERS = { [INT8]: BigInt, [NUMERIC]: String }

/** In a directory of its own, which it locks first: PGlite itself would let two processes in. */
export async function openPglite(dir: string, clock: Clock): Promise<Db> {
  await mkdir(dir, { recursive: true })
  const lock = await lockDirectory(dir, clock)
  try {
    const lite = await PGlite.create(join(dir, 'pgdata'), { parsers: PARSERS })
    await lite.exec(SETTINGS)
    return pgliteDb(lite, () => lock.release())
  } catch (error) {
    await lock.release()
    throw error
  }
}

// The 128 MB that PostgreSQL takes by itself are zeroed at the start: half of the time of opening a copy.
const SMALL_BUFFERS = 'shared_buffers=16MB'

/** In memory: for tests, and gone at the end of the process. */
export async function openPgliteInMemory(dump?: Blob): Promise<{ db: Db; dump(): Promise<Blob> }> {
  const lite = await PGlite.create({
    parsers: PARSERS,
    startParams: [...PGlite.defaultStartParams, '-c', SMALL_BUFFERS],
    ...(dump === undefined ? {} : { loadDataDir: dump }),
  })
  await lite.exec(SETTINGS)
  return { db: pgliteDb(lite, async () => {}), dump: () => lite.dumpDataDir('none') }
}

/**
 * A plan is made when a table is small and kept while it grows, since nothing analyzes the tables here: a scan
 * of the whole table would be chosen for good.
 */
const SETTINGS = 'set enable_seqscan = off'

function pgliteDb(lite: PGlite, afterClose: () => Promise<void>): Db {
  const statements = new Statements(lite)
  const inTurn = gate()
  return {
    ...queries(lite, statements, inTurn),
    begin: async <T>(fn: (t: Db) => Promise<T>): Promise<T> =>
      inTurn(async () => {
        try {
          return await lite.transaction((t) => fn(transactionDb(t, statements)))
        } catch (error) {
          // What was planned for a table that it changed is wrong again; its own error is the one to tell.
          await statements.forget().catch(() => {})
          throw error
        }
      }),
    close: async () => {
      if (!lite.closed) await inTurn(() => lite.close())
      await afterClose()
    },
  }
}

type Gate = <T>(task: () => Promise<T>) => Promise<T>

/** There is one connection: a transaction holds back what does not belong to it. */
function gate(): Gate {
  let tail: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = tail.then(task)
    tail = result.catch(() => {})
    return result
  }
}

const atOnce: Gate = (task) => task()

type Queries = Pick<Db, 'kind' | 'query' | 'one' | 'maybeOne' | 'exec' | 'script'>

function queries(runner: Pick<Transaction, 'exec'>, statements: Statements, inTurn: Gate): Queries {
  const query = <T extends object>(sql: string, params: readonly unknown[] = []): Promise<T[]> =>
    inTurn(() => statements.query<T>(sql, params))
  return {
    kind: 'pglite',
    query,
    one: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      exactlyOne(await query<T>(sql, params)),
    maybeOne: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      atMostOne(await query<T>(sql, params)),
    exec: (sql) =>
      inTurn(async () => {
        await runner.exec(sql)
        await statements.forget()
      }),
    script: (sql) => inTurn(() => runScript(runner, statements, sql)),
  }
}

/** It may begin a transaction of its own: one that failed must not be there for the next who asks. */
async function runScript(
  runner: Pick<Transaction, 'exec'>,
  statements: Statements,
  sql: string,
): Promise<Row[]> {
  try {
    const results = await runner.exec(sql)
    return results.flatMap(({ rows }) => rows as Row[])
  } catch (error) {
    if (BEGINS.test(sql)) await runner.exec('rollback')
    throw error
  } finally {
    if (CHANGES_TABLES.test(sql)) await statements.forget()
  }
}

const BEGINS = /^\s*begin\b/i
const CHANGES_TABLES = /\b(create|alter|drop)\b/i

function transactionDb(runner: Transaction, statements: Statements): Db {
  const t: Db = {
    ...queries(runner, statements, atOnce),
    begin: (fn) => fn(t),
    close: async () => {},
  }
  return t
}
