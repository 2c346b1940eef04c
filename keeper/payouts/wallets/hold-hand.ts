import { isoTime } from '../../base/time.ts'
import type { Clock } from '../../base/time.ts'
import type { Actor } from '../../office/actor.ts'
import { appendTrail } from '../../office/trail.ts'
import type { Db } from '../../store/db.ts'
import { addHold, removeHold } from './holds.ts'
import type { Hold, HoldList, HoldTarget, NewHold } from './holds.ts'

/** Who acts, and in what: the same by a command and by a route. */
export interface HoldHand {
  db: Db
  clock: Clock
  actor: Actor
}

/** With its line in the trail, or not at all. The number of the hold. */
export function placeHold(
  { db, clock, actor }: HoldHand,
  list: HoldList,
  hold: HoldTarget & Pick<NewHold, 'reason' | 'until'>,
): Promise<bigint> {
  return db.begin(async (t) => {
    const id = await addHold({ db: t, clock }, { ...hold, list, actor: actor.name })
    const after = { ...hold, id, until: hold.until ?? null }
    const note = { actor, action: `${list}.add`, target: holdName(hold), after }
    await appendTrail(t, note, clock.now())
    return id
  })
}

/** HOLD_UNKNOWN when none of that list and number is in force. */
export function liftHold(
  { db, clock, actor }: HoldHand,
  { id, list, reason }: { id: bigint; list: HoldList; reason: string },
): Promise<void> {
  return db.begin(async (t) => {
    await removeHold({ db: t, clock }, { id, list, actor: actor.name, reason })
    const note = { actor, action: `${list}.remove`, target: String(id), after: { reason } }
    await appendTrail(t, note, clock.now())
  })
}

/** 'player-7 of players'. */
export function holdName({ program, payee, address }: HoldTarget): string {
  const whom = address ?? payee
  if (whom === undefined) return `every payee of ${program}`
  return program === undefined ? whom : `${whom} of ${program}`
}

/** As commands and routes tell it. */
export function publicHold({ until, recordedAt, ...hold }: Hold): object {
  return {
    ...hold,
    until: until === undefined ? null : isoTime(until),
    since: isoTime(recordedAt),
  }
}
