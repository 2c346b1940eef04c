import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/time.ts'
import type { Db } from './db.ts'
import { unlockDirectory } from './directory-lock.ts'
import { migrate } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'

const STORE_DIRECTORY = 'store'

export interface StoreOptions {
  databaseUrl?: string | undefined
  home: string
  clock: Clock
}

/** PostgreSQL when it is configured, else the embedded store of the home directory; migrated. */
export async function openStore({ databaseUrl, home, clock }: StoreOptions): Promise<Db> {
  const db = databaseUrl
    ? await openPostgres(databaseUrl)
    : await openPglite(join(home, STORE_DIRECTORY), clock)
  try {
    await migrate(db, clock)
    return db
  } catch (error) {
    await db.close()
    throw error
  }
}

/** The embedded store alone has a lock in a directory: false where there is none. */
export function unlockStore(
  { home, clock }: Pick<StoreOptions, 'home' | 'clock'>,
  how: { dryRun?: boolean } = {},
): Promise<boolean> {
  return unlockDirectory(join(home, STORE_DIRECTORY), clock, how)
}

/** False: there is no embedded store in that home yet. */
export function hasStore(home: string): boolean {
  return existsSync(join(home, STORE_DIRECTORY))
}
