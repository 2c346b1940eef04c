import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import { isoTime } from '../base/time.ts'
import { about, cycleAt } from './audit-state.ts'
import type { AuditState } from './audit-state.ts'
import type { ChainEvent, EventArgs, Place } from './chain-events.ts'

// silence after which the pool may go back to the sponsor.
const ABANDONED_AFTER = 90 * 86_400

/** Money comes in: always to the cycle that is open then, never to a decided one. */
export function onFunded(
  state: AuditState,
  { cycle, amount }: EventArgs['Skimmed'],
  at: Place,
): void {
  const open = Math.max(1, cycleAt(state, at.time))
  state.findings.compare(about('funding', 'the cycle that money joined', at), open, cycle)
  state.books.fund(cycle, amount)
}

/** It owes more than it has: the cycle rolls over in the same transaction. */
export function onShortfall(
  state: AuditState,
  { cycle, balance, owed }: EventArgs['Shortfall'],
  at: Place,
): void {
  state.shortfall = at.tx
  const what = about('shortfall', 'what the contract owed', at, cycle)
  state.findings.compare(what, state.books.owed, owed)
  if (balance < owed) return
  const claim = about('shortfall', 'a shortfall was reported', at, cycle)
  state.findings.add({ ...claim, expected: `less than ${owed}`, found: String(balance) })
}

export function onWithdrawn(state: AuditState, args: EventArgs['Withdrawn'], at: Place): void {
  const { account, to, amount } = args
  const what = about('withdrawn', `what ${account} withdrew`, at)
  state.findings.compare(what, state.books.creditOf(account), amount)
  state.books.withdraw(at.tx, account, to, amount)
}

export function onCreditMoved(state: AuditState, args: EventArgs['CreditMoved'], at: Place): void {
  const { account, to, amount } = args
  const what = about('credit-moved', `the credit of ${account} that was moved`, at)
  state.findings.compare(what, state.books.creditOf(account), amount)
  state.books.moveCredit(account, to, amount)
}

export function onReturned(
  state: AuditState,
  { sponsor, amount }: EventArgs['ReturnedToSponsor'],
  at: Place,
): void {
  const { findings, books } = state
  findings.compare(about('returned', 'who got the pool back', at), state.sponsor, sponsor)
  findings.compare(about('returned', 'what was given back', at), books.pool, amount)
  const from = state.lastSettledAt + ABANDONED_AFTER
  if (at.time < from) {
    const what = about('returned', 'the pool was given back', at)
    const found = isoTime(at.time)
    findings.add({ ...what, expected: `none before ${isoTime(from)}`, found })
  }
  books.giveBack(at.tx, sponsor, amount)
}

/** What the token itself says left the contract. */
export function onTransfer(
  { left, rewards }: AuditState,
  { from, to, value }: EventArgs['Transfer'],
  at: Place,
): void {
  if (from.toLowerCase() !== rewards.toLowerCase() || value === 0n) return
  const byAddress = left.get(at.tx) ?? new Map<string, Wei>()
  const key = to.toLowerCase()
  byAddress.set(key, (byAddress.get(key) ?? 0n) + value)
  left.set(at.tx, byAddress)
}

/** Every transfer of the token is one that the events of our contract explain, and the other way round. */
export function checkTransfers(state: AuditState, events: readonly ChainEvent[]): void {
  if (state.asset === 'native') return
  const places = new Map(events.map(({ at }) => [at.tx, at]))
  const none = new Map<string, Wei>()
  for (const [tx, at] of places) {
    const expected = state.books.leaving.get(tx) ?? none
    const found = state.left.get(tx) ?? none
    for (const to of new Set([...expected.keys(), ...found.keys()])) {
      checkTransfer(state, at, to as Address, expected.get(to) ?? 0n, found.get(to) ?? 0n)
    }
  }
}

function checkTransfer(state: AuditState, at: Place, to: Address, due: Wei, moved: Wei): void {
  if (due === moved) return
  const kind = due === 0n ? 'stray-transfer' : 'transfer-amount'
  const what = about(kind, `tokens that went to ${to}`, at, cycleOfTx(state, at.tx))
  state.findings.compare(what, due, moved)
}

function cycleOfTx({ cycles }: AuditState, tx: Hex): number | undefined {
  return [...cycles.values()].find(({ decidedAt }) => decidedAt.tx === tx)?.cycle
}
