import { KeeperError } from './errors.ts'
import { isoTime } from './time.ts'
import type { UnixSeconds } from './time.ts'
import { civilDayAt, instantOf } from './zone.ts'
import type { CivilDay } from './zone.ts'

/** A day of the calendar in some zone: '2026-11-21'. */
export type Day = string

const SECONDS_PER_DAY = 86_400
const MIDNIGHT = '00:00'

/** The day whose period that instant is in; a clock that is set back over midnight begins no day twice. */
export function dayAt(zone: string, unix: UnixSeconds): Day {
  const day = civilDayAt(zone, unix)
  return textOf(unix < instantOf(zone, day + 1, MIDNIGHT) ? day : day + 1)
}

/** [from, to): each day ends where the next begins; 23 or 25 hours when the clocks change, none when it was skipped. */
export function periodOfDay(zone: string, day: Day): { from: UnixSeconds; to: UnixSeconds } {
  const civil = parseDay(day)
  return { from: instantOf(zone, civil, MIDNIGHT), to: instantOf(zone, civil + 1, MIDNIGHT) }
}

export function nextDay(day: Day): Day {
  return textOf(parseDay(day) + 1)
}

function textOf(day: CivilDay): Day {
  return isoTime(day * SECONDS_PER_DAY).slice(0, DAY_LENGTH)
}

// YYYY-MM-DD.
const DAY_LENGTH = 10

function parseDay(text: string): CivilDay {
  const isShaped = /^\d{4}-\d{2}-\d{2}$/.test(text)
  const ms = isShaped ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  const day = ms / 1000 / SECONDS_PER_DAY
  // Of February 31 the parser makes March 3.
  if (Number.isNaN(day) || textOf(day) !== text) throw new KeeperError('DAY_INVALID', { text })
  return day
}
