import { isoTime, startOfHour } from '../base/time.ts'
import type { UnixSeconds } from '../base/time.ts'
import { hasBit } from './bitmap.ts'
import type { Divergence } from './divergence.ts'
import type { EvidenceHistory } from './evidence-history.ts'
import type { Claim } from './receipt-claim.ts'
import type { RosterHistory } from './roster-history.ts'

/** Everything on the chain that a receipt can be held against. */
export interface Court {
  roster: RosterHistory
  evidence: EvidenceHistory
  /** Time of the block at which the chain was read. */
  now: UnixSeconds
}

/** What a receipt comes to; 'invalid' is said of what is none. */
export type Outcome =
  /** It proves itself; no chain was asked. */
  | 'proven'
  /** The reporter pushed what it signed, and the hour counts so. */
  | 'kept'
  /** The reporter pushed something else, or nothing, and its window is over. */
  | 'contradicted'
  /** The reporter pushed what it signed, and the majority of the reporters did not see it. */
  | 'outvoted'
  /** The hour can still be pushed. */
  | 'pending'
  /** There was no bit to set: not active in that cycle, or no cycle then. */
  | 'no-bit'
  /** The hour was not pushed by that reporter, and nothing follows from it. */
  | 'not-pushed'
  | 'invalid'

export interface Judgement {
  outcome: Outcome
  /** One clause; empty when there is nothing to add. */
  reason: string
  divergence?: Divergence
}

/** Only what its own reporter pushed can contradict a receipt, and only once it cannot be pushed any more. */
export function judge(claim: Claim, court: Court): Judgement {
  const { roster, evidence, now } = court
  const { reporter, hour, node, online } = claim
  const cycle = evidence.cycleOf(hour)
  if (cycle === 0) return { outcome: 'no-bit', reason: 'the hour is before the first cycle' }
  const standing = evidence.standingOf(reporter, cycle)
  if (standing === 'stranger') return contradicted(claim, court, 'strange-signer')
  if (standing === 'elsewhen') {
    return { outcome: 'not-pushed', reason: `its reporter was none in cycle ${cycle}` }
  }
  const index = roster.indexOf(cycle, node)
  if (index === undefined) return { outcome: 'no-bit', reason: `${node} was not in cycle ${cycle}` }
  const isOpen = evidence.isOpen(hour, now)
  const words = evidence.saidBy(reporter, hour)
  if (!words) {
    if (isOpen) return { outcome: 'pending', reason: 'the hour is not pushed yet' }
    if (!online) return { outcome: 'not-pushed', reason: 'the hour was not pushed' }
    if (standing === 'reporter') return contradicted(claim, court, 'never-pushed', index)
    return { outcome: 'not-pushed', reason: 'its reporter was expelled before it pushed the hour' }
  }
  const isSet = hasBit(words, index)
  if (isSet && !online) return contradicted(claim, court, 'denied-online', index)
  if (!isSet && !online) return { outcome: 'kept', reason: '' }
  if (isSet && evidence.isCounted(hour, index)) return { outcome: 'kept', reason: '' }
  if (isOpen) return { outcome: 'pending', reason: 'the hour can still be pushed' }
  if (isSet) return { outcome: 'outvoted', reason: 'a majority of the reporters did not see it' }
  return contradicted(claim, court, 'left-out', index)
}

type Contradiction = 'strange-signer' | 'never-pushed' | 'denied-online' | 'left-out'

function contradicted(claim: Claim, court: Court, kind: Contradiction, index?: number): Judgement {
  const { hour, node } = claim
  const cycle = court.evidence.cycleOf(hour)
  const [expected, found] = sidesOf(claim, cycle, kind)
  const isCounted = index !== undefined && court.evidence.isCounted(hour, index)
  const others = isCounted && claim.online ? ' (the others had it, so the hour counts)' : ''
  const who = index === undefined ? node : `validator ${index} (${node})`
  const what = `${who} has a receipt for hour ${hour}, ${isoTime(startOfHour(hour))} (${figuresOf(claim)})`
  const reason = found + others
  const divergence = { layer: 'receipts', kind, cycle, what, expected, found: reason } as const
  return { outcome: 'contradicted', reason, divergence }
}

function sidesOf(
  { reporter }: Claim,
  cycle: number,
  kind: Contradiction,
): [expected: string, found: string] {
  switch (kind) {
    case 'strange-signer':
      return [`the signature of a reporter`, `one by ${reporter}, which never was one`]
    case 'never-pushed':
      return [`its bit in what ${reporter} pushed`, 'no push of that hour, and its window is over']
    case 'left-out':
      return [`its bit in what ${reporter} pushed`, 'a push without it, and its window is over']
    case 'denied-online':
      return [`no bit in what ${reporter} pushed`, 'its bit is set']
    default:
      return kind satisfies never
  }
}

export function figuresOf({ seen, expected, online }: Claim): string {
  return `${seen} of ${expected} beats, ${online ? 'online' : 'not online'}`
}
