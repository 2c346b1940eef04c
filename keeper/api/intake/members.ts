import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import { cycleOfHour, hourOf, systemClock } from '../../base/time.ts'
import type { Clock, Cycle } from '../../base/time.ts'
import type { Members } from '../../heartbeat/intake/intake.ts'
import type { ChainRoom } from '../../validators/room.ts'
import { readRoster, updateRoster } from '../../validators/roster.ts'
import type { Roster, RosterEntry } from '../../validators/roster.ts'

/** Who may beat, as the chain's roster has it; the last one that was read while the chain is away. */
export interface RosterMembers extends Members {
  /** Whose hours are counted: all that are active, will be, or were until the last cycle. */
  validators(): Promise<readonly Address[]>
  /** Never rejects: an old roster is better than none. */
  refresh(): Promise<void>
}

export interface RosterMembersOptions {
  room: ChainRoom
  clock: Clock
  log: Logger
}

// A flood of unknown nodes asks the chain twice a minute, not once each.
const UNKNOWN_EVERY_MS = 30_000

export async function openMembers(options: RosterMembersOptions): Promise<RosterMembers> {
  const { room, clock, log } = options
  const firstHour = hourOf(room.contracts.deployment.firstCut)
  const cycleNow = (): Cycle => cycleOfHour(firstHour, hourOf(clock.now()))
  let roster: Roster = await readRoster(room)
  let reading: Promise<void> | undefined
  let askedAtMs = systemClock.nowMs()

  const update = async (): Promise<void> => {
    roster = await updateRoster(room, roster)
  }
  const read = (): Promise<void> => {
    askedAtMs = systemClock.nowMs()
    reading ??= update().finally(() => {
      reading = undefined
    })
    return reading
  }
  const refresh = (): Promise<void> =>
    read().catch((error: unknown) => log.warn(describe(error), 'roster-not-read'))

  return {
    refresh,
    stateOf: async (node) => {
      const isOld = systemClock.nowMs() - askedAtMs >= UNKNOWN_EVERY_MS
      if (!roster.byNode.has(node) && (isOld || reading)) await read()
      return stateOf(roster.byNode.get(node), cycleNow())
    },
    validators: async () => {
      await refresh()
      const last = cycleNow() - 1
      const counted = roster.entries.filter(({ activeTo }) => activeTo >= last)
      return [...new Set(counted.map(({ node }) => node))]
    },
  }
}

type MemberState = Awaited<ReturnType<Members['stateOf']>>

function stateOf(entry: RosterEntry | undefined, cycle: Cycle): MemberState {
  if (!entry) return 'unknown'
  if (entry.activeTo < cycle) return 'removed'
  return entry.activeFrom > cycle ? 'pending' : 'active'
}
