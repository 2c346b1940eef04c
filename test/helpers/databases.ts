import { randomBytes } from 'node:crypto'
import { openPostgres } from '../../keeper/store/postgres.ts'

/** The server for tests that start processes; undefined: there is none, and they run on PGlite alone. */
export const POSTGRES_URL = process.env['DATABASE_URL']

/** What such a test runs on. */
export const STORES: readonly ('PGlite' | 'PostgreSQL')[] =
  POSTGRES_URL === undefined ? ['PGlite'] : ['PGlite', 'PostgreSQL']

export interface TestDatabase {
  url: string
  drop(): Promise<void>
}

/** A database of its own, empty or a copy of another one that nobody is connected to. */
export async function createDatabase(copyOf?: TestDatabase): Promise<TestDatabase> {
  const name = `muster_${randomBytes(8).toString('hex')}`
  const from = copyOf === undefined ? '' : ` template ${nameOf(copyOf.url)}`
  await onServer(`create database ${name}${from}`)
  const url = new URL(POSTGRES_URL ?? '')
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(`drop database ${name} with (force)`) }
}

function nameOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

async function onServer(sql: string): Promise<void> {
  const server = await openPostgres(POSTGRES_URL ?? '')
  try {
    await server.query(sql)
  } finally {
    await server.close()
  }
}
