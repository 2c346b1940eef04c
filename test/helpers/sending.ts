import type { Address } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { attemptsOf, listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxIntent } from '../../keeper/chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import type { SenderOptions } from '../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../keeper/chain/sending/sender.ts'
import { openJournal } from '../../keeper/chain/journal/journal-writer.ts'
import { noSideLog } from '../../keeper/chain/journal/side-log.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import type { Db } from '../../keeper/store/db.ts'
import { TEST_KEYS, countOf, mine, placeCounter, startNode } from './chain.ts'
import type { TestNode } from './chain.ts'
import { testLog } from './logs.ts'
import { freshDb } from './store.ts'

const GWEI = 10n ** 9n

/** A sender's options with short waits: what a test leaves out is ordinary. */
export function sendingOptions(
  db: Db,
  client: ChainClient,
  changes: Partial<SenderOptions> = {},
): SenderOptions {
  return {
    journal: openJournal({ db, sideLog: noSideLog, clock: systemClock }),
    client,
    signer: walletSigner(TEST_KEYS[0]),
    clock: systemClock,
    log: testLog,
    fees: { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n },
    finality: 'finalized',
    nonceWaitMs: 10_000,
    finalWaitMs: 10_000,
    bumpAfterMs: 60_000,
    pollMs: 20,
    lostAfterMs: 200,
    ...changes,
  }
}

export function intentFor(to: Address, key: string, changes: Partial<TxIntent> = {}): TxIntent {
  return { kind: 'test', key, to, data: '0x', value: 0n, gasLimit: 100_000n, ...changes }
}

/** What a test of the sender stands on: a node, a store, and a contract that counts its calls. */
export interface Bench {
  readonly node: TestNode
  readonly db: Db
  readonly counter: Address
  /** Over the node itself unless another client is named. */
  senderWith(changes?: Partial<SenderOptions>): Sender
  /** A call of the counter. */
  intent(key: string, changes?: Partial<TxIntent>): TxIntent
  /** Of the node, also evm_ and hardhat_ methods. */
  request: TestNode['request']
  mine(blocks?: number): Promise<unknown>
  /** How often the counter was called. */
  executions(): Promise<number>
  /** The journal, oldest first. */
  rows(): Promise<TxRecord[]>
  /** Of a row, in the order in which they were signed. */
  attemptsOf(id: bigint): Promise<TxAttempt[]>
}

/** To be called in a `describe`: each of its tests has a bench of its own. */
export function useBench({ automine = true } = {}): Bench {
  let node: TestNode
  let db: Db
  let counter: Address
  beforeEach(async () => {
    node = await startNode({ automine })
    db = await freshDb()
    counter = await placeCounter(node)
  })
  afterEach(async () => {
    await node.close()
    await db.close()
  })
  return {
    get node() {
      return node
    },
    get db() {
      return db
    },
    get counter() {
      return counter
    },
    senderWith: (changes) => openSender(sendingOptions(db, node.client, changes)),
    intent: (key, changes) => intentFor(counter, key, changes),
    request: (method, params) => node.request(method, params),
    mine: (blocks) => mine(node, blocks),
    executions: () => countOf(node, counter),
    rows: async () => (await listJournal(db)).toReversed(),
    attemptsOf: (id) => attemptsOf(db, id),
  }
}
