// The one file that opens the real sending path: what changes there is followed here.
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { silentLogger } from '../../keeper/base/log.ts'
import type { Logger } from '../../keeper/base/log.ts'
import type { Clock } from '../../keeper/base/time.ts'
import { clientOver } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { openJournal, withLease } from '../../keeper/chain/journal/journal-writer.ts'
import type { Journal } from '../../keeper/chain/journal/journal-writer.ts'
import type { TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import type { BusinessState } from '../../keeper/chain/sending/send-context.ts'
import { acquireLease } from '../../keeper/chain/journal/lease.ts'
import { openPool } from '../../keeper/chain/rpc/pool.ts'
import { reconcile } from '../../keeper/chain/journal/reconcile.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../keeper/chain/sending/sender.ts'
import type { Transport } from '../../keeper/chain/rpc/transport.ts'
import { CHAIN_ID, GWEI } from './model-chain.ts'
import { CONTRACT } from './model-contract.ts'
import type { Schedule } from './schedule.ts'
import { clockOf, dbOf, transportOf } from './sim-process.ts'
import type { SimProcess } from './sim-process.ts'
import type { SimSideLog } from './sim-side-log.ts'
import { sideLogOf } from './sim-side-log.ts'
import type { SimStore } from './sim-store.ts'
import type { SimTime } from './sim-time.ts'

export interface SimKeeper {
  journal: Journal
  client: ChainClient
  sender: Sender
  clock: Clock
}

export interface KeeperWorld {
  schedule: Schedule
  store: SimStore
  sideLog: SimSideLog
  nodes: readonly Transport[]
  time: SimTime
  stateOf(client: ChainClient, tx: TxRecord): Promise<BusinessState>
  /** After each write that was committed. */
  onWritten(): Promise<void>
  note(line: string): void
}

// Made once: a fixed key of nobody's.
const SIGNER = walletSigner(`0x${'5a'.repeat(32)}`)
export const SENDER = SIGNER.address

const MINUTE = 60_000
export const RPC_TIMEOUT_MS = 5_000

export async function openSimKeeper(world: KeeperWorld, process: SimProcess): Promise<SimKeeper> {
  const { schedule, store, time, nodes } = world
  const clock = clockOf(process, time)
  const db = dbOf(process, store.db, time, world.onWritten)
  const transports = nodes.map((node) => transportOf(process, node))
  const pool = await openPool(transports, { chainId: CHAIN_ID, timeoutMs: RPC_TIMEOUT_MS, time })
  const client = clientOver(pool)
  const log = logOf(process, world)
  const seat = { chainId: CHAIN_ID, sender: SENDER, holder: process.name, leaseMs: MINUTE }
  const lease = await acquireLease(db, seat)
  const sideLog = sideLogOf(process, world.sideLog, clock)
  const journal = withLease(openJournal({ db, clock, sideLog }), lease)
  await reconcile({ journal, client, sender: SENDER, clock, log })
  const sender = openSender({
    journal,
    client,
    signer: SIGNER,
    clock,
    log,
    ...(lease ? { signal: lease.lost } : {}),
    fees: { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n },
    finality: schedule.finality,
    nonceWaitMs: 3 * MINUTE,
    finalWaitMs: 5 * MINUTE,
    bumpAfterMs: schedule.bumpAfterMs,
    pollMs: schedule.blockMs,
    lostAfterMs: MINUTE / 2,
    window: schedule.window,
    errors: [CONTRACT],
    stateOf: (tx) => world.stateOf(client, tx),
    onStep: (label, tx) =>
      process.through('label', async () =>
        world.note(`${process.name} ${label} ${tx.kind} ${tx.key}`),
      ),
  })
  return { journal, client, sender, clock }
}

/** Lines go to the trace, without their formatting. */
function logOf({ name }: SimProcess, { note }: KeeperWorld): Logger {
  const say =
    (level: string) =>
    (facts: object, event: string): void =>
      note(`${name} ${level} ${event} ${show(facts)}`)
  const log: Logger = {
    ...silentLogger,
    info: say('info'),
    warn: say('warn'),
    error: say('ERROR'),
    child: () => log,
  }
  return log
}

const MAX_SHOWN = 300

function show(facts: object): string {
  const text = JSON.stringify(facts, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
  return text.slice(0, MAX_SHOWN)
}
