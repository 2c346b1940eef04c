// Payouts in a process of their own, opened as the keeper opens them (lease, side log, reconciliation). What an
// earlier process left is carried out first; then, if it is told to, it is killed by SIGKILL at a step of its own.
//   node payout-child.ts '{"home", "databaseUrl"?, "rpcUrl", "payouts", "before", "now", "dieAt"?, "dieOn"?}'
import { describe as describeError } from '../../keeper/base/errors.ts'
import { toJson } from '../../keeper/base/json.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { NATIVE } from '../../keeper/chain/contracts.ts'
import type { Deployment } from '../../keeper/chain/contracts.ts'
import { openWriting } from '../../keeper/chain/journal/writing.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { openProgramContracts } from '../../keeper/chain/program-contracts.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { PayoutsRoom } from '../../keeper/payouts/room.ts'
import { runProgram } from '../../keeper/payouts/run.ts'
import { reachPayees } from '../../keeper/payouts/wallets/reach.ts'
import type { Db } from '../../keeper/store/db.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { TEST_KEYS } from './chain.ts'
import { NOON } from './ledger.ts'
import { award, programOf } from './paying.ts'
import { sendingOptions } from './sending.ts'

/** Awards of `each` to `payees`, by their place. */
export interface PayoutFile {
  name: string
  payees: string[]
  each: string
}

export interface PayoutOrder {
  home: string
  databaseUrl?: string
  rpcUrl: string
  payouts: Address
  /** Paid in peace. */
  before?: PayoutFile
  /** Paid after that. */
  now?: PayoutFile
  dieAt?: string
  /** Which occurrence, 1 being the first. */
  dieOn?: number
}

const LEASE_MS = 2_000
// The server sees within milliseconds that the process before is gone.
const STAND_BY_MS = 50
const PERIOD = { from: 0, to: NOON + 1 }
// Of a batch, in the transaction that also has the intent.
const BATCH_MADE = /insert into payout_payment/

/** Told after each statement that makes a batch, before it is committed. */
function telling(db: Db, tell: () => void): Db {
  const wrap = (inner: Db): Db => ({
    ...inner,
    query: async (text, values) => {
      const rows = await inner.query(text, values)
      if (BATCH_MADE.test(text)) tell()
      return rows as never
    },
    begin: (task) => inner.begin((t) => task(wrap(t))),
  })
  return wrap(db)
}

function program({ name, payees, each }: PayoutFile): ReturnType<typeof programOf> {
  const awards = payees.map((payee, i) =>
    award(`${name}/${i}`, payee, BigInt(each), { effectiveAt: NOON - payees.length + i }),
  )
  return programOf(awards)
}

async function run(order: PayoutOrder): Promise<void> {
  const { home, databaseUrl, rpcUrl, before, now, dieAt } = order
  let left = Infinity
  const step = (label: string): void => {
    if (label !== dieAt) return
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
  const db = telling(await openStore({ home, databaseUrl, clock: systemClock }), () =>
    step('batch-made'),
  )
  const client = await openChain({ rpcUrl, timeoutMs: 10_000 })
  const signer = walletSigner(TEST_KEYS[1])
  const own = { db, client, home, clock: systemClock, log: silentLogger }
  const standBy = (): Promise<void> => systemClock.sleep(STAND_BY_MS)
  const writing = await openWriting({
    ...own,
    leaseMs: LEASE_MS,
    senders: [signer.address],
    standBy,
  })
  const journal = writing.journalOf(signer.address)
  const payouts = { address: order.payouts, asset: NATIVE, decimals: 18, symbol: 'ETH' }
  const deployment = { chainId: client.chainId, payouts } as unknown as Deployment
  const room: PayoutsRoom = {
    ...own,
    contracts: await openProgramContracts(client, deployment),
    payer: openSender(sendingOptions(db, client, { journal, signer, onStep: step })),
    reach: reachPayees,
    onStep: step,
  }
  try {
    await room.payer.resume()
    if (before) await runProgram(room, program(before), PERIOD)
    left = order.dieOn ?? 1
    if (now) await runProgram(room, program(now), PERIOD)
  } finally {
    client.close()
    await writing.close()
    await db.close()
  }
}

try {
  await run(JSON.parse(process.argv[2] ?? '{}') as PayoutOrder)
} catch (error) {
  console.error(toJson(describeError(error)))
  process.exitCode = describeError(error).exitCode
}
