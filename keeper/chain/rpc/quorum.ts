import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import type { RpcFault } from './rpc-fault.ts'

/** What one endpoint said, or why it did not. */
export interface Voice {
  url: string
  answer?: unknown
  error?: unknown
}

/** One endpoint is all there is to believe; of several, one may lie. */
export function quorumOf(endpoints: number): number {
  return endpoints === 1 ? 1 : 2
}

export function hasAnswered(voice: Voice): boolean {
  return voice.error === undefined
}

/** The highest that so many have reached: one that runs ahead or lags behind does not move it. */
export function reachedBy<T>(
  values: readonly T[],
  quorum: number,
  heightOf: (value: T) => number,
): T | undefined {
  return values.toSorted((a, b) => heightOf(b) - heightOf(a))[quorum - 1]
}

/** The first of which so many are alike. */
export function agreedBy<T>(
  values: readonly T[],
  quorum: number,
  sameness: (value: T) => string,
): T | undefined {
  const counts = new Map<string, number>()
  for (const value of values) {
    const key = sameness(value)
    const count = (counts.get(key) ?? 0) + 1
    if (count >= quorum) return value
    counts.set(key, count)
  }
  return undefined
}

// First what says that it may have been taken, then what the sender can act upon.
const TELLING: readonly (RpcFault | undefined)[] = [
  'already-known',
  'reverted',
  'nonce-too-low',
  'underpriced',
  'insufficient-funds',
  'fee-too-low',
  'nonce-gap',
  'gas-limit',
  'other',
  'rate-limited',
  undefined,
]

/** Of several refusals the one to act upon: a meaning before silence. */
export function mostTelling(errors: readonly unknown[]): Error {
  const ranked = errors.map((error) => ({ error, rank: rankOf(error) }))
  const first = ranked.toSorted((a, b) => a.rank - b.rank)[0]?.error
  if (first instanceof Error) return first
  return new KeeperError('INTERNAL', { what: `no endpoint said anything: ${messageOf(first)}` })
}

function rankOf(error: unknown): number {
  if (isKeeperError(error, 'RPC_REFUSED')) return TELLING.indexOf(error.facts['fault'] as RpcFault)
  // Loud ones before silence, too: another chain, another hash.
  return isKeeperError(error, 'RPC_UNAVAILABLE') ? TELLING.length : TELLING.length - 1
}
