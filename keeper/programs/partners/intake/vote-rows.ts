import type { Day } from '../../../base/day.ts'
import type { UnixSeconds } from '../../../base/time.ts'

/** What a partner voted, as its source has it. */
export interface VoteRow {
  /** Of the source: under it no other vote is ever taken in. */
  key: string
  partner: string
  /** Whole CC. */
  cc: bigint
  type: string
  at: UnixSeconds
}

/** A partner's coefficient of a day. */
export interface EccRow {
  partner: string
  day: Day
  /** × 10^18, floored. */
  ecc: bigint
}

/** From then on, until a later one. */
export interface RateRow {
  from: UnixSeconds
  /** Of the token's smallest unit. */
  unitsPerCc: bigint
}

export interface PartnerRow {
  partner: string
  isSpecial: boolean
}
