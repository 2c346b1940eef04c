import type { Address, Hex } from '../base/schema.ts'
import { isoTime, startOfHour } from '../base/time.ts'
import type { Cycle, Hour } from '../base/time.ts'
import type { Home, ReceiptAudit } from './audit-receipts.ts'
import { hasBit } from './bitmap.ts'
import type { Divergence, Findings } from './divergence.ts'
import type { Court } from './judge-receipt.ts'
import type { OnProgress } from './read-events.ts'
import { signerOf } from './receipt-claim.ts'
import { rootOf } from './tally-root.ts'

/** An hour as the keeper's own tally has it. Another room owns it, so the caller reads it. */
export interface TallyHour {
  hour: Hour
  expected: number
  /** Rows that were counted at the close. */
  validators: number
  /** Absent while the hour is not signed. */
  signed?: { root: Hex; signature: Hex; reporter: Address }
}

export interface TallyRow {
  node: Address
  seen: number
  online: boolean
}

export interface TallyNotes {
  /** In order. */
  hours: readonly TallyHour[]
  /** Undefined when its counters are gone: they are kept for some weeks only. */
  rowsOf(hour: Hour): Promise<readonly TallyRow[] | undefined>
}

export interface TallyAsk {
  tally: TallyNotes
  home: Home
  court: Court
  /** Only hours of these cycles are recounted. */
  isWanted(cycle: Cycle): boolean
  receipts: ReceiptAudit
  findings: Findings
  notes: string[]
  onProgress: OnProgress
}

/** What was counted, what was signed for it, and what the reporter pushed must be one and the same. */
export async function auditTally(ask: TallyAsk): Promise<void> {
  const { tally, court, onProgress } = ask
  const hours = tally.hours.filter(({ hour }) => ask.isWanted(court.evidence.cycleOf(hour)))
  // The oldest are pruned first: an hour without rows behind one that has them was emptied by somebody.
  let isKept = false
  const lost: TallyHour[] = []
  for (const [i, hour] of hours.entries()) {
    const rows = await tally.rowsOf(hour.hour)
    isKept ||= rows !== undefined
    checkSignature(ask, hour)
    if (isKept) checkRows(ask, hour, rows ?? [])
    if (rows) checkBits(ask, hour, rows)
    if (isLost(ask, hour)) lost.push(hour)
    onProgress('recounting hours', i + 1, hours.length)
  }
  if (lost.length > 0) ask.notes.push(lostNote(lost))
}

/** For all alike, so it is no difference between validators: it is told, and each receipt of it contradicts. */
function isLost({ court }: TallyAsk, { hour, signed }: TallyHour): boolean {
  const { evidence, now } = court
  if (!signed || evidence.saidBy(signed.reporter, hour) || evidence.isOpen(hour, now)) return false
  return evidence.standingOf(signed.reporter, evidence.cycleOf(hour)) === 'reporter'
}

// The first few; each is a row of the tally without a transaction.
const MAX_NAMED = 5

function lostNote(lost: readonly TallyHour[]): string {
  const named = lost.slice(0, MAX_NAMED).map(({ hour }) => String(hour))
  const more = lost.length > MAX_NAMED ? ` and ${lost.length - MAX_NAMED} more` : ''
  return `counted and signed, but never pushed: hour ${named.join(', ')}${more}`
}

function checkSignature({ home, receipts, findings, court }: TallyAsk, told: TallyHour): void {
  const { hour, validators, signed } = told
  if (!signed) return
  const { root, signature, reporter } = signed
  receipts.addRoot(reporter, hour, root, 'the tally')
  const signer = signerOf({ ...home, hour, root, validators }, signature)
  if (signer === reporter) return
  findings.add({
    ...about(court, 'tally-signature', hour, 'the signature under its root'),
    expected: `one by ${reporter} over ${validators} validators`,
    found: signer === undefined ? 'no signature' : `one by ${signer}`,
  })
}

function checkRows(
  { findings, court }: TallyAsk,
  told: TallyHour,
  rows: readonly TallyRow[],
): void {
  const { hour, expected, signed } = told
  if (!signed) return
  const root = rootOf(rows.map((row) => ({ ...row, hour, expected })))
  const what = `the root of its ${rows.length} rows`
  findings.compare(about(court, 'tally-rows', hour, what), signed.root, root ?? 'no rows')
}

/** Row for row; the first validator that differs is named. */
function checkBits(ask: TallyAsk, { hour, signed }: TallyHour, rows: readonly TallyRow[]): void {
  const { court, findings } = ask
  const { evidence, roster, now } = court
  if (!signed) return
  const cycle = evidence.cycleOf(hour)
  const words = evidence.saidBy(signed.reporter, hour)
  if (!words) return
  const isOpen = evidence.isOpen(hour, now)
  const differs = rows.flatMap((row) => {
    const index = roster.indexOf(cycle, row.node)
    if (index === undefined) return []
    const isSet = hasBit(words, index)
    // A bit that is missing can still be pushed; one that is set is never taken back.
    const isLater = isOpen && !isSet
    return isSet === row.online || isLater ? [] : [{ ...row, index, isSet }]
  })
  const [first] = differs
  if (!first) return
  const others = differs.length > 1 ? ` (and ${differs.length - 1} more)` : ''
  const what = `the bit of validator ${first.index} (${first.node}) with ${first.seen} beats${others}`
  findings.add({
    ...about(court, 'tally-bits', hour, what),
    expected: first.online ? 'set' : 'not set',
    found: first.isSet ? 'set' : 'not set',
  })
}

function about(
  { evidence }: Court,
  kind: string,
  hour: Hour,
  what: string,
): Omit<Divergence, 'expected' | 'found'> {
  const told = `hour ${hour} of the tally, ${isoTime(startOfHour(hour))}: ${what}`
  return { layer: 'store', kind, cycle: evidence.cycleOf(hour), what: told }
}
