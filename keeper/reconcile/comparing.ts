import type { Address, Hex } from '../base/schema.ts'
import type { ProgramPayouts } from '../chain/program-contracts.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { ProgramRecord } from '../payouts/records.ts'
import type { Db } from '../store/db.ts'
import type { Differences } from './differences.ts'
import type { OnProgress } from './final-events.ts'
import type { Matching } from './matching.ts'

/** A contract that pays programs, as the chain has it. */
export interface PayoutsAt {
  payouts: ProgramPayouts
  address: Address
  /** CAIP-19. */
  asset: string
  deployBlock: number
}

/** What everything is compared with: one state of the books, and one final block. */
export interface Comparing {
  db: Db
  client: ChainClient
  block: number
  differences: Differences
  matching: Matching
  onProgress: OnProgress
}

export interface ProgramsAsk extends Comparing {
  programs: readonly ProgramRecord[]
  contracts: readonly PayoutsAt[]
}

/** Who says that a transfer must be there. */
export function sourceOf(event: string, tx: Hex): string {
  return `${event} of ${tx}`
}
