import { KeeperError } from './errors.ts'
import { SECONDS_PER_CYCLE, SECONDS_PER_HOUR, latestClosedCycle } from './time.ts'
import type { UnixSeconds } from './time.ts'

// a slot may settle a cut that is at most this old, whatever daylight saving does.
const MAX_LAG_SECONDS = 6 * SECONDS_PER_HOUR
// R-02 asks for a walk over the next ten years: every zone rule in force repeats within one.
const GRID_CHECK_YEARS = 10

const SECONDS_PER_DAY = 86_400
const DAYS_PER_YEAR = 366

// Ten years and some: the check against the grid walks as many, once, at the start.
const MAX_KEPT_DAYS = 4_000
// A keeper works in one zone; the tests go through all of them.
const MAX_KEPT_ZONES = 4

/** A day of the civil calendar, counted from 1970-01-01, so that tomorrow is + 1. */
export type CivilDay = number

interface ZoneRules {
  format: Intl.DateTimeFormat
  /** The offset at the start of a UTC day, by that day's number: a format costs 1.6 µs, this 0.05. */
  offsets: Map<number, number>
}

const kept = new Map<string, ZoneRules>()

function rulesOf(zone: string): ZoneRules {
  const known = kept.get(zone)
  if (known) return known
  const created = { format: createFormat(zone), offsets: new Map<number, number>() }
  if (kept.size >= MAX_KEPT_ZONES) kept.clear()
  kept.set(zone, created)
  return created
}

function createFormat(zone: string): Intl.DateTimeFormat {
  const digits = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      second: '2-digit',
      ...digits,
    })
  } catch {
    throw new KeeperError('ZONE_UNKNOWN', { zone })
  }
}

/**
 * Seconds that the zone's wall clock is ahead of UTC at an instant. Alike at both ends of a UTC day, it was so
 * all day: no zone ever changed its clock and back within one.
 */
function offsetAt(zone: string, unix: UnixSeconds): number {
  const rules = rulesOf(zone)
  const day = Math.floor(unix / SECONDS_PER_DAY)
  const atStart = offsetAtStart(rules, day)
  return atStart === offsetAtStart(rules, day + 1) ? atStart : readOffset(rules.format, unix)
}

function offsetAtStart({ format, offsets }: ZoneRules, day: number): number {
  const known = offsets.get(day)
  if (known !== undefined) return known
  const read = readOffset(format, day * SECONDS_PER_DAY)
  if (offsets.size >= MAX_KEPT_DAYS) offsets.clear()
  offsets.set(day, read)
  return read
}

function readOffset(format: Intl.DateTimeFormat, unix: UnixSeconds): number {
  const numbers = format.format(unix * 1000).match(/\d+/g) ?? []
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = numbers.map(Number)
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - unix
}

/** What the zone's wall clock shows, written as if it were UTC. */
function wallClockAt(zone: string, unix: UnixSeconds): number {
  return unix + offsetAt(zone, unix)
}

export function civilDayAt(zone: string, unix: UnixSeconds): CivilDay {
  return Math.floor(wallClockAt(zone, unix) / SECONDS_PER_DAY)
}

function secondsOfDay(time: string): number {
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time)
  if (!match) throw new KeeperError('TIME_OF_DAY_INVALID', { time })
  return Number(match[1]) * SECONDS_PER_HOUR + Number(match[2]) * 60
}

/** The first instant at which the zone's clock shows that time; in a gap, the end of the gap. */
export function instantOf(zone: string, day: CivilDay, time: string): UnixSeconds {
  const wall = day * SECONDS_PER_DAY + secondsOfDay(time)
  // No offset exceeds 14 h, so a day to either side is surely before and after a change nearby.
  const before = offsetAt(zone, wall - SECONDS_PER_DAY)
  const after = offsetAt(zone, wall + SECONDS_PER_DAY)
  const matches = [wall - before, wall - after].filter((at) => wallClockAt(zone, at) === wall)
  return matches.length > 0 ? Math.min(...matches) : endOfGap(zone, wall - after, wall - before)
}

/** Between two instants the clock jumped over our time: finds the first second after the jump. */
function endOfGap(zone: string, low: UnixSeconds, high: UnixSeconds): UnixSeconds {
  const offsetAfter = offsetAt(zone, high)
  let [below, above] = [low, high]
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2)
    if (offsetAt(zone, middle) === offsetAfter) above = middle
    else below = middle
  }
  return above
}

/**
 * The latest slot at or before now: yesterday's is surely past, and tomorrow's can be when the clock was set back
 * over midnight.
 */
export function latestSlotInstant(zone: string, time: string, now: UnixSeconds): UnixSeconds {
  const today = civilDayAt(zone, now)
  for (const day of [today + 1, today]) {
    const slot = instantOf(zone, day, time)
    if (slot <= now) return slot
  }
  return instantOf(zone, today - 1, time)
}

/** The first slot after now. */
export function nextSlotInstant(zone: string, time: string, now: UnixSeconds): UnixSeconds {
  const today = civilDayAt(zone, now)
  for (const day of [today, today + 1]) {
    const slot = instantOf(zone, day, time)
    if (slot > now) return slot
  }
  return instantOf(zone, today + 2, time)
}

/** slots and cuts are one-to-one and the lag is at most 6 h over the next ten years. */
export function checkZoneAgainstGrid(
  zone: string,
  time: string,
  firstCut: UnixSeconds,
  now: UnixSeconds,
  years = GRID_CHECK_YEARS,
): { maxLagSeconds: number } {
  const firstDay = civilDayAt(zone, Math.max(now, firstCut + SECONDS_PER_CYCLE))
  const days = Array.from({ length: years * DAYS_PER_YEAR }, (_, index) => firstDay + index)
  const slots = days.map((day) => instantOf(zone, day, time))
  const maxLagSeconds = maxLag(slots, firstCut)
  if (maxLagSeconds !== undefined) return { maxLagSeconds }
  const suggestedCut = suggestCut(slots) ?? 'none'
  throw new KeeperError('ZONE_GRID_MISFIT', { zone, time, firstCut, suggestedCut })
}

/** Undefined when a slot has no cut of its own, skips one, or is too late for it. */
function maxLag(slots: readonly UnixSeconds[], firstCut: UnixSeconds): number | undefined {
  let largest = 0
  let previous: number | undefined
  for (const slot of slots) {
    const cycle = latestClosedCycle(firstCut % SECONDS_PER_CYCLE, slot)
    const lag = (slot - firstCut) % SECONDS_PER_CYCLE
    if (lag > MAX_LAG_SECONDS || (previous !== undefined && cycle !== previous + 1))
      return undefined
    previous = cycle
    largest = Math.max(largest, lag)
  }
  return largest
}

/** The whole UTC hour whose cut leaves the smallest lag: '16:00Z' for 18:00 in Berlin. */
function suggestCut(slots: readonly UnixSeconds[]): string | undefined {
  const fits = Array.from({ length: 24 }, (_, hour) => ({
    hour,
    lag: maxLag(slots, hour * SECONDS_PER_HOUR),
  }))
  const usable = fits.flatMap(({ hour, lag }) => (lag === undefined ? [] : [{ hour, lag }]))
  const best = usable.sort((a, b) => a.lag - b.lag)[0]
  return best && `${String(best.hour).padStart(2, '0')}:00Z`
}
