import { cutOf, isoTime } from '../base/time.ts'
import type { Cycle } from '../base/time.ts'
import { SHARE, about } from './audit-state.ts'
import type { AuditState, CycleAudit } from './audit-state.ts'
import { WORD, wordsOf } from './bitmap.ts'
import type { EventArgs, Place } from './chain-events.ts'
import { decide, share } from './decision.ts'
import type { Divergence } from './divergence.ts'

// CycleRolledOver's reason, as IValidatorRewards.Reason numbers them.
const TOO_FEW_SNAPSHOTS = 0
const SHORTFALL = 1

/** The cycle as its first event finds it: from here on its evidence and its pool are fixed. */
function begin(state: AuditState, cycle: Cycle, at: Place): CycleAudit {
  const known = state.cycles.get(cycle)
  if (known) return known
  const { findings, evidence, roster, books } = state
  const terms = { ...state.terms.at(cycle) }
  const decision = decide(evidence, roster, terms, cycle)
  const weightOf = (index: number): bigint => roster.weightOf(cycle, index)
  const pool = books.poolFor(cycle, terms.cap)
  const audit: CycleAudit = {
    cycle,
    state: 'counting',
    decision,
    terms,
    sharing: share(pool, decision.eligible, terms.weighted, weightOf),
    told: { phase: 'online', cursor: 0 },
    drawn: 0n,
    decidedAt: at,
    shares: new Uint8Array(decision.eligible.length),
    paid: 0n,
    credited: 0n,
    refusals: 0,
    strangers: new Set(),
  }
  state.cycles.set(cycle, audit)
  findings.compare(about('order', 'the cycle decided next', at, cycle), state.next, cycle)
  checkTime(state, audit, at)
  return audit
}

/** After the cut; by the keeper, or after the grace period by anyone; on evidence that is final. */
function checkTime(state: AuditState, { cycle, terms }: CycleAudit, at: Place): void {
  const { findings, grid, evidence } = state
  const cut = cutOf(grid.firstCut, cycle)
  const found = `a decision at ${isoTime(at.time)}`
  const early = (kind: string, what: string, expected: string): void =>
    findings.add({ ...about(kind, what, at, cycle), expected, found })
  if (at.time < cut) early('early', 'it was decided before its cut', `none before ${isoTime(cut)}`)
  if (!evidence.isFinal(cycle, at.time)) {
    early('not-final', 'it was decided on evidence that could still change', 'final hours')
  }
  if (at.time < state.pausedUntil) early('paused', 'it was decided in a pause', 'none in a pause')
  noteStranger(state, cycle, at, cut + terms.grace)
}

/** Anyone may act once the grace period is over; before, only a keeper. */
export function noteStranger(state: AuditState, cycle: Cycle, at: Place, openFrom: number): void {
  const caller = state.callerOf(at.tx)
  if (caller === undefined || state.keepers.has(caller)) return
  state.cycles.get(cycle)?.strangers.add(caller)
  if (at.time >= openFrom) return
  state.findings.add({
    ...about('stranger-early', `another sender acted before the grace period was over`, at, cycle),
    expected: `a keeper before ${isoTime(openFrom)}`,
    found: `${caller} at ${isoTime(at.time)}`,
  })
}

/** A cycle is counted and decided once. */
function checkOnce(state: AuditState, audit: CycleAudit, isFirst: boolean, at: Place): void {
  if (isFirst) return
  const what = about('decided-twice', 'it was counted or decided again', at, audit.cycle)
  state.findings.add({ ...what, expected: 'once', found: `again while ${audit.state}` })
}

export function onCounted(state: AuditState, args: EventArgs['Counted'], at: Place): void {
  const { cycle, firstWord, words } = args
  const audit = begin(state, cycle, at)
  const { decision, told } = audit
  const flags = told.phase === 'all' ? decision.eligible : decision.online
  const expected = wordsOf(flags, decision.words)
  const { findings } = state
  checkOnce(state, audit, told.phase !== 'done', at)
  findings.compare(
    about('count', 'the roster word counted next', at, cycle),
    told.cursor,
    firstWord,
  )
  for (const [i, word] of words.entries()) {
    const w = Number(firstWord) + i
    if (word === expected[w]) continue
    findings.add(whoDiffers(audit, at, w, expected[w] ?? 0n, word))
  }
  told.cursor = Number(firstWord) + words.length
  if (told.cursor < decision.words) return
  told.cursor = 0
  told.phase = told.phase === 'online' && decision.paysAll ? 'all' : 'done'
}

