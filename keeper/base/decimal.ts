import { KeeperError } from './errors.ts'

// A double has 17 digits and is often written with them all; a numeric column rarely has more than 78.
const MAX_DIGITS = 120
// The exponents of a double end at 308 and -324.
const MAX_EXPONENT = 400
// What numeric(78,0) holds in the store.
const MAX_SCALED = 10n ** 78n - 1n

/**
 * '2.11e-16' with 18 decimals → 211n: floor(number × 10^decimals), exact however the number is written. For
 * coefficients of a source, which may be finer than our unit; amounts of money go through parseAmount, which refuses.
 */
export function parseDecimalDown(text: string, decimals: number): bigint {
  const match = /^\+?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text.trim())
  const digits = `${match?.[1] ?? ''}${match?.[2] ?? ''}`
  const exponent = Number(match?.[3] ?? 0)
  if (digits === '' || digits.length > MAX_DIGITS || Math.abs(exponent) > MAX_EXPONENT) {
    throw new KeeperError('DECIMAL_INVALID', { text })
  }
  const scaled = shiftDown(BigInt(digits), exponent + decimals - (match?.[2]?.length ?? 0))
  if (scaled > MAX_SCALED) throw new KeeperError('DECIMAL_INVALID', { text })
  return scaled
}

/** floor(value × 10^places). */
function shiftDown(value: bigint, places: number): bigint {
  return places >= 0 ? value * 10n ** BigInt(places) : value / 10n ** BigInt(-places)
}
