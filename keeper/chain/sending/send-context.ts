import type { Interface } from 'ethers'
import { logAlerts } from '../../base/alerts.ts'
import type { Alerts } from '../../base/alerts.ts'
import type { Logger } from '../../base/log.ts'
import type { Clock } from '../../base/time.ts'
import type { Finality } from '../../base/schema.ts'
import type { ChainClient } from '../rpc/client.ts'
import type { FeePolicy } from './fees.ts'
import { finalityOf } from './finality.ts'
import type { FinalityView } from './finality.ts'
import type { Journal } from '../journal/journal-writer.ts'
import type { TxRecord } from '../journal/journal-rows.ts'
import { surroundingsOf } from './prepare.ts'
import type { Surroundings } from './prepare.ts'
import type { Patience } from './send-state.ts'
import type { TxSigner } from '../keys/signer.ts'

/** Told after each step that a crash may follow; tests kill the process there. */
export type StepLabel =
  'intent-stored' | 'signed-stored' | 'broadcast-accepted' | 'mined' | 'receipt-stored' | 'final'

/** What the called contract itself says of a transaction's purpose: the last word on "was it done?". */
export type BusinessState = 'done' | 'partly' | 'open' | 'unknown'

export interface SenderOptions {
  journal: Journal
  client: ChainClient
  signer: TxSigner
  /** Real time, also in a replay of past days: it measures waiting. */
  clock: Clock
  log: Logger
  fees: FeePolicy
  finality: Finality
  /** Confirmations that count when the node does not know the tag. Undefined: it must know it. */
  finalityDepth?: number | undefined
  nonceWaitMs: number
  finalWaitMs: number
  bumpAfterMs: number
  pollMs: number
  /** Transactions that may be unmined at the same time. */
  window?: number
  /** How long a used nonce without a receipt of ours is put down to a node that lags. */
  lostAfterMs?: number
  /** Final blocks that stand still for longer are an alert. */
  finalityStallMs?: number
  /** Decode the custom errors of our contracts. */
  errors?: readonly Interface[]
  stateOf?: (tx: TxRecord) => Promise<BusinessState>
  alerts?: Alerts
  onStep?: (label: StepLabel, tx: TxRecord) => void | Promise<void>
  signal?: AbortSignal
}

type Filled =
  'errors' | 'onStep' | 'lostAfterMs' | 'finalityStallMs' | 'window' | 'alerts' | 'stateOf'

export interface SendContext extends Omit<SenderOptions, Filled> {
  errors: readonly Interface[]
  window: number
  patience: Patience
  finalBlocks: FinalityView
  surroundings: Surroundings
  alerts: Alerts
  stateOf(tx: TxRecord): Promise<BusinessState>
  onStep(label: StepLabel, tx: TxRecord): Promise<void>
}

// A node behind a balancer lags by a few blocks of 12 s at most.
const LOST_AFTER_MS = 60_000
// A pool drops rarely; every other minute keeps ours known without a flood.
const REBROADCAST_AFTER_MS = 120_000
// Ethereum finalizes every 6.4 minutes; three times that is no longer an ordinary delay.
const FINALITY_STALL_MS = 20 * 60_000

export function contextOf(options: SenderOptions): SendContext {
  const { errors = [], onStep, lostAfterMs = LOST_AFTER_MS, window = 1, ...rest } = options
  const { bumpAfterMs, log, alerts = logAlerts(log), stateOf } = rest
  const { finalityStallMs = FINALITY_STALL_MS } = rest
  return {
    ...rest,
    errors,
    window,
    alerts,
    patience: { bumpAfterMs, lostAfterMs, rebroadcastAfterMs: REBROADCAST_AFTER_MS },
    finalBlocks: finalityOf({ ...rest, alerts, finalityStallMs }),
    surroundings: surroundingsOf(rest.client, rest.signer.address, rest.clock),
    stateOf: async (tx) => (stateOf ? stateOf(tx) : 'unknown'),
    onStep: async (label, tx) => onStep?.(label, tx),
  }
}
