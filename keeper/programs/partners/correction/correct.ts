import { KeeperError } from '../../../base/errors.ts'
import { periodOfDay } from '../../../base/day.ts'
import type { Day } from '../../../base/day.ts'
import { startOfHour } from '../../../base/time.ts'
import type { Hour } from '../../../base/time.ts'
import type { Period } from '../../../payouts/program.ts'
import type { Db } from '../../../store/db.ts'
import { correctDayIn } from './correct-day.ts'
import { correctHourIn } from './correct-hour.ts'
import type { Corrected, CorrectionRoom } from './correction.ts'
import { hasHours, hoursWithLate } from './correction-rows.ts'
import { readDay } from '../distribution/distribution-rows.ts'
import type { DayRow, HourRow } from '../distribution/distribution-rows.ts'
import { hoursOfDay } from '../rules/plan-steps.ts'
import { requireZone } from '../distribution/state.ts'

export interface Correction {
  /** Nothing was kept: what would change. */
  isDry: boolean
  periods: Corrected[]
}

export type Wanted = { hour: Hour } | { day: Day }

/**
 * Votes that came late get their effect here and nowhere else: each period is shared again in a transaction of its
 * own, and what differs is posted. Of a day its hours come first. What is corrected already changes nothing.
 */
export async function correct(
  room: CorrectionRoom,
  wanted: Wanted,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<Correction> {
  if (room.shadow) throw shadowResults('hour' in wanted ? `hour ${wanted.hour}` : wanted.day)
  await requireZone(room.db, room.zone)
  if (dryRun) {
    const periods = await undone(room.db, (t) => correctAll({ ...room, db: t }, wanted))
    return { isDry: true, periods }
  }
  const periods = await correctAll(room, wanted, (corrected) => {
    if (corrected.isNew) room.log.info(factsOf(corrected), 'reward-corrected')
  })
  await clearAlerts(room)
  return { isDry: false, periods }
}

function shadowResults(period: string): KeeperError {
  return new KeeperError('PARTNERS_CORRECTION_SHADOW', { period })
}

class Undo extends Error {}

/** Does it in one transaction that is undone: what it says is exactly what it would do. */
async function undone<T>(db: Db, work: (t: Db) => Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  await db
    .begin(async (t) => {
      result = { value: await work(t) }
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  return (result as { value: T }).value
}

async function correctAll(
  room: CorrectionRoom,
  wanted: Wanted,
  onDone?: (corrected: Corrected) => void,
): Promise<Corrected[]> {
  const steps = await stepsOf(room, wanted)
  const done: Corrected[] = []
  for (const [at, step] of steps.entries()) {
    room.signal?.throwIfAborted()
    room.onProgress?.(at, steps.length)
    const corrected = await room.db.begin(step)
    onDone?.(corrected)
    done.push(corrected)
  }
  room.onProgress?.(steps.length, steps.length)
  return done
}

type Step = (t: Db) => Promise<Corrected>

async function stepsOf(room: CorrectionRoom, wanted: Wanted): Promise<Step[]> {
  const ofHour =
    (hour: Hour): Step =>
    (t) =>
      correctHourIn(t, room, hour)
  if ('hour' in wanted) return [ofHour(wanted.hour)]
  const { day } = wanted
  const hours = (await hoursWithLate(room.db, reachOf(room.zone, day))).map(ofHour)
  const isOver = (await readDay(room.db, false, day)) !== undefined
  // Of a day that is not distributed the hours may be; without any, the day says why there is nothing to correct.
  const withDay = isOver || !(await hasHours(room.db, day))
  return [...hours, ...(withDay ? [(t: Db) => correctDayIn(t, room, day)] : [])]
}

/** The votes of its hours and those of its own period: where a day begins at half past, that is not the same. */
function reachOf(zone: string, day: Day): Period {
  const period = periodOfDay(zone, day)
  const hours = hoursOfDay(zone, day)
  if (!hours) return period
  return { from: period.from, to: Math.max(period.to, startOfHour(hours.last + 1)) }
}

/** As the log of distributions has it, before and after. */
function factsOf(corrected: Corrected): object {
  const { kind, period, correction, revision, late, inflow, daily, after, before } = corrected
  const { given, taken, due, withheld, lines } = corrected
  return {
    type: kind === 'hour' ? 'hourly' : 'daily',
    period,
    correction,
    revision,
    lateVotes: late.votes,
    lateCc: late.cc,
    inflow,
    daily,
    total: totalOf(after),
    before: totalOf(before),
    carry: after.carry,
    given,
    taken,
    due,
    withheld,
    userCounts: { voters: after.voters, votes: after.votes, changed: lines.length },
    eccCap: 'eccCap' in after ? after.eccCap : null,
    ruleset: after.ruleset,
  }
}

/** With the bonus of a day. */
export function totalOf(row: HourRow | DayRow): bigint {
  return row.paid + ('bonusPaid' in row ? row.bonusPaid : 0n)
}

async function clearAlerts({ db, alerts }: CorrectionRoom): Promise<void> {
  const row = await db.maybeOne(
    'select 1 from partner_vote where late and correction is null limit 1',
  )
  if (row === undefined) alerts?.clear('partners-late-votes')
}
