import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../keeper/base/time.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import type { Db } from '../../keeper/store/db.ts'
import { createDatabase } from './databases.ts'
import type { TestDatabase } from './databases.ts'
import type { World } from './muster.ts'

/** Where the keeper's books are: each run starts from a copy of them. */
export interface Books {
  place: { databaseUrl?: string }
  open(): Promise<Db>
  restore(): Promise<void>
  drop(): Promise<void>
}

/** Of the embedded store, or of a database that nobody is connected to; the node is left alone. */
export function copyBooks(world: World, database: TestDatabase | undefined): Promise<Books> {
  return database ? copyDatabase(world, database) : copyHome(world)
}

async function copyHome(world: World): Promise<Books> {
  const { home } = world
  const template = await mkdtemp(join(tmpdir(), 'muster-template-'))
  await cp(home, template, { recursive: true })
  return {
    place: {},
    open: () => openStore({ home, clock: systemClock }),
    restore: async () => {
      await rm(home, { recursive: true, force: true })
      await cp(template, home, { recursive: true })
    },
    drop: () => rm(template, { recursive: true, force: true }),
  }
}

async function copyDatabase(world: World, template: TestDatabase): Promise<Books> {
  let current: TestDatabase | undefined
  const files = await copyHome(world)
  return {
    get place() {
      return current === undefined ? {} : { databaseUrl: current.url }
    },
    open: () => openStore({ home: world.home, databaseUrl: current?.url, clock: systemClock }),
    restore: async () => {
      await files.restore()
      await current?.drop()
      current = await createDatabase(template)
    },
    drop: async () => {
      await current?.drop()
      await template.drop()
      await files.drop()
    },
  }
}
