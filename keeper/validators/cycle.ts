import type { Wei } from '../base/amount.ts'
import { SECONDS_PER_HOUR, isoTime, startOfHour } from '../base/time.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'

/** As the contract numbers them: None, Counting, Settled, RolledOver, Voided. */
export const STATES = ['none', 'counting', 'settled', 'rolled-over', 'voided'] as const
export type CycleState = (typeof STATES)[number]

/** Everything the chain says of one cycle at one block. */
export interface CycleFacts {
  cycle: Cycle
  block: number
  now: UnixSeconds
  cut: UnixSeconds
  /** The cycle that is decided next. */
  next: Cycle
  state: CycleState
  isFinal: boolean
  snapshots: number
  missing: Hour[]
  pushWindow: number
  /** 0 while it is not paused. */
  pausedUntil: UnixSeconds
  words: number
  eligible: number
  pool: Wei
  allocated: Wei
  weighted: boolean
  weightSum: bigint
  extractedAt: UnixSeconds
  transferFrom: UnixSeconds
  /** Bitmap words of who is neither paid nor credited; empty unless settled. */
  unpaid: bigint[]
}

export type Step =
  | { do: 'wait-for-cut'; until: UnixSeconds }
  | { do: 'settle-earlier'; cycle: Cycle }
  | { do: 'wait-for-evidence'; until: UnixSeconds; reason: string }
  | { do: 'wait-for-pause'; until: UnixSeconds }
  | { do: 'extract' }
  | { do: 'continue-pages' }
  | { do: 'wait-for-transfer'; until: UnixSeconds }
  | { do: 'transfer' }
  | { do: 'done' }
  | { do: 'rolled-over' }
  | { do: 'voided' }

/**
 * What is due next, from the chain alone: a stranger may have extracted or paid before us, and our
 * own store may be new.
 */
export function nextStep(facts: CycleFacts): Step {
  const { state, now, cut, next, cycle, pausedUntil, transferFrom } = facts
  if (state === 'rolled-over' || state === 'voided') return { do: state }
  if (state === 'settled' && !hasUnpaid(facts)) return { do: 'done' }
  if (now < cut) return { do: 'wait-for-cut', until: cut }
  if (state === 'none' && next < cycle) return { do: 'settle-earlier', cycle: next }
  if (state === 'none' && !facts.isFinal) return waitForEvidence(facts)
  if (now < pausedUntil) return { do: 'wait-for-pause', until: pausedUntil }
  if (state === 'none') return { do: 'extract' }
  if (state === 'counting') return { do: 'continue-pages' }
  return now < transferFrom ? { do: 'wait-for-transfer', until: transferFrom } : { do: 'transfer' }
}

/** With nothing allocated (an empty pool, shares that floor to 0) the bits stand for no money. */
export function hasUnpaid({ allocated, unpaid }: CycleFacts): boolean {
  return allocated > 0n && unpaid.some((word) => word !== 0n)
}

// an hour that a majority pushed becomes final half an hour after its end, without the others.
export const FINALITY_DELAY = SECONDS_PER_HOUR / 2

function waitForEvidence({ missing, pushWindow, now, cut }: CycleFacts): Step {
  const open = missing.filter((hour) => endOf(hour) + pushWindow > now)
  const last = open.at(-1)
  if (last === undefined) {
    const until = cut + FINALITY_DELAY
    return { do: 'wait-for-evidence', until, reason: 'not every reporter has pushed' }
  }
  const hours = open.map((hour) => isoTime(startOfHour(hour))).join(', ')
  const reason = `no snapshot of ${open.length} hours yet (${hours})`
  return { do: 'wait-for-evidence', until: endOf(last) + pushWindow, reason }
}

function endOf(hour: Hour): UnixSeconds {
  return startOfHour(hour) + SECONDS_PER_HOUR
}
