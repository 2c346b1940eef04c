import { SECONDS_PER_HOUR, startOfHour } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { latestSlotInstant, nextSlotInstant } from '../base/zone.ts'

/** A slot is one due run of a job, named by its instant. */
export type Schedule = { every: 'hour' } | { every: 'day'; zone: string; time: string }

export interface DueFacts {
  schedule: Schedule
  now: UnixSeconds
  /** Newest slot that was completed or skipped; undefined on the very first start. */
  lastFinished: UnixSeconds | undefined
  /** Slots with a row that is neither completed nor skipped: cut short, failed, or waiting. */
  open: readonly UnixSeconds[]
  /** What happens to slots that passed while nobody ran. */
  policy: 'run' | 'skip'
  /** Slots older than this cannot do anything any more. */
  usefulSeconds?: number
}

export interface Due {
  /** In order, oldest first: an earlier one always before a later one. */
  run: UnixSeconds[]
  skip: { slot: UnixSeconds; reason: string }[]
}

// Four months of daily slots; an hourly job looks back two weeks, far beyond any push window.
const MAX_MISSED_SLOTS = 400

/** What is due at `now`, from the rows alone: a wake-up that was lost loses nothing (S-37, S-38). */
export function dueSlots(facts: DueFacts): Due {
  const { schedule, now, lastFinished, open, policy, usefulSeconds = Infinity } = facts
  const latest = latestSlot(schedule, now)
  const passed = lastFinished === undefined ? [latest] : slotsAfter(schedule, lastFinished, now)
  const slots = [...new Set([...open.filter((slot) => slot <= now), ...passed])].sort(
    (a, b) => a - b,
  )
  const due: Due = { run: [], skip: [] }
  for (const slot of slots) {
    const isMissed = slot < latest && !open.includes(slot)
    if (slot + usefulSeconds < now) due.skip.push({ slot, reason: 'its window is over' })
    else if (policy === 'skip' && isMissed)
      due.skip.push({ slot, reason: 'missed, policy is skip' })
    else due.run.push(slot)
  }
  return due
}

export function latestSlot(schedule: Schedule, now: UnixSeconds): UnixSeconds {
  if (schedule.every === 'day') return latestSlotInstant(schedule.zone, schedule.time, now)
  return startOfHour(Math.floor(now / SECONDS_PER_HOUR))
}

export function nextSlot(schedule: Schedule, after: UnixSeconds): UnixSeconds {
  if (schedule.every === 'day') return nextSlotInstant(schedule.zone, schedule.time, after)
  return latestSlot(schedule, after) + SECONDS_PER_HOUR
}

/** Slots in (after, now]; of more than MAX_MISSED_SLOTS the newest. A clock that went back gives none. */
function slotsAfter(schedule: Schedule, after: UnixSeconds, now: UnixSeconds): UnixSeconds[] {
  const step = schedule.every === 'day' ? 24 * SECONDS_PER_HOUR : SECONDS_PER_HOUR
  const slots: UnixSeconds[] = []
  let slot = Math.max(after, now - MAX_MISSED_SLOTS * step)
  for (let i = 0; i <= MAX_MISSED_SLOTS; i += 1) {
    slot = nextSlot(schedule, slot)
    if (slot > now) return slots
    slots.push(slot)
  }
  return slots
}
