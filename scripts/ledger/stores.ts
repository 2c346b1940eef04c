import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { systemClock } from '../../keeper/base/time.ts'
import { makeMonthsAhead } from '../../keeper/ledger/months.ts'
import type { Db } from '../../keeper/store/db.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { pgliteCopier, postgresCopier } from './copying.ts'
import type { Copier } from './copying.ts'
import type { StoreName } from './goals.ts'
import type { Server } from './server.ts'

export interface BenchStore {
  name: StoreName
  /** Empty books, migrated as for a keeper. */
  openBooks(name: string): Promise<Db>
  /** The same tables for COPY. */
  openCopier(): Promise<Copier>
}

const COPIED = 'copied'

async function openMigrated(home: string, databaseUrl?: string): Promise<Db> {
  const db = await openStore({ databaseUrl, home, clock: systemClock })
  await makeMonthsAhead(db, systemClock)
  return db
}

export function postgresStore(server: Server, dir: string): BenchStore {
  const open = async (name: string): Promise<{ db: Db; url: string }> => {
    const url = await server.createDatabase(name)
    return { db: await openMigrated(dir, url), url }
  }
  return {
    name: 'PostgreSQL',
    openBooks: async (name) => (await open(name)).db,
    openCopier: async () => {
      const { db, url } = await open(COPIED)
      await db.close()
      return postgresCopier(url)
    },
  }
}

/** In directories, as a keeper has it. */
export function pgliteStore(dir: string): BenchStore {
  const homeOf = (name: string): string => join(dir, name)
  return {
    name: 'PGlite',
    openBooks: (name) => openMigrated(homeOf(name)),
    openCopier: async () => {
      const db = await openMigrated(homeOf(COPIED))
      await db.close()
      return pgliteCopier(await PGlite.create(join(homeOf(COPIED), 'store', 'pgdata')))
    },
  }
}
