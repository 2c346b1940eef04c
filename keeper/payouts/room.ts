import type { Alerts } from '../base/alerts.ts'
import type { Logger } from '../base/log.ts'
import type { Address } from '../base/schema.ts'
import type { Clock, UnixSeconds } from '../base/time.ts'
import type { ProgramContracts } from '../chain/program-contracts.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { Sender } from '../chain/sending/sender.ts'
import type { Db } from '../store/db.ts'

/** Why somebody is not paid now. What is accrued stays accrued, what is owed stays owed. */
export type Kept = 'no-wallet' | 'held' | 'denied'

export type Reach = { address: Address } | { kept: Kept }

/** Where payees may be paid now, asked within the transaction that acts on it; who is missing has no wallet. */
export type ReachPayees = (
  t: Db,
  program: string,
  payees: readonly string[],
  now: UnixSeconds,
) => Promise<ReadonlyMap<string, Reach>>

/** What accrual and settlement need: no chain and no key. */
export interface BooksRoom {
  db: Db
  clock: Clock
  log: Logger
  reach: ReachPayees
  alerts?: Alerts
}

/** Told between the steps that a crash may fall between; tests kill the process there. */
export type PayoutStep =
  'accrued' | 'settled' | 'batch-sent' | 'batch-booked' | 'root-sent' | 'root-accepted'

export interface PayoutsRoom extends BooksRoom {
  client: ChainClient
  contracts: ProgramContracts
  /** Signs for its programs alone. */
  payer: Sender
  /** Fewer payments in a batch than fit a transaction. */
  batchSize?: number
  /** Where the trees of claims are written; a program with claims needs it. */
  claimsDir?: string
  onStep?: (step: PayoutStep) => void | Promise<void>
}
