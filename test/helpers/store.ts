import { randomBytes } from 'node:crypto'
import { systemClock } from '../../keeper/base/time.ts'
import type { Db } from '../../keeper/store/db.ts'
import { migrate } from '../../keeper/store/migrate.ts'
import { openPgliteInMemory } from '../../keeper/store/pglite.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'

const env = process.env
export const ON_POSTGRES = env['DB'] === 'postgres'

let migrated: Promise<Blob> | undefined

/** A migrated database of its own for a test: PGlite in memory, or a schema with DB=postgres. */
export async function freshDb(): Promise<Db> {
  if (ON_POSTGRES) return freshSchema()
  migrated ??= migratedDump()
  return (await openPgliteInMemory(await migrated)).db
}

// initdb takes seconds; loading a migrated copy takes a fraction of one.
async function migratedDump(): Promise<Blob> {
  const { db, dump } = await openPgliteInMemory()
  await migrate(db, systemClock)
  const copy = await dump()
  await db.close()
  return copy
}

async function freshSchema(): Promise<Db> {
  const { url, schema } = await createSchema()
  const db = await openPostgres(url, schema)
  await migrate(db, systemClock)
  const drop = async (): Promise<void> => {
    await db.exec(`drop schema ${schema} cascade`)
    await db.close()
  }
  return { ...db, close: drop }
}

/** For tests that start processes: an empty schema and the URL that leads into it. */
export async function createSchema(): Promise<{ url: string; schema: string }> {
  const url = env['DATABASE_URL']
  if (!url) throw new Error('DB=postgres needs DATABASE_URL')
  const schema = `test_${randomBytes(8).toString('hex')}`
  const db = await openPostgres(url)
  await db.exec(`create schema ${schema}`)
  await db.close()
  return { url, schema }
}
