import type { Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'

/** Which two records disagree. */
export type Layer = 'chain' | 'journal' | 'store' | 'receipts'

/** One disagreement: what we derived or recorded, and what is there instead. */
export interface Divergence {
  layer: Layer
  /** Short and stable, for programs: 'paid-not-due'. */
  kind: string
  /** Undefined when it concerns no cycle or all of them. */
  cycle?: Cycle | undefined
  tx?: Hex | undefined
  /** A clause without its full stop: 'validator 17 was paid'. */
  what: string
  expected: string
  found: string
}

/** One clear sentence. */
export function sentenceOf({ cycle, what, expected, found, tx }: Divergence): string {
  const where = cycle === undefined ? '' : `cycle ${cycle}: `
  const which = tx === undefined ? '' : ` (tx ${tx})`
  return `${where}${what}${which}: expected ${expected}, found ${found}.`
}

export interface Told extends Divergence {
  sentence: string
}

export function tell(divergence: Divergence): Told {
  return { ...divergence, sentence: sentenceOf(divergence) }
}

// The first one is told; the others help to find the cause, and after twenty they are consequences.
const MAX_KEPT = 20

/** Collects in the order of finding. */
export interface Findings {
  readonly list: Divergence[]
  /** All that were added, also those beyond the list. */
  readonly total: number
  /** Where anything was found, beyond the list too. */
  readonly layers: ReadonlySet<Layer>
  readonly cycles: ReadonlySet<Cycle | undefined>
  add(divergence: Divergence): void
  /** Adds one when the two differ. */
  compare(about: Omit<Divergence, 'expected' | 'found'>, expected: Plain, found: Plain): void
}

type Plain = bigint | number | string | boolean

export function newFindings(isWanted: (divergence: Divergence) => boolean = () => true): Findings {
  const list: Divergence[] = []
  const layers = new Set<Layer>()
  const cycles = new Set<Cycle | undefined>()
  let total = 0
  const add = (divergence: Divergence): void => {
    if (!isWanted(divergence)) return
    total += 1
    layers.add(divergence.layer)
    cycles.add(divergence.cycle)
    if (list.length < MAX_KEPT) list.push(divergence)
  }
  return {
    list,
    layers,
    cycles,
    get total() {
      return total
    },
    add,
    compare: (about, expected, found) => {
      if (String(expected) === String(found)) return
      add({ ...about, expected: String(expected), found: String(found) })
    },
  }
}
