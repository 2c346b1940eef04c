import type { Wei } from '../base/amount.ts'
import type { Address } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { noteStranger } from './audit-decision.ts'
import { SHARE, about } from './audit-state.ts'
import type { AuditState, CycleAudit } from './audit-state.ts'
import { indicesOf } from './bitmap.ts'
import type { EventArgs, Place } from './chain-events.ts'

// shares unpaid for so long may be turned into credits.
const SWEEP_AFTER = 30 * 86_400
const NAMES = Object.keys(SHARE)

type Outcome = 'paid' | 'credited' | 'claimed' | 'swept'

/** One batch: whom it paid, by roster word. Amounts and addresses are ours to derive. */
export function onPaid(state: AuditState, { cycle, words }: EventArgs['Paid'], at: Place): void {
  const audit = state.cycles.get(cycle)
  if (audit) checkBatchTime(state, audit, at)
  for (const { word, mask } of words) {
    for (const index of indicesOf(word, mask)) {
      const amount = take(state, cycle, index, 'paid', at)
      if (audit === undefined || amount === undefined) continue
      const [to] = state.roster.payeesOf(cycle, index, at.tx)
      if (to === undefined) continue
      audit.paid += amount
      state.books.pay(at.tx, to, amount)
    }
  }
}

function checkBatchTime(state: AuditState, audit: CycleAudit, at: Place): void {
  const { cycle, decidedAt, terms } = audit
  const from = decidedAt.time + terms.settleDelay
  if (at.time < from) early(state, cycle, at, from)
  if (at.time < state.pausedUntil) {
    const what = about('paused', 'a batch ran in a pause', at, cycle)
    state.findings.add({ ...what, expected: 'none in a pause', found: isoTime(at.time) })
  }
  const openFrom = decidedAt.time + Math.max(terms.settleDelay, terms.grace)
  noteStranger(state, cycle, at, openFrom)
}

function early(state: AuditState, cycle: Cycle, at: Place, from: number): void {
  state.findings.add({
    ...about('early', 'it was paid too early', at, cycle),
    expected: `none before ${isoTime(from)}`,
    found: isoTime(at.time),
  })
}

/** A refusal becomes a credit only in a keeper's batch. */
export function onRefused(state: AuditState, args: EventArgs['PaymentRefused'], at: Place): void {
  const { cycle, index, to, amount, credited } = args
  const { findings, books } = state
  const audit = state.cycles.get(cycle)
  checkPayment(state, args, at, 'a refused payment')
  const caller = state.callerOf(at.tx)
  if (caller !== undefined) {
    const what = about('credited', `the refusal of validator ${index} as a credit`, at, cycle)
    findings.compare(what, state.keepers.has(caller), credited)
  }
  if (audit) {
    audit.refusals += 1
    checkBatchTime(state, audit, at)
  }
  if (!credited) return void isDue(state, cycle, index, at, 'refused')
  if (take(state, cycle, index, 'credited', at) === undefined || !audit) return
  audit.credited += amount
  books.credit(to, amount)
}

export function onClaimed(state: AuditState, args: EventArgs['Claimed'], at: Place): void {
  const { cycle, index, to } = args
  const audit = state.cycles.get(cycle)
  checkPayment(state, args, at, 'a claim')
  const from = audit ? audit.decidedAt.time + audit.terms.settleDelay : 0
  if (at.time < from) early(state, cycle, at, from)
  const amount = take(state, cycle, index, 'claimed', at)
  if (!audit || amount === undefined) return
  audit.paid += amount
  state.books.pay(at.tx, to, amount)
}

export function onSwept(state: AuditState, args: EventArgs['Swept'], at: Place): void {
  const { cycle, index, to } = args
  const audit = state.cycles.get(cycle)
  checkPayment(state, args, at, 'a sweep')
  const from = audit ? audit.decidedAt.time + SWEEP_AFTER : 0
  if (at.time < from) early(state, cycle, at, from)
  const amount = take(state, cycle, index, 'swept', at)
  if (!audit || amount === undefined) return
  audit.credited += amount
  state.books.credit(to, amount)
}

/** Marks a share as settled. Undefined, with a finding, when it was not due. */
function take(
  state: AuditState,
  cycle: Cycle,
  index: number,
  outcome: Outcome,
  at: Place,
): Wei | undefined {
  const audit = state.cycles.get(cycle)
  if (!audit || !isDue(state, cycle, index, at, outcome)) return undefined
  audit.shares[index] = SHARE[outcome]
  return audit.sharing.shareOf(index)
}

function isDue(
  state: AuditState,
  cycle: Cycle,
  index: number,
  at: Place,
  outcome: string,
): boolean {
  const audit = state.cycles.get(cycle)
  const now = audit?.shares[index] ?? SHARE.none
  if (audit?.state === 'settled' && now === SHARE.due) return true
  const isTwice = now !== SHARE.none
  const kind = isTwice ? 'paid-twice' : 'paid-not-due'
  state.findings.add({
    ...about(kind, `validator ${index} was ${outcome}`, at, cycle),
    expected: isTwice ? `nothing more: it was ${NAMES[now]} before` : 'nothing: it is not due',
    found: `${audit?.sharing.shareOf(index) ?? 0n}`,
  })
  return false
}

/** The event's own words on whom and how much. */
function checkPayment(
  state: AuditState,
  { cycle, index, to, amount }: EventArgs['Claimed'],
  at: Place,
  what: string,
): void {
  const { findings, roster, cycles } = state
  const expected = cycles.get(cycle)?.sharing.shareOf(index) ?? 0n
  const whose = `${what} of validator ${index}`
  findings.compare(about('amount', `the amount of ${whose}`, at, cycle), expected, amount)
  const payees = roster.payeesOf(cycle, index, at.tx)
  if (payees.some((payee) => isSame(payee, to))) return
  const [payee = 'nobody'] = payees
  const fields = about('payee', `the address of ${whose}`, at, cycle)
  findings.add({ ...fields, expected: payee, found: to })
}

function isSame(a: Address, b: Address): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
