import type { Wei } from '../../base/amount.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import { faultOf } from '../rpc/client.ts'
import type { ChainClient } from '../rpc/client.ts'
import { bumpFees, initialFees } from './fees.ts'
import type { Fees, Market } from './fees.ts'
import type { TxIntent } from '../journal/journal.ts'
import { spentSince } from '../journal/journal-queries.ts'
import type { TxAttempt } from '../journal/journal-rows.ts'
import type { SendContext } from './send-context.ts'
import { simulate } from '../rpc/simulate.ts'
import type { DecodedRevert } from '../rpc/simulate.ts'

/** Everything that can refuse a transaction before a nonce is spent on it: revert, price, balance, budget. */
export async function prepare(context: SendContext, intent: TxIntent): Promise<Fees> {
  const { alerts, surroundings, signer } = context
  const [revert, market] = await Promise.all([
    findRevert(context, intent),
    surroundings.market(),
    surroundings.balance(),
  ])
  const { kind, key } = intent
  const sender = signer.address
  if (revert) throw new KeeperError('TX_WOULD_REVERT', { kind, key, ...revert })
  const ceiling = context.fees.maxFeePerGas
  const fees = initialFees(market, context.fees)
  if (!fees) {
    const needed = market.baseFee + market.tip
    alerts.raise('fee-hold', { key: sender, kind, tx: key, needed, ceiling })
    throw new KeeperError('FEE_OVER_CEILING', { needed, ceiling })
  }
  alerts.clear('fee-hold', sender)
  await requireFunds(context, intent, costOf(intent, fees))
  await refuseOverBudget(context, intent.gasLimit * fees.maxFeePerGas)
  return fees
}

/** The most that it can take, in wei. */
export function costOf({ value, gasLimit }: TxIntent, { maxFeePerGas }: Fees): Wei {
  return value + gasLimit * maxFeePerGas
}

async function requireFunds(
  { alerts, surroundings, signer }: SendContext,
  { kind, key }: TxIntent,
  needed: Wei,
): Promise<void> {
  const sender = signer.address
  // What was read a moment ago may be from before a top-up.
  if ((await surroundings.balance()) < needed) surroundings.forget()
  const balance = await surroundings.balance()
  if (balance >= needed) return alerts.clear('insufficient-funds', sender)
  alerts.raise('insufficient-funds', { key: sender, balance, needed })
  throw new KeeperError('INSUFFICIENT_FUNDS', { sender, balance, needed, kind, key })
}

async function findRevert(
  { client, signer, errors }: SendContext,
  { to, data, value, gasLimit }: TxIntent,
): Promise<DecodedRevert | undefined> {
  const fields = { from: signer.address, to, data, value, gas: gasLimit }
  return simulate(client, fields, errors).catch((error: unknown) => {
    // Some nodes check the sender's balance in the call: the check of the balance says it better.
    if (faultOf(error) === 'insufficient-funds') return undefined
    throw error
  })
}

/** Would a raised attempt stay under the ceiling, at today's market? */
export async function isRaiseAffordable(
  { surroundings, fees }: SendContext,
  attempts: readonly TxAttempt[],
): Promise<boolean> {
  return bumpFees(attempts, await surroundings.market(), fees) !== undefined
}

// Fees are budgeted over the last 24 hours: no midnight at which a new budget lets a fault go on.
const BUDGET_SECONDS = 86_400

/** What was paid in the last 24 hours, what may still be charged for what is on its way, and this. */
export async function refuseOverBudget(context: SendContext, cost: Wei): Promise<void> {
  const { fees, journal, client, signer, clock, alerts } = context
  const { dailyBudget } = fees
  if (dailyBudget === undefined) return
  const sender = signer.address
  const since = clock.now() - BUDGET_SECONDS
  const spent = await spentSince(journal.db, { chainId: client.chainId, sender, since })
  if (spent + cost <= dailyBudget) return alerts.clear('fee-budget', sender)
  alerts.raise('fee-budget', { key: sender, spent, cost, budget: dailyBudget })
  throw new KeeperError('FEE_BUDGET_SPENT', { sender, spent, cost, budget: dailyBudget })
}

/** What a transaction costs now and what is there to pay it. */
export interface Surroundings {
  market(): Promise<Market>
  /** Less what the transactions on their way may still take. */
  balance(): Promise<Wei>
  reserve(id: bigint, cost: Wei): void
  release(id: bigint): void
  /** Nothing else is on its way. */
  keepOnly(ids: Iterable<bigint>): void
  /** What was read is doubted: the next question goes to the chain. */
  forget(): void
}

// The price offered has room for six full blocks, and what is on its way is reserved: a second-old answer
// does as well as a new one, and spares three requests of eight.
const FRESH_MS = 1_000

export function surroundingsOf(client: ChainClient, address: Address, clock: Clock): Surroundings {
  const reserved = new Map<bigint, Wei>()
  const market = remembered(() => readMarket(client), clock)
  const balance = remembered(() => client.balanceOf(address), clock)
  return {
    market: market.read,
    balance: async () => {
      const whole = await balance.read()
      return [...reserved.values()].reduce((left, cost) => left - cost, whole)
    },
    reserve: (id, cost) => void reserved.set(id, cost),
    release: (id) => void reserved.delete(id),
    keepOnly: (ids) => {
      const kept = new Set(ids)
      for (const id of reserved.keys()) if (!kept.has(id)) reserved.delete(id)
    },
    forget: () => {
      market.forget()
      balance.forget()
    },
  }
}

function remembered<T>(
  ask: () => Promise<T>,
  clock: Clock,
): { read(): Promise<T>; forget(): void } {
  let last: { value: Promise<T>; atMs: number } | undefined
  const forget = (): void => {
    last = undefined
  }
  const read = (): Promise<T> => {
    const ageMs = last === undefined ? FRESH_MS : clock.nowMs() - last.atMs
    if (last && ageMs >= 0 && ageMs < FRESH_MS) return last.value
    const value = ask()
    last = { value, atMs: clock.nowMs() }
    value.catch(forget)
    return value
  }
  return { read, forget }
}

export async function readMarket(client: ChainClient): Promise<Market> {
  // Not every node has the method; the policy's own smallest tip then holds.
  const suggested = client.suggestedTip().catch((error: unknown) => {
    if (faultOf(error) === undefined) throw error
    return 0n
  })
  const [latest, tip] = await Promise.all([client.block('latest'), suggested])
  return { baseFee: latest?.baseFee ?? 0n, tip }
}
