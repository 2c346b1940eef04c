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
  return JSON.stringify(sorted(JSON.parse(toJson(value)) as Json))
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] as Json)]))
}
