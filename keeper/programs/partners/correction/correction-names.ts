import type { Day } from '../../../base/day.ts'
import type { Hour } from '../../../base/time.ts'
import { PARTNERS } from '../names.ts'

/** A share that was settled before it became less. */
export const DUE_CODE = 'partners.due'

/**
 * The period as awards, dues and keys of a correction have it. The number stands before the slash: a partner's id may
 * have slashes, but no colon.
 */
export const correctedPeriod = {
  hour: (hour: Hour, correction: number): string => numbered(`h${hour}`, correction),
  day: (day: Day, correction: number): string => numbered(`d${day}`, correction),
} as const

/** Of a correction: the same name, numbered. */
export function numbered(name: string, correction: number): string {
  return `${name}:c${correction}`
}

export const correctionKeys = {
  late: (day: Day, correction: number): string => numbered(`${PARTNERS}:late:${day}`, correction),
  due: (period: string, partner: string): string => `${PARTNERS}:due:${period}/${partner}`,
} as const
