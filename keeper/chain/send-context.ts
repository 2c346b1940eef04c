import type { Interface } from 'ethers'
import type { Logger } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Finality } from '../base/schema.ts'
import type { ChainClient } from './client.ts'
import type { FeePolicy } from './fees.ts'
import type { TxRecord } from './journal-rows.ts'
import type { Journal } from './journal-writer.ts'
import type { Patience } from './send-state.ts'
import type { TxSigner } from './signer.ts'

/** Told after each step that a crash may follow; tests kill the process there. */
export type StepLabel =
  'intent-stored' | 'signed-stored' | 'broadcast-accepted' | 'mined' | 'receipt-stored' | 'final'

export interface SenderOptions {
  journal: Journal
  client: ChainClient
  signer: TxSigner
  /** Real time, also in a replay of past days: it measures waiting. */
  clock: Clock
  log: Logger
  fees: FeePolicy
  finality: Finality
  nonceWaitMs: number
  finalWaitMs: number
  bumpAfterMs: number
  pollMs: number
  /** How long a used nonce without a receipt of ours is put down to a node that lags. */
  lostAfterMs?: number
  /** Decode the custom errors of our contracts. */
  errors?: readonly Interface[]
  onStep?: (label: StepLabel, tx: TxRecord) => void | Promise<void>
  signal?: AbortSignal
}

export interface SendContext extends Omit<SenderOptions, 'errors' | 'onStep' | 'lostAfterMs'> {
  errors: readonly Interface[]
  patience: Patience
  onStep(label: StepLabel, tx: TxRecord): Promise<void>
}

// A node behind a balancer lags by a few blocks of 12 s at most.
const LOST_AFTER_MS = 60_000
// A pool drops rarely; every other minute keeps ours known without a flood.
const REBROADCAST_AFTER_MS = 120_000

export function contextOf(options: SenderOptions): SendContext {
  const { errors = [], onStep, lostAfterMs = LOST_AFTER_MS, ...rest } = options
  const { bumpAfterMs } = rest
  return {
    ...rest,
    errors,
    patience: { bumpAfterMs, lostAfterMs, rebroadcastAfterMs: REBROADCAST_AFTER_MS },
    onStep: async (label, tx) => onStep?.(label, tx),
  }
}
