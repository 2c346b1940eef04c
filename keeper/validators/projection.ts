import type { Bps } from '../base/amount.ts'
import { leastAppearances, meetsRate } from '../heartbeat/online-rate.ts'

/**
 * online, offline: the hour counts, and a majority of the reporters did or did not see the validator up.
 * pending: it is over and may still be pushed. lost: it can count for nobody any more.
 * ahead: it is not over.
 */
export type HourState = 'online' | 'offline' | 'pending' | 'lost' | 'ahead'

/** What the chain has of one hour, as far as one validator is concerned. */
export interface HourVotes {
  /** Reporters that pushed it. */
  pushedBy: number
  /** Those of them that saw the validator up. */
  seenBy: number
  /** Reporters that have not pushed it and are not expelled. */
  awaited: number
  isOver: boolean
  /** A push of it is accepted, or will be. */
  isOpen: boolean
}

export interface JudgedHour {
  state: HourState
  /** A push that is still to come can make an online hour of it. */
  mayTurn: boolean
}

/** an hour counts, and a bit counts, when `majority` of the reporters say so. */
export function judgeHour(votes: HourVotes, majority: number): JudgedHour {
  const { pushedBy, seenBy, awaited, isOver, isOpen } = votes
  const coming = isOpen ? awaited : 0
  const mayTurn = seenBy < majority && seenBy + coming >= majority
  if (pushedBy >= majority) return { state: seenBy >= majority ? 'online' : 'offline', mayTurn }
  if (pushedBy + coming < majority) return { state: 'lost', mayTurn: false }
  return { state: isOver ? 'pending' : 'ahead', mayTurn }
}

/**
 * in: no push that is still to come can change it. out: none can bring it in. Only the guardian could: an
 * expelled reporter's pushes leave the open cycles.
 */
export type Standing = 'in' | 'possible' | 'out'

export interface Projection {
  standing: Standing
  /** Hours that count: the denominator of the rate. */
  snapshots: number
  /** Those in which the validator was up. */
  appearances: number
  /** Hours that may still count: pending and ahead. */
  undecided: number
  /** Hours that are not online for the validator and may become it. */
  reachable: number
  /** How many of the reachable ones are needed if every undecided hour counts; fewer when some are lost. */
  needed: number
  /** How many of the reachable ones may be missed then. */
  spare: number
  /** Snapshots that the cycle still needs so as not to roll over. */
  snapshotsNeeded: number
  /** Why it is out; null while it is not. */
  reason: OutReason | null
}

export type OutReason = 'not-active' | 'too-few-snapshots' | 'online-rate'

export interface CycleTerms {
  rateBps: Bps
  minSnapshots: number
}

/**
 * A second push of an hour that a reporter has pushed may add bits; it is a correction, and no
 * projection counts on it.
 */
export function project(
  hours: readonly JudgedHour[],
  terms: CycleTerms,
  isActive: boolean,
): Projection {
  const { rateBps, minSnapshots } = terms
  const count = (...states: HourState[]): number =>
    hours.filter(({ state }) => states.includes(state)).length
  const appearances = count('online')
  const snapshots = appearances + count('offline')
  const undecided = count('pending', 'ahead')
  const reachable = hours.filter(({ mayTurn }) => mayTurn).length
  const most = snapshots + undecided
  const needed = Math.max(0, leastAppearances(most, rateBps) - appearances)
  const facts = {
    snapshots,
    appearances,
    undecided,
    reachable,
    needed,
    spare: Math.max(0, reachable - needed),
    snapshotsNeeded: Math.max(0, minSnapshots - snapshots),
  }
  const out = (reason: OutReason): Projection => ({ standing: 'out', ...facts, reason })
  if (!isActive) return out('not-active')
  if (most < minSnapshots) return out('too-few-snapshots')
  if (!canMeet(hours, appearances, terms)) return out('online-rate')
  // The worst that can come: every undecided hour counts, and the validator is in none of them.
  const isSure = snapshots >= minSnapshots && meetsRate(appearances, most, rateBps)
  return { standing: isSure ? 'in' : 'possible', ...facts, reason: null }
}

/**
 * The best that can come: up in every hour that can still become one. An undecided hour that cannot (too
 * many reporters have said no) counts only where the cycle would roll over without it.
 */
function canMeet(
  hours: readonly JudgedHour[],
  appearances: number,
  { rateBps, minSnapshots }: CycleTerms,
): boolean {
  const turning = hours.filter(({ mayTurn }) => mayTurn).length
  const counted = hours.filter(
    ({ state, mayTurn }) => state === 'online' || state === 'offline' || mayTurn,
  ).length
  return meetsRate(appearances + turning, Math.max(counted, minSnapshots), rateBps)
}
