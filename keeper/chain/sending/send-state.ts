/** Everything known of one transaction at one moment; whoever asks the chain fills it in. */
export interface SendFacts {
  nonce: number
  /** What the chain has counted: nonces below are used. */
  minedNonce: number
  /** The same at a depth that stays; undefined while nobody had a reason to ask. */
  finalNonce: number | undefined
  attempts: readonly AttemptFacts[]
  /** Of whichever attempt was mined. */
  receipt: ReceiptFacts | undefined
  /** What the journal holds already. */
  recorded: { blockHash: string } | undefined
  /** Blocks up to here cannot be undone, by tag or depth. */
  finalBlock: number
  /** Since when the nonce is seen used while no receipt of ours is found. */
  lostSinceMs: number | undefined
  /** False while the market is above the ceiling. A day's budget that is spent refuses later, by a throw. */
  isBumpAffordable: boolean
  /** What an operator ordered and nobody has signed yet. */
  order: Order | undefined
  /** Nothing was signed with a later nonce: giving this one back leaves no gap. */
  isLastNonce: boolean
}

export type Order = 'bump' | 'cancel'

export interface AttemptFacts {
  purpose: 'send' | 'bump' | 'cancel'
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
  | 'cancel'
  | 'release'
  | 'hold'
  | 'record'
  | 'rewind'
  | 'final'
  | 'lost'

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

/** An absent receipt proves nothing by itself: a node may lag behind its own nonce, a block may go. */
function stepOfLost(facts: SendFacts, nowMs: number, patience: Patience): NextStep {
  if (!isPatienceOver(facts, nowMs, patience)) return 'wait'
  return (facts.finalNonce ?? 0) > facts.nonce ? 'lost' : 'wait'
}

/** Time to ask whether the nonce is used for good. */
export function isPatienceOver(
  { lostSinceMs }: Pick<SendFacts, 'lostSinceMs'>,
  nowMs: number,
  { lostAfterMs }: Patience,
): boolean {
  return lostSinceMs !== undefined && nowMs - lostSinceMs >= lostAfterMs
}

function stepOfPending(facts: SendFacts, nowMs: number, patience: Patience): NextStep {
  const { attempts, order } = facts
  const last = attempts.at(-1)
  if (!last) return stepOfUnsigned(facts)
  if (order === 'cancel' && last.purpose !== 'cancel') return priced(facts, 'cancel')
  // Saved but never out: this one first, not another (S-07).
  if (last.broadcastAtMs === undefined && !last.isUnderpriced) return 'broadcast'
  if (order !== undefined || last.isUnderpriced) return priced(facts, 'bump')
  const isStuck = nowMs - last.signedAtMs >= patience.bumpAfterMs
  if (isStuck && priced(facts, 'bump') === 'bump') return 'bump'
  // A node may have dropped it from its pool: the same bytes again do no harm.
  const sinceMs = nowMs - (last.broadcastAtMs ?? 0)
  if (sinceMs >= patience.rebroadcastAfterMs) return 'broadcast'
  return isStuck ? 'hold' : 'wait'
}

/** A nonce is given back only if nothing was signed with it, and if that leaves no gap. */
function stepOfUnsigned(facts: SendFacts): NextStep {
  if (facts.order !== 'cancel') return 'sign'
  return facts.isLastNonce ? 'release' : priced(facts, 'cancel')
}

function priced({ isBumpAffordable, attempts }: SendFacts, step: 'bump' | 'cancel'): NextStep {
  const mayRaise = isBumpAffordable && attempts.length <= MAX_BUMPS
  return mayRaise ? step : 'hold'
}
