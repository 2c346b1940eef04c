import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { KeeperError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { Db } from './db.ts'

export interface Migration {
  version: number
  name: string
  sql: string
  sha256: string
}

interface AppliedRow {
  version: number
  name: string
  sha256: string
}

const DIRECTORY = new URL('./migrations/', import.meta.url)
// Any constant does, so long as no other advisory lock of ours uses it: "muster" in ASCII, cut to 32 bits.
const MIGRATION_LOCK = 0x6d757374

/** Numbered files, once, in order; all of them in one transaction, so a crash leaves none half done. */
export async function migrate(
  db: Db,
  clock: Clock,
  known: readonly Migration[] = readMigrations(),
): Promise<number> {
  return db.begin(async (t) => {
    if (t.kind === 'postgres') await t.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await t.exec(`create table if not exists schema_migration (
      version int primary key, name text not null, sha256 text not null, applied_at bigint not null
    )`)
    const applied = await t.query<AppliedRow>('select * from schema_migration order by version')
    refuseStrange(applied, known)
    const open = known.filter(({ version }) => !applied.some((row) => row.version === version))
    for (const migration of open) await apply(t, migration, clock)
    return open.length
  })
}

/** A migration may be added before others: only what was applied must stay as it was. */
function refuseStrange(applied: readonly AppliedRow[], known: readonly Migration[]): void {
  const highest = Math.max(0, ...known.map(({ version }) => version))
  for (const row of applied) {
    const own = known.find(({ version }) => version === row.version)
    if (!own) throw new KeeperError('STORE_NEWER', { found: row.version, known: highest })
    if (own.sha256 !== row.sha256) throw new KeeperError('MIGRATION_CHANGED', { name: own.name })
  }
}

async function apply(t: Db, migration: Migration, clock: Clock): Promise<void> {
  await t.exec(migration.sql)
  await t.query('insert into schema_migration values ($1, $2, $3, $4)', [
    migration.version,
    migration.name,
    migration.sha256,
    clock.now(),
  ])
}

export function readMigrations(directory: URL = DIRECTORY): Migration[] {
  const names = readdirSync(directory).filter((name) => /^\d{4}_\w+\.sql$/.test(name))
  return names.sort().map((name) => {
    const sql = readFileSync(new URL(name, directory), 'utf8')
    const sha256 = createHash('sha256').update(sql).digest('hex')
    return { version: Number(name.slice(0, 4)), name, sql, sha256 }
  })
}
