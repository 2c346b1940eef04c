import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../keeper/base/time.ts'
import type { Db } from '../../keeper/store/db.ts'
import { migrate, readMigrations } from '../../keeper/store/migrate.ts'
import type { Migration } from '../../keeper/store/migrate.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { openPgliteInMemory } from '../../keeper/store/pglite.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'

const env = process.env
export const ON_POSTGRES = env['DB'] === 'postgres'

const ROOT = join(import.meta.dirname, '../..')
// Git ignores it, and the launcher keeps its own things there.
const KEPT = join(ROOT, '.node')

let migrated: Promise<Blob> | undefined

/** A migrated database of its own for a test: PGlite in memory, or a schema with DB=postgres. */
export async function freshDb(): Promise<Db> {
  if (ON_POSTGRES) return freshSchema()
  migrated ??= migratedDump()
  return (await openPgliteInMemory(await migrated)).db
}

/** An embedded store for the processes of that home, empty and migrated: a copy of one that was made before. */
export async function placeStore(home: string): Promise<void> {
  const kept = join(KEPT, await keptName(readMigrations()))
  if (!existsSync(kept)) await keepStore(kept)
  await cp(kept, join(home, 'store'), { recursive: true })
}

async function keepStore(kept: string): Promise<void> {
  await mkdir(KEPT, { recursive: true })
  const draft = await mkdtemp(join(KEPT, 'draft-'))
  await (await openStore({ home: draft, clock: systemClock })).close()
  // Another process may have been first.
  await rename(join(draft, 'store'), kept).catch((error: unknown) => {
    if (!existsSync(kept)) throw error
  })
  await rm(draft, { recursive: true, force: true })
}

async function keptName(known: readonly Migration[]): Promise<string> {
  // The format of a data directory belongs to the release of PGlite.
  const digest = createHash('sha256').update(await readFile(join(ROOT, 'package-lock.json')))
  for (const { name, sha256 } of known) digest.update(`${name} ${sha256}\n`)
  return `store-${digest.digest('hex').slice(0, 16)}`
}

/** initdb takes seconds, a migrated copy a fraction of one: made once, for every process of the tests. */
async function migratedDump(): Promise<Blob> {
  const known = readMigrations()
  const name = await keptName(known)
  const file = join(KEPT, `${name}.tar`)
  const kept = await readFile(file).catch(() => undefined)
  if (kept !== undefined) return new Blob([kept])
  const made = await makeDump(known)
  await mkdir(KEPT, { recursive: true })
  const older = (await readdir(KEPT)).filter(
    (each) => each.startsWith('store-') && !each.startsWith(name),
  )
  const draft = `${file}.${process.pid}`
  await writeFile(draft, Buffer.from(await made.arrayBuffer()))
  await rename(draft, file)
  for (const each of older) await rm(join(KEPT, each), { recursive: true, force: true })
  return made
}

async function makeDump(known: readonly Migration[]): Promise<Blob> {
  const { db, dump } = await openPgliteInMemory()
  await migrate(db, systemClock, known)
  // Nobody connects to them, and every copy would carry their 600 files.
  await db.exec(`update pg_database set datistemplate = false where datname like 'template%'`)
  for (const name of ['template0', 'template1']) await db.exec(`drop database ${name}`)
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
