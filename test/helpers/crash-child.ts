// A keeper's sending path in a process of its own, opened as the keeper opens it (lease, side log,
// reconciliation), killed by SIGKILL at the label it is given.
//   node crash-child.ts '{"home", "databaseUrl"?, "schema"?, "rpcUrl", "counter", "keys", "dieAt"?, …}'
import type { Address } from '../../keeper/base/schema.ts'
import { describe as describeError } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../keeper/chain/sending/sender.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { openWriting } from '../../keeper/chain/journal/writing.ts'
import { migrate } from '../../keeper/store/migrate.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS } from './chain.ts'
import { intentFor, sendingOptions } from './sending.ts'

export interface CrashOrder {
  home: string
  databaseUrl?: string
  schema?: string
  rpcUrl: string
  counter: Address
  keys: string[]
  /** Sends the keys at once, so many on their way; without it one after the other. */
  window?: number
  /** Cancels the first key as soon as it is out. */
  isCancelled?: boolean
  dieAt?: string
  /** Which occurrence of the label, 1 being the first. */
  dieOn?: number
  /** In the middle of that statement of the migrations, on a store that has none yet. */
  dieInMigration?: number
  bumpAfterMs?: number
  nonceWaitMs?: number
}

const LEASE_MS = 2_000
// The server sees within milliseconds that the process before is gone.
const STAND_BY_MS = 50

const die = (): void => void process.kill(process.pid, 'SIGKILL')

async function openDb(order: CrashOrder): Promise<Db> {
  const { home, databaseUrl, schema, dieInMigration } = order
  if (!databaseUrl) return openStore({ home, clock: systemClock })
  const db = await openPostgres(databaseUrl, schema)
  await migrate(dieInMigration === undefined ? db : dyingDb(db, dieInMigration), systemClock)
  return db
}

/** Dies after so many scripts, inside the transaction of the next one. */
function dyingDb(db: Db, scripts: number): Db {
  let left = scripts
  const wrap = (inner: Db): Db => ({
    ...inner,
    exec: async (sql) => {
      await inner.exec(sql)
      left -= 1
      if (left < 0) die()
    },
    begin: (task) => inner.begin((t) => task(wrap(t))),
  })
  return wrap(db)
}

async function run(order: CrashOrder): Promise<void> {
  const db = await openDb(order)
  const client = await openChain({ rpcUrl: order.rpcUrl, timeoutMs: 10_000 })
  const signer = walletSigner(TEST_KEYS[0])
  const writing = await openWriting({
    db,
    client,
    home: order.home,
    leaseMs: LEASE_MS,
    clock: systemClock,
    log: silentLogger,
    senders: [signer.address],
    standBy: () => systemClock.sleep(STAND_BY_MS),
  })
  let left = order.dieOn ?? 1
  const sender = openSender(
    sendingOptions(db, client, {
      journal: writing.journalOf(signer.address),
      signer,
      window: order.window ?? 1,
      bumpAfterMs: order.bumpAfterMs ?? 60_000,
      nonceWaitMs: order.nonceWaitMs ?? 10_000,
      onStep: (label) => {
        if (label !== order.dieAt || (left -= 1) > 0) return
        die()
      },
    }),
  )
  try {
    await sender.resume()
    await sendAll(sender, order)
  } finally {
    client.close()
    await writing.close()
    await db.close()
  }
}

async function sendAll(
  sender: Sender,
  { counter, keys, window, isCancelled }: CrashOrder,
): Promise<void> {
  const [first = ''] = keys
  if (isCancelled) {
    const { id } = await sender.send(intentFor(counter, first), { until: 'broadcast' })
    await sender.cancel(id)
  } else if (window !== undefined) {
    await Promise.all(keys.map((key) => sender.send(intentFor(counter, key))))
  } else {
    for (const key of keys) await sender.send(intentFor(counter, key))
  }
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as CrashOrder)
} catch (error) {
  console.error(toJson(describeError(error)))
  process.exitCode = describeError(error).exitCode
}
