// A keeper's sending path in a process of its own, killed by SIGKILL at the label it is given.
//   node crash-child.ts '{"home", "databaseUrl"?, "schema"?, "rpcUrl", "counter", "key", "dieAt"?, "bumpAfterMs"?}'
import type { Address } from '../../keeper/base/schema.ts'
import { describe as describeError } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { openChain } from '../../keeper/chain/client.ts'
import { openSender } from '../../keeper/chain/sender.ts'
import { migrate } from '../../keeper/store/migrate.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import type { Db } from '../../keeper/store/db.ts'
import { intentFor, sendingOptions } from './sending.ts'

export interface CrashOrder {
  home: string
  databaseUrl?: string
  schema?: string
  rpcUrl: string
  counter: Address
  keys: string[]
  dieAt?: string
  /** Which occurrence of the label, 1 being the first. */
  dieOn?: number
  bumpAfterMs?: number
  nonceWaitMs?: number
}

async function openDb({ home, databaseUrl, schema }: CrashOrder): Promise<Db> {
  if (!databaseUrl) return openStore({ home, clock: systemClock })
  const db = await openPostgres(databaseUrl, schema)
  await migrate(db, systemClock)
  return db
}

async function run(order: CrashOrder): Promise<void> {
  const db = await openDb(order)
  const client = await openChain({ rpcUrl: order.rpcUrl, timeoutMs: 10_000 })
  let left = order.dieOn ?? 1
  const sender = openSender(
    sendingOptions(db, client, {
      bumpAfterMs: order.bumpAfterMs ?? 60_000,
      nonceWaitMs: order.nonceWaitMs ?? 10_000,
      onStep: (label) => {
        if (label !== order.dieAt || (left -= 1) > 0) return
        process.kill(process.pid, 'SIGKILL')
      },
    }),
  )
  try {
    await sender.resume()
    for (const key of order.keys) await sender.send(intentFor(order.counter, key))
  } finally {
    client.close()
    await db.close()
  }
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as CrashOrder)
} catch (error) {
  console.error(toJson(describeError(error)))
  process.exitCode = describeError(error).exitCode
}
