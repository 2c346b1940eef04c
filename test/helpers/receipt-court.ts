import type { Address } from '../../keeper/base/schema.ts'
import { hourOf, startOfHour } from '../../keeper/base/time.ts'
import type { Hour } from '../../keeper/base/time.ts'
import type { ChainEvent, EventArgs, EventName } from '../../keeper/verify/chain-events.ts'
import { EvidenceHistory } from '../../keeper/verify/evidence-history.ts'
import type { Court } from '../../keeper/verify/judge-receipt.ts'
import type { Claim } from '../../keeper/verify/receipt-claim.ts'
import { RosterHistory } from '../../keeper/verify/roster-history.ts'
import { nodeAt } from './receipts.ts'

export const FIRST_CUT = 489_000 * 3_600
export const FIRST_HOUR: Hour = hourOf(FIRST_CUT)
export const WINDOW = 4 * 3_600
export const [R1, R2, R3, STRANGER] = [901, 902, 903, 904].map(nodeAt) as [
  Address,
  Address,
  Address,
  Address,
]

type Step = { [Name in EventName]: [name: Name, args: EventArgs[Name], time: number] }[EventName]

/** A registry told by its events alone: three validators from cycle 1 on and what else is given. */
export function courtOf(now: number, ...steps: Step[]): Court {
  const roster = new RosterHistory()
  const evidence = new EvidenceHistory({ firstCut: FIRST_CUT, pushWindow: WINDOW })
  const before = FIRST_CUT - 3_600
  const founding: Step[] = [0, 1, 2].map((index) => [
    'ValidatorAdded',
    { index, node: nodeAt(index), fund: nodeAt(index), weight: 1n, activeFrom: 1 },
    before,
  ])
  const reporter: Step = ['ReporterAdded', { reporter: R1, seat: 0, fromCycle: 0 }, before]
  for (const [name, args, time] of [...founding, reporter, ...steps]) {
    const at = { block: 1, time, tx: '0x', logIndex: 0 } as const
    const event = { name, args, at } as ChainEvent
    roster.apply(event, Math.max(0, Math.floor((time - FIRST_CUT) / 86_400) + 1))
    evidence.apply(event)
  }
  return { roster, evidence, now }
}

/** A push right after the hour, unless it says when. */
export function pushed(
  reporter: Address,
  hour: Hour,
  word: bigint,
  time: number = startOfHour(hour + 1) + 5,
): Step {
  return ['SnapshotPushed', { hour, reporter, words: [word] }, time]
}

export const added = (reporter: Address, seat: number, fromCycle = 1): Step => [
  'ReporterAdded',
  { reporter, seat, fromCycle },
  FIRST_CUT - 3_600,
]

export const expelled = (reporter: Address, seat: number, time: number): Step => [
  'ReporterExpelled',
  { reporter, seat },
  time,
]

/** What the first reporter signed of validator 1 in an hour. */
export function claimOf(changes: Partial<Claim> = {}): Claim {
  return {
    chainId: 31_337,
    registry: nodeAt(999),
    reporter: R1,
    hour: FIRST_HOUR,
    node: nodeAt(1),
    seen: 60,
    expected: 80,
    online: true,
    validators: 3,
    root: `0x${'ab'.repeat(32)}`,
    ...changes,
  }
}
