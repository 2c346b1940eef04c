import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import { SECONDS_PER_CYCLE } from '../base/time.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import { Books } from './books.ts'
import type { Place, Terms } from './chain-events.ts'
import type { Decision, Sharing } from './decision.ts'
import type { Divergence, Findings } from './divergence.ts'
import { EvidenceHistory } from './evidence-history.ts'
import type { Grid } from './evidence-history.ts'
import { RosterHistory } from './roster-history.ts'
import { TermsHistory } from './terms-history.ts'

/** What became of a validator's share. */
export const SHARE = { none: 0, due: 1, paid: 2, credited: 3, claimed: 4, swept: 5 } as const

export type CycleState = 'counting' | 'settled' | 'rolled-over' | 'voided'

/** One cycle as derived; amounts in the smallest unit. */
export interface CycleAudit {
  cycle: Cycle
  state: CycleState
  decision: Decision
  terms: Terms
  sharing: Sharing
  /** How far the chain told us whom it counted. */
  told: { phase: 'online' | 'all' | 'done'; cursor: number }
  drawn: Wei
  decidedAt: Place
  /** A value of SHARE for each validator of the cycle's roster words. */
  shares: Uint8Array
  paid: Wei
  credited: Wei
  refusals: number
  /** Who decided and paid though it is no keeper: allowed after the grace period. */
  strangers: Set<Address>
}

/** Who called our contract, when that can be told: undefined behind another contract. */
export type CallerOf = (tx: Hex) => Address | undefined

export interface AuditFacts {
  grid: Grid
  /** Who may get an abandoned pool. */
  sponsor: Address
  /** 'native', or 'token': then Transfer events tell what really moved. */
  asset: 'native' | 'token'
  rewards: Address
  callerOf: CallerOf
}

/** Everything that is known at one place of the chain. */
export interface AuditState extends AuditFacts {
  findings: Findings
  roster: RosterHistory
  evidence: EvidenceHistory
  terms: TermsHistory
  books: Books
  cycles: Map<Cycle, CycleAudit>
  next: Cycle
  keepers: Set<Address>
  pausedUntil: UnixSeconds
  lastSettledAt: UnixSeconds
  /** What an ERC-20 says left the contract, by transaction and address. */
  left: Map<Hex, Map<string, Wei>>
  /** Transaction of the last Shortfall event: it announces a roll over. */
  shortfall: Hex | undefined
}

export function newAuditState(facts: AuditFacts, findings: Findings): AuditState {
  return {
    ...facts,
    findings,
    roster: new RosterHistory(),
    evidence: new EvidenceHistory(facts.grid),
    terms: new TermsHistory(),
    books: new Books(),
    cycles: new Map(),
    next: 1,
    keepers: new Set(),
    pausedUntil: 0,
    lastSettledAt: 0,
    left: new Map(),
    shortfall: undefined,
  }
}

/** The cycle that is open at an instant; 0 before the first. */
export function cycleAt({ grid }: Pick<AuditFacts, 'grid'>, time: UnixSeconds): Cycle {
  if (time < grid.firstCut) return 0
  return Math.floor((time - grid.firstCut) / SECONDS_PER_CYCLE) + 1
}

/** For findings of the chain's own layer. */
export function about(
  kind: string,
  what: string,
  at: Place,
  cycle?: Cycle,
): Omit<Divergence, 'expected' | 'found'> {
  return { layer: 'chain', kind, what, tx: at.tx, cycle }
}
