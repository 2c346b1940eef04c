// A keeper that signs for as long as it has the lease, in a process of its own.
//   node lease-child.ts '{"databaseUrl", "schema", "holder", "leaseMs"}'
// Prints `held EPOCH`, `stored NONCE` after each signature, and the code of the fault that ended it.
import { describe as describeError } from '../../keeper/base/errors.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { withLease } from '../../keeper/chain/journal/journal-writer.ts'
import { openPostgres } from '../../keeper/store/postgres.ts'
import { CHAIN_ID, journalOf, plan, sign, signer, waitForLease } from './journaling.ts'

export interface LeaseOrder {
  databaseUrl: string
  schema: string
  holder: string
  leaseMs: number
}

const WAIT_MS = 60_000
const PAUSE_MS = 20

async function run({ databaseUrl, schema, holder, leaseMs }: LeaseOrder): Promise<void> {
  const db = await openPostgres(databaseUrl, schema)
  const seat = { chainId: CHAIN_ID, sender: signer.address, holder, leaseMs }
  const lease = await waitForLease(db, seat, WAIT_MS)
  console.log(`held ${lease.epoch}`)
  const journal = withLease(journalOf(db), lease)
  for (let count = 0; ; count += 1) {
    const planned = await plan(journal, `${holder}/${count}`)
    await lease.check()
    const { nonce } = await sign(journal, planned)
    console.log(`stored ${nonce}`)
    await systemClock.sleep(PAUSE_MS)
  }
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as LeaseOrder)
} catch (error) {
  const { code, exitCode } = describeError(error)
  if (code === 'INTERNAL') console.error(error)
  console.log(code)
  process.exit(exitCode)
}
