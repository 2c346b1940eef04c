// A process that counts, to be killed: beats of one node for each line on stdin, or closes an hour and is killed
// between two statements of it.
//   node tally-child.ts '{"home", "databaseUrl"?, "schema"?, "startMs", "flushMs", "dieAt"?}'
import { createInterface } from 'node:readline'
import { silentLogger } from '../../keeper/base/log.ts'
import { scaledClock, systemClock } from '../../keeper/base/time.ts'
import { ORIGIN_RULE } from '../../keeper/heartbeat/hour-rule.ts'
import { openTally } from '../../keeper/heartbeat/tally/tally.ts'
import type { Db } from '../../keeper/store/db.ts'
import { migrate } from '../../keeper/store/migrate.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'
import { NODES } from './tallying.ts'

export interface TallyOrder {
  home: string
  databaseUrl?: string
  schema?: string
  startMs: number
  flushMs: number
  /** Killed when that statement comes for the first time, before it is carried out. */
  dieAt?: string
}

const order = JSON.parse(process.argv[2] ?? '{}') as TallyOrder
const clock = scaledClock({ startMs: order.startMs, factor: 1 })
clock.start()
const tally = await openTally({
  db: dyingDb(await openDb()),
  clock,
  log: silentLogger,
  rule: ORIGIN_RULE,
  validators: async () => NODES,
  flushMs: order.flushMs,
})
// Each line is a beat of each node, an interval after the last one.
let beats = 0
for await (const _line of createInterface({ input: process.stdin })) {
  const at = clock.nowMs() + beats * 45_000
  beats += 1
  const counts = NODES.map((node) => tally.count(node, at).count)
  process.stdout.write(`${counts.join(' ')}\n`)
}

async function openDb(): Promise<Db> {
  const { home, databaseUrl, schema } = order
  if (!databaseUrl) return openStore({ home, clock: systemClock })
  const db = await openPostgres(databaseUrl, schema)
  await migrate(db, systemClock)
  return db
}

function dyingDb(db: Db): Db {
  const { dieAt } = order
  if (dieAt === undefined) return db
  const before = <T>(sql: string, run: () => Promise<T>): Promise<T> => {
    if (sql.includes(dieAt)) process.kill(process.pid, 'SIGKILL')
    return run()
  }
  return {
    ...db,
    query: (sql, params) => before(sql, () => db.query(sql, params)),
    one: (sql, params) => before(sql, () => db.one(sql, params)),
    maybeOne: (sql, params) => before(sql, () => db.maybeOne(sql, params)),
    begin: (fn) => db.begin((t) => fn(dyingDb(t))),
  }
}
