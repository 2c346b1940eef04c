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

interface Histories {
  RosterHistory: typeof RosterHistory
  EvidenceHistory: typeof EvidenceHistory
}

/** A registry told by its events alone: three validators from cycle 1 on and what else is given. */
export function courtOf(
  { now, steps }: Pick<ReceiptCase, 'now' | 'steps'>,
  made: Histories = { RosterHistory, EvidenceHistory },
): Court {
  const roster = new made.RosterHistory()
  const evidence = new made.EvidenceHistory({ firstCut: FIRST_CUT, pushWindow: WINDOW })
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

/** A receipt, what the chain says, and what the receipt comes to. */
export interface ReceiptCase {
  it: string
  now: number
  steps: Step[]
  claim?: Partial<Claim>
  told: string
}

const END = startOfHour(FIRST_HOUR + 1)
const CLOSED = END + WINDOW
const CUT = FIRST_CUT + 86_400
const LAST = FIRST_HOUR + 23
const NEXT = FIRST_HOUR + 24
const WITH = 0b010n
const WITHOUT = 0b101n
const OFFLINE = { online: false, seen: 12 }
const THREE = [added(R2, 1), added(R3, 2)]

const own = (word: bigint): Step => pushed(R1, FIRST_HOUR, word)
const others = (word: bigint): Step[] => [R2, R3].map((each) => pushed(each, FIRST_HOUR, word))
const out = expelled(R1, 0, END + 600)
const cameBack: Step[] = [
  ['ValidatorRemoved', { index: 1, activeTo: 1 }, FIRST_CUT + 60],
  [
    'ValidatorAdded',
    { index: 3, node: nodeAt(1), fund: nodeAt(1), weight: 1n, activeFrom: 2 },
    FIRST_CUT + 120,
  ],
  pushed(R1, FIRST_HOUR, 0b0010n),
  pushed(R1, NEXT, 0b1000n),
  pushed(R1, NEXT + 1, 0b0010n),
]
const left: Step = ['ReporterRemoved', { reporter: R2, seat: 1, toCycle: 1 }, FIRST_CUT + 60]

export const RECEIPT_CASES: readonly ReceiptCase[] = [
  {
    it: 'is kept when the reporter pushed what it signed',
    now: CLOSED,
    steps: [own(WITH)],
    told: 'kept',
  },
  {
    it: 'is kept when it says not online and no bit was pushed',
    now: CLOSED,
    steps: [own(WITHOUT)],
    claim: OFFLINE,
    told: 'kept',
  },
  {
    it: 'is kept when a second push of the hour brought the bit',
    now: CLOSED,
    steps: [own(WITHOUT), own(0b111n)],
    told: 'kept',
  },
  {
    it: 'is kept when a second push of the hour was without the bit of the first',
    now: CLOSED,
    steps: [own(0b111n), own(WITHOUT)],
    told: 'kept',
  },
  {
    it: 'contradicts a reporter that left the validator out',
    now: CLOSED,
    steps: [own(WITHOUT)],
    told: 'contradicted left-out',
  },
  {
    it: 'contradicts nobody while a push without it can still be merged',
    now: CLOSED - 1,
    steps: [own(WITHOUT)],
    told: 'pending',
  },
  {
    it: 'contradicts nobody while the hour can still be pushed',
    now: CLOSED - 1,
    steps: [],
    told: 'pending',
  },
  {
    it: 'contradicts a reporter that lost the hour, from the end of the window on',
    now: CLOSED,
    steps: [],
    told: 'contradicted never-pushed',
  },
  {
    it: 'for not online asks nothing of an hour that was lost',
    now: CLOSED,
    steps: [],
    claim: OFFLINE,
    told: 'not-pushed',
  },
  {
    it: 'waits in the window after the cut',
    now: CUT + 60,
    steps: [pushed(R1, LAST, WITHOUT)],
    claim: { hour: LAST },
    told: 'pending',
  },
  {
    it: 'waits no longer once its cycle is decided, window or not',
    now: CUT + 60,
    steps: [pushed(R1, LAST, WITHOUT), ['RecordCleared', { cycle: 1 }, CUT + 30]],
    claim: { hour: LAST },
    told: 'contradicted left-out',
  },
  {
    it: 'contradicts a reporter that pushed as online what it signed as not online, at once',
    now: END + 60,
    steps: [own(WITH)],
    claim: OFFLINE,
    told: 'contradicted denied-online',
  },
  {
    it: 'of one of three is no contradiction when the majority did not see it',
    now: CLOSED,
    steps: [...THREE, own(WITH), ...others(WITHOUT)],
    told: 'outvoted',
  },
  {
    it: 'of one of three waits for the others while they can still push',
    now: END + 60,
    steps: [...THREE, own(WITH)],
    told: 'pending',
  },
  {
    it: 'of one of three is kept as soon as a second one saw it',
    now: END + 60,
    steps: [...THREE, own(WITH), pushed(R2, FIRST_HOUR, WITH)],
    told: 'kept',
  },
  {
    it: 'is held against its own reporter, although the majority has the bit',
    now: CLOSED,
    steps: [...THREE, own(WITHOUT), ...others(WITH)],
    told: 'contradicted left-out',
  },
  {
    it: 'is not held against a reporter that saw it because another did not',
    now: CLOSED,
    steps: [...THREE, own(WITHOUT), ...others(WITH)],
    claim: { reporter: R2 },
    told: 'kept',
  },
  {
    it: 'by a reporter that was expelled is held against what it pushed before',
    now: CLOSED,
    steps: [...THREE, own(WITHOUT), out],
    told: 'contradicted left-out',
  },
  {
    it: 'by a reporter that was expelled is kept when it pushed as it signed',
    now: CLOSED,
    steps: [...THREE, own(WITH), out, ...others(WITH)],
    told: 'kept',
  },
  {
    it: 'by a reporter that was expelled before it pushed asks for nothing',
    now: CLOSED,
    steps: [...THREE, out],
    told: 'not-pushed',
  },
  {
    it: 'by a key that was never a reporter is a stranger’s word',
    now: CLOSED,
    steps: [own(WITH)],
    claim: { reporter: STRANGER },
    told: 'contradicted strange-signer',
  },
  {
    it: 'by a reporter of the next cycle asks for nothing: it practised',
    now: CLOSED,
    steps: [added(R2, 1, 2), own(WITH)],
    claim: { reporter: R2 },
    told: 'not-pushed',
  },
  {
    it: 'by a reporter of the next cycle counts in that cycle',
    now: CLOSED,
    steps: [added(R2, 1, 2)],
    claim: { reporter: R2, hour: NEXT },
    told: 'pending',
  },
  {
    it: 'by a reporter that left asks for nothing in the cycle after',
    now: CLOSED,
    steps: [added(R2, 1), left],
    claim: { reporter: R2, hour: NEXT },
    told: 'not-pushed',
  },
  {
    it: 'of a node that is on no roster asks for nothing',
    now: CLOSED,
    steps: [own(WITHOUT)],
    claim: { node: nodeAt(7) },
    told: 'no-bit',
  },
  {
    it: 'of an hour before the first cycle asks for nothing',
    now: CLOSED,
    steps: [own(WITHOUT)],
    claim: { hour: FIRST_HOUR - 1 },
    told: 'no-bit',
  },
  {
    it: 'of an hour before the first cycle asks for nothing, whoever signed it',
    now: CLOSED,
    steps: [],
    claim: { hour: FIRST_HOUR - 1, reporter: STRANGER },
    told: 'no-bit',
  },
  {
    it: 'of a node that was removed and came back is held against its old index until the cut',
    now: FIRST_CUT + 2 * 86_400,
    steps: cameBack,
    told: 'kept',
  },
  {
    it: 'of a node that came back is held against its new index after the cut',
    now: FIRST_CUT + 2 * 86_400,
    steps: cameBack,
    claim: { hour: NEXT },
    told: 'kept',
  },
  {
    it: 'of a node that came back is not kept by a bit at its old index',
    now: FIRST_CUT + 2 * 86_400,
    steps: cameBack,
    claim: { hour: NEXT + 1 },
    told: 'contradicted left-out',
  },
]
