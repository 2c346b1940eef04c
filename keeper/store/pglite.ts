import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Transaction } from '@electric-sql/pglite'
import type { Clock } from '../base/time.ts'
import type { Db } from './db.ts'
import { lockDirectory } from './directory-lock.ts'
import { INT8, NUMERIC, atMostOne, exactlyOne } from './rows.ts'

const PARSERS = { [INT8]: BigInt, [NUMERIC]: String }

type Runner = Pick<Transaction, 'query' | 'exec'>

/** In a directory of its own, which it locks first: PGlite itself would let two processes in. */
export async function openPglite(dir: string, clock: Clock): Promise<Db> {
  await mkdir(dir, { recursive: true })
  const lock = await lockDirectory(dir, clock)
  try {
    const lite = await PGlite.create(join(dir, 'pgdata'), { parsers: PARSERS })
    return pgliteDb(lite, () => lock.release())
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** In memory: for tests, and gone at the end of the process. */
export async function openPgliteInMemory(dump?: Blob): Promise<{ db: Db; dump(): Promise<Blob> }> {
  const lite = await PGlite.create({
    parsers: PARSERS,
    ...(dump === undefined ? {} : { loadDataDir: dump }),
  })
  return { db: pgliteDb(lite, async () => {}), dump: () => lite.dumpDataDir('none') }
}

function pgliteDb(lite: PGlite, afterClose: () => Promise<void>): Db {
  return {
    ...queries(lite),
    begin: async <T>(fn: (t: Db) => Promise<T>): Promise<T> =>
      lite.transaction((t) => fn(transactionDb(t))),
    close: async () => {
      if (!lite.closed) await lite.close()
      await afterClose()
    },
  }
}

type Queries = Pick<Db, 'kind' | 'query' | 'one' | 'maybeOne' | 'exec'>

function queries(runner: Runner): Queries {
  async function query<T extends object>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<T[]> {
    const result = await runner.query<T>(sql, [...params])
    return result.rows
  }
  return {
    kind: 'pglite',
    query,
    one: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      exactlyOne(await query<T>(sql, params)),
    maybeOne: async <T extends object>(sql: string, params?: readonly unknown[]) =>
      atMostOne(await query<T>(sql, params)),
    exec: async (sql) => void (await runner.exec(sql)),
  }
}

function transactionDb(runner: Transaction): Db {
  const t: Db = {
    ...queries(runner),
    begin: (fn) => fn(t),
    close: async () => {},
  }
  return t
}
