import { dayAt, nextDay, periodOfDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { SECONDS_PER_HOUR, startOfHour } from '../../../base/time.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'

/** One distribution. */
export type Step = { kind: 'hour'; hour: Hour } | { kind: 'day'; day: Day }

/** As far as is asked for: that hour, and then the day of which it is the last. */
export interface Through {
  hour: Hour
  withDay: boolean
}

const SECONDS_PER_MINUTE = 60

/** An hour belongs to the day that its start is in; where a day begins at half past, it reaches into the next. */
export function dayOfHour(zone: string, hour: Hour): Day {
  return dayAt(zone, startOfHour(hour))
}

/** undefined: a day that was skipped, or none of whose seconds begins an hour. */
export function hoursOfDay(zone: string, day: Day): { first: Hour; last: Hour } | undefined {
  const { from, to } = periodOfDay(zone, day)
  const first = Math.ceil(from / SECONDS_PER_HOUR)
  const last = Math.ceil(to / SECONDS_PER_HOUR) - 1
  return last < first ? undefined : { first, last }
}

export interface Due {
  at: UnixSeconds
  /** Of the next hour: an hour is due then. */
  minute: number
  /** Seconds after the last hour of a day: the day is due then, and all its hours, whatever the minute. */
  afterDay: number
}

export function dueThrough(zone: string, { at, minute, afterDay }: Due): Through {
  const hour = lastClosed(at - minute * SECONDS_PER_MINUTE)
  const open = lastClosed(at - afterDay) + 1
  const endOfDay = (hoursOfDay(zone, dayOfHour(zone, open))?.first ?? open) - 1
  return hour > endOfDay ? { hour, withDay: false } : { hour: endOfDay, withDay: true }
}

/** The hour that ended last, at or before that instant. */
export function lastClosed(at: UnixSeconds): Hour {
  return Math.floor(at / SECONDS_PER_HOUR) - 1
}

/** The last hour and the last day that are over. */
export function lastCycle(zone: string, at: UnixSeconds): { hour: Hour; day: Day } {
  const hour = lastClosed(at)
  const open = hoursOfDay(zone, dayOfHour(zone, hour + 1))?.first ?? hour + 1
  return { hour, day: dayOfHour(zone, open - 1) }
}

/** What is distributed already. */
export interface Reached {
  firstHour: Hour
  lastHour?: Hour
  lastDay?: Day
}

/**
 * What is still to be done, in the one order: hour by hour, and each day after its last hour and before the first of
 * the next, whose inflow is not its own.
 */
export function planSteps(zone: string, reached: Reached, through: Through): Step[] {
  const { firstHour, lastHour, lastDay = '' } = reached
  const steps: Step[] = []
  let hour = lastHour === undefined ? firstHour : lastHour + 1
  // The last hour of a day may be done while the day itself waits.
  for (let day = dayOfHour(zone, lastHour ?? firstHour); ; day = nextDay(day)) {
    const hours = hoursOfDay(zone, day)
    if (!hours) continue
    if (hours.first > through.hour) return steps
    for (; hour <= Math.min(hours.last, through.hour); hour += 1) steps.push({ kind: 'hour', hour })
    const isWhole = hours.last < through.hour || (hours.last === through.hour && through.withDay)
    if (isWhole && day > lastDay) steps.push({ kind: 'day', day })
  }
}
