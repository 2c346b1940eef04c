import { closeKeeper, openKeeper } from '../../keeper/keeper.ts'
import { copyBooks } from './books.ts'
import type { Books } from './books.ts'
import { createDatabase } from './databases.ts'
import { createWorld, makeMembers, pushCycle, testDeps } from './muster.ts'
import type { World, WorldOptions } from './muster.ts'

export interface PushedDay {
  readonly world: World
  readonly books: Books
}

/**
 * To be called in a \`describe\`: the evidence of a day is pushed once, and each of its tests starts from a copy
 * of that chain and those books.
 */
export function usePushedDay(
  store: 'PGlite' | 'PostgreSQL',
  members: number,
  options: Pick<WorldOptions, 'isNodeApart'> = {},
): PushedDay {
  let world: World
  let books: Books
  let snapshot: string
  before(async () => {
    world = await createWorld({ members: makeMembers(members), ...options })
    const database = store === 'PGlite' ? undefined : await createDatabase()
    const keeper = await openKeeper({ ...world.config, databaseUrl: database?.url }, testDeps())
    await pushCycle(world, keeper, 1, Array<number>(members).fill(24))
    await closeKeeper(keeper)
    books = await copyBooks(world, database)
  })
  after(async () => {
    await world.close()
    await books.drop()
  })
  beforeEach(async () => {
    snapshot = await world.node.request<string>('evm_snapshot')
    await books.restore()
  })
  afterEach(() => world.node.request('evm_revert', [snapshot]))
  return {
    get world() {
      return world
    },
    get books() {
      return books
    },
  }
}
