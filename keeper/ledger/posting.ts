import { hash } from 'node:crypto'
import { KeeperError, ensure } from '../base/errors.ts'
import { canonicalJson } from '../base/json.ts'
import type { UnixSeconds } from '../base/time.ts'

/** One movement: `amount` leaves the account `debit` and arrives at `credit`. Accounts are named in accounts.ts. */
export interface Posting {
  /** Stands for this posting for ever: under it nothing else is ever posted. */
  key: string
  debit: string
  credit: string
  /** CAIP-19. */
  asset: string
  amount: bigint
  /** What kind of movement it is, in a word: accrue, settle, pay. */
  code: string
  effectiveAt: UnixSeconds
  /** Key of the transfer that this one takes back, whole or in part: same accounts, the other way round. */
  reverses?: string
  reason?: object
}

export type Outcome =
  | { key: string; outcome: 'posted' | 'duplicate' }
  /** Another content was posted under that key. */
  | { key: string; outcome: 'conflict' }
  | { key: string; outcome: 'refused'; why: Refusal }

/** limit: of an account. reversal: it is no mirror of its original, or takes back more than that. */
export type Refusal = 'limit' | 'reversal'

// Keys are kept for ever, as text with the transfer; a program's id, a reference and a counter need half of it.
export const MAX_KEY_LENGTH = 200
export const MAX_NAME_LENGTH = 200
// An explanation, not a document: it is kept with each transfer.
export const MAX_REASON_LENGTH = 4_000
// numeric(78, 0) holds every uint256.
const AMOUNT_END = 10n ** 78n

const KEY = /^[^\p{Cc}\p{Cs}]+$/u
const NAME = /^[a-z][a-z-]*(:[^\s:\p{Cc}\p{Cs}]+)*$/u
const CODE = /^[a-z][a-z0-9.-]{0,31}$/
const ASSET = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}$/

/** LEDGER_POSTING_INVALID: what no caller may ask. */
export function checkPosting(posting: Posting): void {
  const fault = faultOf(posting)
  if (fault === undefined) return
  throw new KeeperError('LEDGER_POSTING_INVALID', { key: posting.key, fault })
}

function faultOf(posting: Posting): string | undefined {
  const { key, debit, credit, asset, amount, code, effectiveAt, reverses } = posting
  if (!isText(key, KEY, MAX_KEY_LENGTH))
    return 'the key is empty, too long or has control characters'
  if (reverses !== undefined && !isText(reverses, KEY, MAX_KEY_LENGTH)) return 'reverses is no key'
  if (!isText(debit, NAME, MAX_NAME_LENGTH)) return `${debit} is no name of an account`
  if (!isText(credit, NAME, MAX_NAME_LENGTH)) return `${credit} is no name of an account`
  if (debit === credit) return 'debit and credit are one account'
  if (!ASSET.test(asset)) return `${asset} is no CAIP-19 asset`
  if (amount <= 0n || amount >= AMOUNT_END)
    return `the amount ${amount} is not above zero, or too large`
  if (!CODE.test(code)) return `${code} is no code`
  if (!Number.isSafeInteger(effectiveAt)) return `${effectiveAt} is no time in unix seconds`
  return undefined
}

function isText(text: string, shape: RegExp, limit: number): boolean {
  return text.length <= limit && shape.test(text)
}

/** The store's form of a key: 16 bytes of its SHA-256, as a UUID in hex. */
export function keyIdOf(key: string): string {
  return hash('sha256', key, 'hex').slice(0, 32)
}

/** A posting as the store takes it. */
export interface Prepared {
  posting: Posting
  keyId: string
  payloadId: string
  amount: string
  reason: string | null
  /** keyIdOf what it takes back. */
  reversedId: string | undefined
}

export function preparePosting(posting: Posting): Prepared {
  checkPosting(posting)
  const { debit, credit, asset, code, effectiveAt, reverses, key } = posting
  const amount = posting.amount.toString()
  const reason = posting.reason === undefined ? null : canonicalJson(posting.reason)
  ensure((reason?.length ?? 0) <= MAX_REASON_LENGTH, 'LEDGER_POSTING_INVALID', {
    key,
    fault: `the reason is longer than ${MAX_REASON_LENGTH} characters`,
  })
  // No field has a line break in it.
  const sides = `${debit}\n${credit}\n${asset}\n${amount}\n${code}\n${effectiveAt}`
  const payloadId = keyIdOf(`${sides}\n${reverses ?? ''}\n${reason ?? ''}`)
  const reversedId = reverses === undefined ? undefined : keyIdOf(reverses)
  return { posting, keyId: keyIdOf(key), payloadId, amount, reason, reversedId }
}

/** All or nothing: throws LEDGER_CONFLICT or LEDGER_REFUSED, so that the caller's transaction is undone. */
export function requirePosted(outcomes: readonly Outcome[]): void {
  for (const result of outcomes) {
    if (result.outcome === 'conflict') throw new KeeperError('LEDGER_CONFLICT', { key: result.key })
    if (result.outcome === 'refused') {
      throw new KeeperError('LEDGER_REFUSED', { key: result.key, why: WHY[result.why] })
    }
  }
}

const WHY: Record<Refusal, string> = {
  limit: 'a balance would pass its limit',
  reversal: 'it takes back more than was posted, something else, or what is archived',
}
