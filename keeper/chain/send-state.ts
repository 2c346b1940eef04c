/** Everything known of one transaction at one moment; whoever asks the chain fills it in. */
export interface SendFacts {
  nonce: number
  /** What the chain has counted: nonces below are used. */
  minedNonce: number
  attempts: readonly AttemptFacts[]
  /** Of whichever attempt was mined. */
  receipt: ReceiptFacts | undefined
  /** What the journal holds already. */
  recorded: { blockHash: string } | undefined
  /** Blocks up to here cannot be undone, by tag or depth. */
  finalBlock: number
  /** Since when the nonce is seen used while no receipt of ours is found. */
  lostSinceMs: number | undefined
  /** False while the market is above the ceiling. */
  isBumpAffordable: boolean
}

export interface AttemptFacts {
  signedAtMs: number
  broadcastAtMs: number | undefined
  /** A node refused it for its price: it is not in the pool. */
  isUnderpriced: boolean
}

export interface ReceiptFacts {
  blockNumber: number
  blockHash: string
  succeeded: boolean
}

export interface Patience {
  bumpAfterMs: number
  rebroadcastAfterMs: number
  lostAfterMs: number
}

export type NextStep =
  | 'sign'
  | 'broadcast'
  | 'wait'
  | 'bump'
  | 'hold'
  | 'record'
  | 'rewind'
  | 'final'
  | 'foreign'
  | 'unknown'

// Each bump raises by 12.5 %: ten make 3.2 times the first fee, beyond which a human should look.
export const MAX_BUMPS = 10

/** The same facts give the same step: no I/O, no clock. */
export function nextStep(facts: SendFacts, nowMs: number, patience: Patience): NextStep {
  if (facts.receipt) return stepOfMined(facts, facts.receipt)
  if (facts.minedNonce > facts.nonce) return stepOfLost(facts, nowMs, patience)
  // The receipt we had is gone and the nonce is free again: a reorg took the block away.
  if (facts.recorded) return 'rewind'
  return stepOfPending(facts, nowMs, patience)
}

function stepOfMined({ recorded, finalBlock }: SendFacts, receipt: ReceiptFacts): NextStep {
  if (recorded?.blockHash !== receipt.blockHash) return 'record'
  return receipt.blockNumber <= finalBlock ? 'final' : 'wait'
}

/** An absent receipt proves nothing by itself: a node may simply lag behind its own nonce. */
function stepOfLost(facts: SendFacts, nowMs: number, patience: Patience): NextStep {
  if (facts.attempts.length === 0) return 'foreign'
  const since = facts.lostSinceMs ?? nowMs
  return nowMs - since < patience.lostAfterMs ? 'wait' : 'unknown'
}

function stepOfPending(facts: SendFacts, nowMs: number, patience: Patience): NextStep {
  const { attempts, isBumpAffordable } = facts
  const last = attempts.at(-1)
  if (!last) return 'sign'
  const mayBump = isBumpAffordable && attempts.length <= MAX_BUMPS
  if (last.isUnderpriced) return mayBump ? 'bump' : 'hold'
  if (last.broadcastAtMs === undefined) return 'broadcast'
  const isStuck = nowMs - last.signedAtMs >= patience.bumpAfterMs
  if (isStuck && mayBump) return 'bump'
  // A node may have dropped it from its pool: the same bytes again do no harm.
  if (nowMs - last.broadcastAtMs >= patience.rebroadcastAfterMs) return 'broadcast'
  return isStuck ? 'hold' : 'wait'
}
