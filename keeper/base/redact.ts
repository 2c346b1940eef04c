import { scrubUrls } from './redact-url.ts'

const REDACTED = '[redacted]'

// A log value nested deeper than this is cut off: it bounds the walk and no event of ours needs more.
const MAX_DEPTH = 12
// Shorter strings are ordinary words; replacing them everywhere would make logs unreadable.
const MIN_SECRET_LENGTH = 6

// The shortest path with a token in it; /alerts and /api/v2/alerts are not secret and are everywhere.
const MIN_SECRET_PATH_LENGTH = 16

const SECRET_FIELD =
  /^(.*(private[-_]?key|secret|mnemonic|passphrase|passw(or)?d|api[-_]?key|authorization|token[-_]?value|seed[-_]?phrase)|pk)$/i
// In running text a 64-digit hex word may be a tx hash; it is a key only beside a word that says so.
const SECRET_IN_TEXT =
  /((?:private[\s_-]?key|secret|mnemonic|passphrase|passw(?:or)?d|api[\s_-]?key)["']?\s*[:=]?\s*["']?)((?:0x)?[0-9a-fA-F]{64}|(?<=[:=]\s*["']?)[^\s"',}]+)/gi
const BEARER = /\b(bearer\s+)[\w.~+/-]+=*/gi

// Values known to be secret (passwords, keys, tokens) are removed wherever they turn up, because an
// error of a library may carry them inside any text. Process-wide: a secret is one for every logger.
const knownSecrets = new Set<string>()

export function rememberSecret(value: string): void {
  if (value.length < MIN_SECRET_LENGTH) return
  knownSecrets.add(value)
  if (/^0x[0-9a-fA-F]{64}$/.test(value)) knownSecrets.add(value.slice(2))
}

/** A URL that is a secret as a whole: what leads to its owner's place goes, also on its own. */
export function rememberSecretUrl(url: string | undefined): void {
  if (url === undefined) return
  const { pathname, search } = new URL(url)
  rememberSecret(url)
  if (`${pathname}${search}`.length >= MIN_SECRET_PATH_LENGTH) rememberSecret(pathname + search)
}

export function redactText(text: string): string {
  let clean = text
  for (const secret of knownSecrets) clean = clean.replaceAll(secret, REDACTED)
  return scrubUrls(clean).replace(BEARER, `$1${REDACTED}`).replace(SECRET_IN_TEXT, `$1${REDACTED}`)
}

/** A copy safe to show: secret fields are replaced at any depth, errors become plain objects. */
export function redactDeep(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (value === null || typeof value !== 'object') return value
  if (depth >= MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => redactDeep(item, depth + 1))
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  return redactFields(value instanceof Error ? errorFields(value) : value, depth)
}

function redactFields(value: object, depth: number): Record<string, unknown> {
  const fields = Object.entries(value).map(([key, item]) => {
    if (SECRET_FIELD.test(key) && item !== undefined && item !== null) return [key, REDACTED]
    return [key, redactDeep(item, depth + 1)]
  })
  return Object.fromEntries(fields) as Record<string, unknown>
}

function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error
  return { ...error, name, message, stack, ...(cause === undefined ? {} : { cause }) }
}
