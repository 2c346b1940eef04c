// The slots of a zone, found another way than keeper/base/zone.ts does: the zone's stretches of equal offset are
// listed first, then the slot of a day is the first instant at which the wall clock has reached that time.
import type { UnixSeconds } from '../../keeper/base/time.ts'

const DAY = 86_400
// Twice a day, at odd hours: the keeper's own arithmetic looks at midnight UTC.
const PROBE_SECONDS = DAY / 2
const PROBE_SHIFT = 5 * 3_600 + 17

/** Until the next one, the zone's clock is that far ahead of UTC. */
export interface Stretch {
  from: UnixSeconds
  offset: number
}

/** Every slot in [from, to), in order, each instant once. */
export function slotsOf(
  stretches: readonly Stretch[],
  secondOfDay: number,
  from: UnixSeconds,
  to: UnixSeconds,
): UnixSeconds[] {
  const slots: UnixSeconds[] = []
  for (let day = Math.floor(from / DAY) - 2; day <= Math.ceil(to / DAY) + 2; day += 1) {
    const slot = firstReached(stretches, day * DAY + secondOfDay)
    if (slot >= from && slot < to && slot !== slots.at(-1)) slots.push(slot)
  }
  return slots
}

/** Where a stretch ends before its wall clock gets there, the next one may begin beyond it: a gap. */
function firstReached(stretches: readonly Stretch[], wall: number): UnixSeconds {
  // A year has few changes: looking from the last stretch that begins well before is enough.
  let i = lastBefore(stretches, wall - 2 * DAY)
  for (; i < stretches.length; i += 1) {
    const { from, offset } = stretches[i] as Stretch
    const end = stretches[i + 1]?.from ?? Infinity
    const reached = Math.max(from, wall - offset)
    if (reached < end) return reached
  }
  throw new Error(`no stretch reaches ${wall}`)
}

function lastBefore(stretches: readonly Stretch[], unix: UnixSeconds): number {
  let [low, high] = [0, stretches.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((stretches[middle] as Stretch).from <= unix) low = middle
    else high = middle - 1
  }
  return low
}

/** Those of [from, to], and some days to either side. */
export function stretchesOf(zone: string, from: UnixSeconds, to: UnixSeconds): Stretch[] {
  const offsetAt = offsetsOf(zone)
  const first = from - (from % DAY) + PROBE_SHIFT - 4 * DAY
  const found: Stretch[] = [{ from: -Infinity, offset: offsetAt(first) }]
  let before = found[0]?.offset
  for (let at = first + PROBE_SECONDS; at <= to + 4 * DAY; at += PROBE_SECONDS) {
    const offset = offsetAt(at)
    if (offset === before) continue
    found.push({ from: changeBetween(offsetAt, at - PROBE_SECONDS, at), offset })
    before = offset
  }
  return found
}

/** The first second with the later offset. */
function changeBetween(offsetAt: (at: number) => number, low: number, high: number): UnixSeconds {
  const later = offsetAt(high)
  let [below, above] = [low, high]
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2)
    if (offsetAt(middle) === later) above = middle
    else below = middle
  }
  return above
}

/** By the name that Intl gives the offset (GMT-00:44:30), not by the digits of the clock. */
function offsetsOf(zone: string): (at: UnixSeconds) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  return (at) => {
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(at * 1000))
    const [, sign, hours, minutes, seconds = '0'] = match ?? []
    const size = Number(hours ?? 0) * 3_600 + Number(minutes ?? 0) * 60 + Number(seconds)
    return sign === '-' ? -size : size
  }
}