/** Names one validator on which derivation and chain disagree. */
function whoDiffers(
  { cycle, decision }: CycleAudit,
  at: Place,
  word: number,
  expected: bigint,
  found: bigint,
): Divergence {
  const difference = expected ^ found
  const bit = (difference & -difference).toString(2).length - 1
  const index = word * WORD + bit
  const isDue = (expected >> BigInt(bit)) & 1n
  const hours = `online ${decision.appearances[index] ?? 0} of ${decision.snapshots} hours`
  return {
    ...about('eligible', `validator ${index} (${hours})`, at, cycle),
    expected: isDue ? 'eligible' : 'not eligible',
    found: isDue ? 'not eligible' : 'eligible',
  }
}

/** A count of several pages draws the whole pool with its first one. */
export function onCountStarted(
  state: AuditState,
  { cycle, pool }: EventArgs['CountStarted'],
  at: Place,
): void {
  const audit = begin(state, cycle, at)
  checkOnce(state, audit, audit.drawn === 0n && audit.state === 'counting', at)
  state.findings.compare(about('pool', 'the pool', at, cycle), audit.sharing.pool, pool)
  audit.drawn = audit.sharing.pool
  state.books.draw(audit.drawn)
}

export function onExtracted(state: AuditState, args: EventArgs['Extracted'], at: Place): void {
  const { cycle } = args
  const audit = begin(state, cycle, at)
  const { decision, sharing, terms, told } = audit
  const { findings } = state
  checkOnce(state, audit, audit.state === 'counting', at)
  if (decision.isRolledOver) {
    findings.add({
      ...about('state', 'it was settled', at, cycle),
      expected: `a roll over with ${decision.snapshots} of ${terms.minSnapshots} snapshots`,
      found: `${args.eligible} eligible`,
    })
  }
  const is = (kind: string, what: string, expected: unknown, found: unknown): void =>
    findings.compare(about(kind, what, at, cycle), String(expected), String(found))
  is('snapshots', 'snapshots', decision.snapshots, args.snapshots)
  is('eligible', 'eligible validators', sharing.eligible, args.eligible)
  is('pool', 'the pool', sharing.pool, args.pool)
  is('weights', 'the sum of the weights', sharing.weightSum, args.weightSum)
  is('allocated', 'the sum of the shares', sharing.allocated, args.allocated)
  is('carried', 'the carry', sharing.pool - sharing.allocated, args.carried)
  is('weighted', 'a split by weight', terms.weighted, args.weighted)
  is('count', 'the count of eligible validators', 'done', told.phase)
  audit.state = 'settled'
  audit.decidedAt = at
  audit.shares = decision.eligible.map((flag) => (flag ? SHARE.due : SHARE.none))
  state.books.draw(sharing.allocated - audit.drawn)
  audit.drawn = sharing.allocated
  state.books.endOfCycle(true)
  state.next = cycle + 1
  state.lastSettledAt = at.time
}

export function onRolledOver(
  state: AuditState,
  { cycle, reason, snapshots, missing }: EventArgs['CycleRolledOver'],
  at: Place,
): void {
  const audit = begin(state, cycle, at)
  const { decision, terms } = audit
  const { findings } = state
  checkOnce(state, audit, audit.state === 'counting', at)
  const isShort = state.shortfall === at.tx
  if (!decision.isRolledOver && !isShort) {
    findings.add({
      ...about('state', 'it was rolled over', at, cycle),
      expected: `a decision on ${decision.snapshots} snapshots of at least ${terms.minSnapshots}`,
      found: `a roll over with ${snapshots}`,
    })
  }
  const expected = decision.isRolledOver ? TOO_FEW_SNAPSHOTS : SHORTFALL
  findings.compare(about('reason', 'the reason of the roll over', at, cycle), expected, reason)
  findings.compare(about('snapshots', 'snapshots', at, cycle), decision.snapshots, snapshots)
  findings.compare(
    about('missing', 'the mask of missing hours', at, cycle),
    decision.missing,
    missing,
  )
  audit.state = 'rolled-over'
  audit.decidedAt = at
  state.books.endOfCycle(false)
  state.next = cycle + 1
}

/** The guardian takes a decision back before anything of it was paid. */
export function onVoided(
  state: AuditState,
  { cycle, returned }: EventArgs['CycleVoided'],
  at: Place,
): void {
  const audit = state.cycles.get(cycle)
  const { findings, books } = state
  const what = about('void', 'it was voided', at, cycle)
  if (audit?.state !== 'settled') {
    findings.add({ ...what, expected: 'a settled cycle', found: audit?.state ?? 'none' })
    return
  }
  const until = audit.decidedAt.time + audit.terms.settleDelay
  if (at.time >= until || audit.paid !== 0n) {
    const found = `${isoTime(at.time)}, ${audit.paid} paid`
    findings.add({ ...what, expected: `before ${isoTime(until)} and any payment`, found })
  }
  findings.compare(about('void', 'what the void returned', at, cycle), audit.drawn, returned)
  audit.state = 'voided'
  audit.shares.fill(SHARE.none)
  books.draw(-audit.drawn)
  audit.drawn = 0n
  books.addRolledCap()
}
