import type { Day } from '../../base/day.ts'
import type { Hour } from '../../base/time.ts'

export const PARTNERS = 'partners'
/** Its number in the contract. */
export const PARTNERS_NUMBER = 2

/** Accounts of the books. What is not given stays in its pool. */
export const accounts = {
  issuer: `issuer:${PARTNERS}`,
  hourPool: `pool:${PARTNERS}:hour`,
  dayPool: `pool:${PARTNERS}:day`,
  bonusPool: `pool:${PARTNERS}:bonus`,
  /** What late votes brought to days that are over: waits for their corrections. */
  latePool: `pool:${PARTNERS}:late`,
} as const

/** Of postings that are no awards: each is made once, for ever. */
export const keys = {
  hourInflow: (hour: Hour): string => `${PARTNERS}:inflow-hour:${hour}`,
  dayInflow: (hour: Hour): string => `${PARTNERS}:inflow-day:${hour}`,
  bonus: (day: Day): string => `${PARTNERS}:bonus:${day}`,
  bonusFund: (reference: string): string => `${PARTNERS}:bonus-fund:${reference}`,
} as const

/** Of awards. */
export const refs = {
  hour: (hour: Hour, partner: string): string => `h${hour}/${partner}`,
  day: (day: Day, partner: string): string => `d${day}/${partner}`,
} as const

export const codes = {
  inflow: 'partners.inflow',
  bonus: 'partners.bonus',
  fund: 'partners.fund',
} as const
