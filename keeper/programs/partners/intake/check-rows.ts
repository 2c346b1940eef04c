import { z } from 'zod'
import { nextDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { isKeeperError } from '../../../base/errors.ts'
import { isoTime } from '../../../base/time.ts'
import type { UnixSeconds } from '../../../base/time.ts'
import { MAX_ECC } from '../rules/ecc.ts'
import { MAX_UNITS_PER_CC } from '../rules/pools.ts'
import type { EccRow, PartnerRow, RateRow, VoteRow } from './vote-rows.ts'

// Clocks of servers that are set by NTP differ by less than a second; five minutes forgive one that is not.
export const MAX_SKEW_SECONDS = 300
// 2000-01-01T00:00Z: before it there was no vote; milliseconds or days read as seconds fall outside, too.
export const FIRST_AT: UnixSeconds = 946_684_800
// 2100-01-01T00:00Z: a rate may be set ahead, but not so far.
const LAST_RATE_FROM: UnixSeconds = 4_102_444_800
// An ECC may be given the evening before, in any zone.
const MAX_DAYS_AHEAD_SECONDS = 2 * 86_400
// As the store checks it: sums of a billion such votes stay within an int8.
export const MAX_CC = 1_000_000_000n
// A key put together of UUIDs, hashes and addresses has some 200; an index entry of the store holds 2,700 bytes.
const MAX_KEY_LENGTH = 300
const MAX_TYPE_LENGTH = 64
// Payees of the pipeline, in the names of accounts: printable ASCII without blanks and colons.
const PARTNER = /^[\x21-\x39\x3b-\x7e]{1,64}$/
// A control character, half of a surrogate pair (the store's JSON takes neither), or the mark that bytes were lost.
const UNWRITABLE = /[\p{Cc}\p{Cs}\ufffd]/u

/** Why a row is not taken in: each fault as half a sentence. Empty: it is. */
export function voteFaults(vote: VoteRow, now: UnixSeconds): string[] {
  const { key, partner, cc, type, at } = vote
  return [
    ...textFault('key', key, MAX_KEY_LENGTH),
    ...partnerFault(partner),
    ...(cc >= 0n && cc <= MAX_CC ? [] : [`cc: not from 0 to ${MAX_CC}`]),
    ...(type === '' ? [] : textFault('type', type, MAX_TYPE_LENGTH)),
    ...timeFault('at', at, now + MAX_SKEW_SECONDS),
  ]
}

export function eccFaults({ partner, day, ecc }: EccRow, now: UnixSeconds): string[] {
  return [...partnerFault(partner), ...dayFault(day, now), ...numericFault('ecc', ecc, MAX_ECC)]
}

export function rateFaults({ from, unitsPerCc }: RateRow): string[] {
  return [
    ...timeFault('from', from, LAST_RATE_FROM),
    ...numericFault('unitsPerCc', unitsPerCc, MAX_UNITS_PER_CC),
  ]
}

export function partnerFaults({ partner }: PartnerRow): string[] {
  return partnerFault(partner)
}

/** Sources are named in the store, in alerts and in the log. */
export const sourceSchema = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:@-]{0,79}$/, 'not letters, digits and . _ : @ -, at most 80')

function partnerFault(partner: string): string[] {
  const fault = 'partner: not 1 to 64 characters of printable ASCII without blanks and colons'
  return PARTNER.test(partner) ? [] : [fault]
}

function textFault(name: string, text: string, most: number): string[] {
  if (text === '') return [`${name}: is empty`]
  if (text.length > most) return [`${name}: longer than ${most} characters`]
  return UNWRITABLE.test(text) ? [`${name}: has control characters or lost ones`] : []
}

function timeFault(name: string, at: UnixSeconds, last: UnixSeconds): string[] {
  if (!Number.isSafeInteger(at)) return [`${name}: not a time in whole seconds`]
  if (at < FIRST_AT) return [`${name}: before ${isoTime(FIRST_AT)}`]
  return at > last ? [`${name}: later than ${isoTime(last)}`] : []
}

function numericFault(name: string, value: bigint, most: bigint): string[] {
  return value >= 0n && value <= most
    ? []
    : [`${name}: not from 0 to 10^${String(most).length - 1}`]
}

function dayFault(day: Day, now: UnixSeconds): string[] {
  const last = isoTime(now + MAX_DAYS_AHEAD_SECONDS).slice(0, day.length)
  try {
    nextDay(day)
  } catch (error) {
    if (isKeeperError(error, 'DAY_INVALID')) return ['day: not a day as YYYY-MM-DD']
    throw error
  }
  if (day < isoTime(FIRST_AT).slice(0, day.length)) return ['day: before 2000-01-01']
  return day > last ? [`day: later than ${last}`] : []
}
