import type { Wei } from '../../base/amount.ts'
import { mulDivUp } from '../../base/amount.ts'

export interface Fees {
  maxFeePerGas: Wei
  maxPriorityFeePerGas: Wei
}

export interface FeePolicy {
  /** No attempt offers more for a unit of gas than this. */
  maxFeePerGas: Wei
  /** Tip when the node suggests less. */
  minTipPerGas: Wei
  /** The most that the transactions of one key may cost in 24 hours. Undefined: no such limit. */
  dailyBudget?: Wei | undefined
}

export interface Market {
  baseFee: Wei
  tip: Wei
}

// The base fee rises by at most 1/8 a block, so twice today's outlives six full blocks.
const BASE_FEE_HEADROOM = 2n
// geth wants 10 %, reth refuses exactly 10 %: 12.5 % and one wei satisfies all.
const BUMP_NUMERATOR = 1125n
const BUMP_DENOMINATOR = 1000n

/** Undefined: the market is above the ceiling, so hold. */
export function initialFees(market: Market, policy: FeePolicy): Fees | undefined {
  const tip = max(market.tip, policy.minTipPerGas)
  const needed = market.baseFee + tip
  if (needed > policy.maxFeePerGas) return undefined
  const wanted = market.baseFee * BASE_FEE_HEADROOM + tip
  return { maxFeePerGas: min(wanted, policy.maxFeePerGas), maxPriorityFeePerGas: tip }
}

/** From the highest stored attempt, and never below the market. Undefined: over the ceiling, hold. */
export function bumpFees(
  attempts: readonly Fees[],
  market: Market,
  policy: FeePolicy,
): Fees | undefined {
  const fresh = initialFees(market, policy)
  if (!fresh) return undefined
  const highestTip = attempts.reduce(
    (top, { maxPriorityFeePerGas }) => max(top, maxPriorityFeePerGas),
    0n,
  )
  const maxPriorityFeePerGas = max(raised(highestTip), fresh.maxPriorityFeePerGas)
  const maxFeePerGas = max(raised(highestCap(attempts)), fresh.maxFeePerGas, maxPriorityFeePerGas)
  return maxFeePerGas > policy.maxFeePerGas ? undefined : { maxFeePerGas, maxPriorityFeePerGas }
}

/** What a unit of gas may cost already, whichever of the attempts is mined. */
export function highestCap(attempts: readonly Fees[]): Wei {
  return attempts.reduce((top, { maxFeePerGas }) => max(top, maxFeePerGas), 0n)
}

function raised(fee: Wei): Wei {
  return mulDivUp(fee, BUMP_NUMERATOR, BUMP_DENOMINATOR) + 1n
}

function max(first: bigint, ...others: bigint[]): bigint {
  return others.reduce((top, value) => (value > top ? value : top), first)
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
