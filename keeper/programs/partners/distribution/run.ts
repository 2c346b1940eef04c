import { setImmediate } from 'node:timers/promises'
import { periodOfDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { KeeperError, ensure } from '../../../base/errors.ts'
import { hourOf, isoTime, startOfHour } from '../../../base/time.ts'
import type { Hour, UnixSeconds } from '../../../base/time.ts'
import { readDay, readHour } from './distribution-rows.ts'
import { bookDay } from './distribute-day.ts'
import type { DoneDay } from './distribute-day.ts'
import { bookHour } from './distribute-hour.ts'
import type { DoneHour } from './distribute-hour.ts'
import type { PartnersRoom } from '../room.ts'
import { dayOfHour, dueThrough, hoursOfDay, planSteps } from '../rules/plan-steps.ts'
import type { Due, Reached, Step, Through } from '../rules/plan-steps.ts'
import { beginAt, readState, requireZone } from './state.ts'
import { readOldest } from './voters.ts'

export type { DoneDay, DoneHour, Due, PartnersRoom }
export type Done = DoneHour | DoneDay

export interface Asked {
  hour?: Hour
  day?: Day
  /** Everything that is due at an instant. */
  due?: Due
  /** Where the very first run begins; without it with what is asked for, or with the hour that is open. */
  from?: Hour | undefined
}

// A year of hours: a run of that many takes minutes, and a slip of the hand names no later one.
const MAX_HOURS_A_RUN = 24 * 366

/**
 * Distributes what is missing up to what is asked for, in order: each hour and each day in a transaction of its own.
 * What was distributed before is told as it is on record.
 */
export async function runPartners(room: PartnersRoom, asked: Asked): Promise<Done[]> {
  const through = throughOf(room, asked)
  await requireZone(room.db, room.zone)
  const { firstHour, ...reached } = await begin(room, asked, through)
  const stored = await readStored(room, asked)
  const steps = stepsOf(room.zone, { firstHour, ...reached }, through)
  return [...stored, ...(await takeSteps(room, steps))]
}

/** Where the very first run begins is kept for ever, so all that can be refused is refused before. */
async function begin(room: PartnersRoom, asked: Asked, through: Goal): Promise<Reached> {
  const { db, zone, shadow } = room
  const { firstHour = firstOf(zone, asked), ...reached } = await readState(db, shadow)
  refuseEarlier(zone, asked, firstHour)
  if (reached.lastHour !== undefined) return { firstHour, ...reached }
  await refuseFarBefore(room, firstHour)
  stepsOf(zone, { firstHour, ...reached }, through)
  await beginAt(db, room, firstHour)
  // Another process may have been first.
  const now = await readState(db, shadow)
  refuseEarlier(zone, asked, now.firstHour ?? firstHour)
  return { firstHour, ...now }
}

/** A slip of the hand would be made up for hour by hour, for ever. */
async function refuseFarBefore({ db, clock }: PartnersRoom, firstHour: Hour): Promise<void> {
  const oldest = (await readOldest(db)) ?? clock.now()
  if (hourOf(oldest) - firstHour <= MAX_HOURS_A_RUN) return
  const facts = { first: isoTime(startOfHour(firstHour)), oldest: isoTime(oldest) }
  throw new KeeperError('PARTNERS_TOO_EARLY', facts)
}

async function takeSteps(room: PartnersRoom, steps: readonly Step[]): Promise<Done[]> {
  const done: Done[] = []
  for (const [at, step] of steps.entries()) {
    // The embedded store answers without letting the event loop turn: a signal would wait for all of them.
    await setImmediate()
    // A step that began is ended: it is a matter of seconds.
    room.signal?.throwIfAborted()
    room.onProgress?.(at, steps.length)
    done.push(await takeStep(room, step))
  }
  if (steps.length > 0) room.onProgress?.(steps.length, steps.length)
  return done
}

async function takeStep(room: PartnersRoom, step: Step): Promise<Done> {
  try {
    return step.kind === 'hour' ? await bookHour(room, step.hour) : await bookDay(room, step.day)
  } catch (error) {
    room.log.error({ ...step, err: error }, 'distribution-rolled-back')
    throw error
  }
}

interface Goal extends Through {
  /** Further ones are for the next run; otherwise they are refused. */
  isCut: boolean
}

function throughOf({ zone, clock }: PartnersRoom, { hour, day, due }: Asked): Goal {
  if (due) return { ...dueThrough(zone, due), isCut: true }
  const last = day === undefined ? undefined : lastOf(zone, day)
  const now = clock.now()
  if (hour !== undefined) refuseOpen(isoTime(startOfHour(hour)), startOfHour(hour + 1), now)
  if (last !== undefined) refuseOpen(day as Day, endOf(zone, day as Day, last), now)
  const withDay = last !== undefined && last >= (hour ?? last)
  const through = withDay ? last : hour
  ensure(through !== undefined, 'INTERNAL', { what: 'neither an hour nor a day is asked for' })
  return { hour: through, withDay, isCut: false }
}

function lastOf(zone: string, day: Day): Hour {
  return hoursIn(zone, day).last
}

function hoursIn(zone: string, day: Day): { first: Hour; last: Hour } {
  const hours = hoursOfDay(zone, day)
  if (hours) return hours
  throw new KeeperError('DAY_INVALID', { text: day })
}

/** Where a day begins at half past, its last hour ends after it. */
function endOf(zone: string, day: Day, last: Hour): UnixSeconds {
  return Math.max(periodOfDay(zone, day).to, startOfHour(last + 1))
}

function refuseOpen(period: string, end: UnixSeconds, now: UnixSeconds): void {
  if (end > now) throw new KeeperError('PARTNERS_PERIOD_OPEN', { period, end: isoTime(end) })
}

/** Where the very first run begins. */
function firstOf(zone: string, { hour, day, due, from }: Asked): Hour {
  if (from !== undefined) return from
  if (due) return hourOf(due.at)
  const ofDay = day === undefined ? undefined : hoursIn(zone, day).first
  return Math.min(hour ?? Infinity, ofDay ?? Infinity)
}

function refuseEarlier(zone: string, { hour, day }: Asked, firstHour: Hour): void {
  const first = isoTime(startOfHour(firstHour))
  if (hour !== undefined && hour < firstHour) {
    throw new KeeperError('PARTNERS_PERIOD_PASSED', { period: isoTime(startOfHour(hour)), first })
  }
  if (day !== undefined && day < dayOfHour(zone, firstHour)) {
    throw new KeeperError('PARTNERS_PERIOD_PASSED', { period: day, first })
  }
}

async function readStored({ db, shadow }: PartnersRoom, { hour, day }: Asked): Promise<Done[]> {
  const ofHour = hour === undefined ? undefined : await readHour(db, shadow, hour)
  const ofDay = day === undefined ? undefined : await readDay(db, shadow, day)
  return [
    ...(ofHour ? [{ kind: 'hour', isNew: false, ...ofHour } as const] : []),
    ...(ofDay ? [{ kind: 'day', isNew: false, ...ofDay } as const] : []),
  ]
}

function stepsOf(zone: string, reached: Reached, { isCut, ...through }: Goal): Step[] {
  const { firstHour, lastHour = firstHour - 1 } = reached
  const hours = through.hour - lastHour
  if (hours <= MAX_HOURS_A_RUN) return planSteps(zone, reached, through)
  if (!isCut) throw new KeeperError('PARTNERS_TOO_FAR', { hours, limit: MAX_HOURS_A_RUN })
  return planSteps(zone, reached, { hour: lastHour + MAX_HOURS_A_RUN, withDay: false })
}
