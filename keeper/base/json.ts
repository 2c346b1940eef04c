export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

function bigintToText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

/** JSON as the store and the CLI write it: amounts are decimal strings. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, bigintToText, indent) ?? 'null'
}

/** The same value always gives the same text: keys sorted at every depth. Hashes are taken of this. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortedKeys) ?? 'null'
}

/** JSON.stringify asks for each value before it writes it: one pass, and none of the copies where the order is right. */
function sortedKeys(key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object') return bigintToText(key, value)
  if (Array.isArray(value)) return value
  const keys = Object.keys(value)
  const isSorted = keys.every((each, at) => at === 0 || (keys[at - 1] as string) < each)
  if (isSorted) return value
  const fields = value as Record<string, unknown>
  return Object.fromEntries(keys.sort().map((each) => [each, fields[each]]))
}
