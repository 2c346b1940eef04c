import { id } from 'ethers'
import { isoTime } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { onCountStarted, onCounted, onExtracted, onRolledOver, onVoided } from './audit-decision.ts'
import {
  checkTransfers,
  onCreditMoved,
  onFunded,
  onReturned,
  onShortfall,
  onTransfer,
  onWithdrawn,
} from './audit-money.ts'
import { onClaimed, onPaid, onRefused, onSwept } from './audit-payments.ts'
import { about, cycleAt, newAuditState } from './audit-state.ts'
import type { AuditFacts, AuditState } from './audit-state.ts'
import { handle } from './chain-events.ts'
import type { ChainEvent, Place } from './chain-events.ts'
import { newFindings } from './divergence.ts'
import type { Findings } from './divergence.ts'

const KEEPER_ROLE = id('KEEPER_ROLE')

/**
 * Everything that the events imply, in the order of the chain: who was in a cycle, who was up, what each
 * was due, and what became of it. No call of a contract, no input of ours; the same events always give
 * the same findings.
 */
export function derive(
  events: readonly ChainEvent[],
  facts: AuditFacts,
  findings: Findings = newFindings(),
  onEvent: (state: AuditState, event: ChainEvent) => void = () => {},
): AuditState {
  const state = newAuditState(facts, findings)
  for (const event of events) {
    apply(state, event)
    onEvent(state, event)
  }
  checkTransfers(state, events)
  checkCleared(state, events)
  return state
}

function apply(state: AuditState, event: ChainEvent): void {
  applyHistory(state, event)
  handle<void>(
    {
      Funded: (args, at) => onFunded(state, args, at),
      Skimmed: (args, at) => onFunded(state, args, at),
      Shortfall: (args, at) => onShortfall(state, args, at),
      Counted: (args, at) => onCounted(state, args, at),
      CountStarted: (args, at) => onCountStarted(state, args, at),
      Extracted: (args, at) => onExtracted(state, args, at),
      CycleRolledOver: (args, at) => onRolledOver(state, args, at),
      CycleVoided: (args, at) => onVoided(state, args, at),
      Paid: (args, at) => onPaid(state, args, at),
      PaymentRefused: (args, at) => onRefused(state, args, at),
      Claimed: (args, at) => onClaimed(state, args, at),
      Swept: (args, at) => onSwept(state, args, at),
      Withdrawn: (args, at) => onWithdrawn(state, args, at),
      CreditMoved: (args, at) => onCreditMoved(state, args, at),
      ReturnedToSponsor: (args, at) => onReturned(state, args, at),
      Transfer: (args, at) => onTransfer(state, args, at),
    },
    event,
  )
}

/** Roster, evidence, parameters, roles: what later events are measured by. */
function applyHistory(state: AuditState, event: ChainEvent): void {
  const { roster, evidence, terms, keepers, findings } = state
  const { at } = event
  const faults = [
    roster.apply(event, cycleAt(state, at.time)),
    evidence.apply(event),
    clearedFault(state, event),
  ]
  for (const fault of faults) {
    if (fault === undefined) continue
    const found = isoTime(at.time)
    findings.add({ ...about('rule', fault, at), expected: 'no such event', found })
  }
  terms.apply(event)
  handle<void>(
    {
      ParamsSet: ({ fromCycle }, place) => checkParams(state, fromCycle, place),
      PausedUntil: ({ until }) => {
        state.pausedUntil = Number(until)
      },
      RoleGranted: ({ role, account }) => {
        if (role === KEEPER_ROLE) keepers.add(account)
      },
      RoleRevoked: ({ role, account }) => {
        if (role === KEEPER_ROLE) keepers.delete(account)
      },
    },
    event,
  )
}

/** In force from the next opening on; the first ones from the beginning. */
function checkParams(state: AuditState, fromCycle: Cycle, at: Place): void {
  if (fromCycle === 0) state.lastSettledAt = at.time
  const next = fromCycle === 0 ? 0 : cycleAt(state, at.time) + 1
  const what = about('params', 'the first cycle of new parameters', at)
  state.findings.compare(what, next, fromCycle)
}

/** Every decision frees the cycle's record. */
function checkCleared({ cycles, findings }: AuditState, events: readonly ChainEvent[]): void {
  const cleared = new Set<Cycle>()
  for (const event of events) if (event.name === 'RecordCleared') cleared.add(event.args.cycle)
  for (const { cycle, state, decidedAt } of cycles.values()) {
    if (state === 'counting' || cleared.has(cycle)) continue
    const what = about('rule', 'its record in the registry', decidedAt, cycle)
    findings.add({ ...what, expected: 'cleared', found: 'kept' })
  }
}

/** The registry's record of a cycle is closed by its decision and by nothing else. */
function clearedFault(state: AuditState, event: ChainEvent): string | undefined {
  if (event.name !== 'RecordCleared') return undefined
  const { cycle } = event.args
  const audit = state.cycles.get(cycle)
  const isDecided = audit?.state === 'settled' || audit?.state === 'rolled-over'
  if (isDecided && audit.decidedAt.tx === event.at.tx) return undefined
  return `the record of cycle ${cycle} was cleared without its decision`
}
