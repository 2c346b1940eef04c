import { KeeperError, ensure } from './errors.ts'

/** Coin or token in its smallest unit. Never a float. */
export type Wei = bigint
/** 1/10,000: 0 … 10,000. */
export type Bps = number

export const BPS = 10_000n

// 78 decimal digits hold every uint256; SQL keeps amounts as numeric(78,0).
const MAX_AMOUNT = 2n ** 256n - 1n

// A token may declare up to 255 decimals; none in use has more than 36, and padding must end.
const MAX_DECIMALS = 36

export function mulDivDown(a: bigint, b: bigint, divisor: bigint): bigint {
  ensure(a >= 0n && b >= 0n && divisor > 0n, 'INTERNAL', { what: 'mulDivDown', a, b, divisor })
  return (a * b) / divisor
}

export function mulDivUp(a: bigint, b: bigint, divisor: bigint): bigint {
  ensure(a >= 0n && b >= 0n && divisor > 0n, 'INTERNAL', { what: 'mulDivUp', a, b, divisor })
  return (a * b + divisor - 1n) / divisor
}

export function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

export interface Split {
  shares: Wei[]
  carry: Wei
}

/** Each share is floored; what flooring leaves is the carry. Weights of zero in sum carry all. */
export function splitProRata(pool: Wei, weights: readonly bigint[]): Split {
  const total = sum(weights)
  const shares = weights.map((weight) => (total === 0n ? 0n : mulDivDown(pool, weight, total)))
  const carry = pool - sum(shares)
  ensure(carry >= 0n, 'INTERNAL', { what: 'splitProRata', pool, carry })
  return { shares, carry }
}

/** '1.5' with 18 decimals → 1500000000000000000n. More decimals than the unit has are refused. */
export function parseAmount(text: string, decimals = 18): Wei {
  const match = /^(\d{1,78})(?:\.(\d{1,36}))?$/.exec(text.trim())
  const fraction = match?.[2] ?? ''
  if (!match || decimals > MAX_DECIMALS || fraction.length > decimals) {
    throw new KeeperError('AMOUNT_INVALID', { text, decimals })
  }
  const wei = BigInt(`${match[1]}${fraction.padEnd(decimals, '0')}`)
  if (wei > MAX_AMOUNT) throw new KeeperError('AMOUNT_INVALID', { text, decimals })
  return wei
}

/** For showing only: nothing that decides may read its result. */
export function formatAmount(wei: Wei, decimals = 18): string {
  const digits = (wei < 0n ? -wei : wei).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${wei < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`
}
