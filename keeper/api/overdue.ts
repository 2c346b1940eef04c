import { isoTime } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { latestSlotInstant, nextSlotInstant } from '../base/zone.ts'
import type { LastSuccess } from './last-success.ts'

export interface LifeFacts {
  last: LastSuccess | undefined
  zone: string
  time: string
  graceSeconds: number
  now: UnixSeconds
}

export interface LifeSign {
  isAlive: boolean
  /** The slot that has to be done by now. */
  due: UnixSeconds
  /** When the next slot has to be done. */
  nextCheck: UnixSeconds
  reason: string
}

// A success dated later than this is from a clock that is wrong, and proves nothing.
const MAX_AHEAD_SECONDS = 300

/**
 * Done is judged by the slot that was settled, not by when: a keeper that makes up for last week is not
 * alive yet. The slot in question is the latest whose grace is over; daylight saving is the zone's matter.
 */
export function judgeLife({ last, zone, time, graceSeconds, now }: LifeFacts): LifeSign {
  const due = latestSlotInstant(zone, time, now - graceSeconds)
  const nextCheck = nextSlotInstant(zone, time, due) + graceSeconds
  const verdict = (isAlive: boolean, reason: string): LifeSign => {
    return { isAlive, due, nextCheck, reason }
  }
  if (!last) return verdict(false, 'there has been no success yet')
  const { slot } = last
  if (slot > now + MAX_AHEAD_SECONDS) {
    return verdict(false, `the last success is of ${isoTime(slot)}, which is still to come`)
  }
  const done = `the last success is the settlement of ${isoTime(slot)}`
  return slot >= due ? verdict(true, done) : verdict(false, done)
}
