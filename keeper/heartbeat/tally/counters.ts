import type { Address } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import { MS_PER_HOUR } from '../hour-rule.ts'
import type { BeatRule } from '../hour-rule.ts'
import { remember } from './closed-hours.ts'
import { countBeat } from './counting.ts'
import type { Paced } from './counting.ts'
import type { NodeStatus } from './tally.ts'
import type { CountRow, StatusRow } from './tally-rows.ts'

interface NodeLine {
  dueMs: number
  lastMs: number
  signedMs: number
  status: NodeStatus | undefined
}

interface HourCounts {
  seen: Map<Address, number>
  changed: Set<Address>
}

export interface Unsaved {
  counts: CountRow[]
  statuses: StatusRow[]
}

/** The counters in memory: of the hour that runs, and of those that ended and are not closed yet. */
export class Counters {
  readonly #rule: BeatRule
  readonly #lines = new Map<Address, NodeLine>()
  readonly #hours = new Map<Hour, HourCounts>()
  #changed = new Set<Address>()

  constructor(rule: BeatRule) {
    this.#rule = rule
  }

  restore(
    counts: readonly CountRow[],
    signed: readonly { node: Address; signedMs: number }[],
  ): void {
    for (const { node, signedMs } of signed) {
      const line = this.#lineOf(node)
      line.signedMs = signedMs
      line.lastMs = signedMs
    }
    for (const { hour, node, seen, dueMs } of counts) {
      this.#hourOf(hour).seen.set(node, seen)
      const line = this.#lineOf(node)
      line.dueMs = Math.max(line.dueMs, dueMs)
      line.lastMs = Math.max(line.lastMs, dueMs)
    }
  }

  count(node: Address, hour: Hour, nowMs: number, status: NodeStatus | undefined): Paced {
    const { seen, changed } = this.#hourOf(hour)
    const line = this.#lineOf(node)
    const paced = countBeat(this.#rule, { seen: seen.get(node) ?? 0, dueMs: line.dueMs }, nowMs)
    if (paced.why !== undefined) return paced
    line.dueMs = paced.dueMs
    line.lastMs = nowMs
    if (status) line.status = status
    seen.set(node, paced.seen)
    changed.add(node)
    this.#changed.add(node)
    return paced
  }

  /** False: that beat, or a later one of this node, was signed and accepted before. */
  acceptSigned(node: Address, atMs: number, nowMs: number): boolean {
    const line = this.#lineOf(node)
    if (atMs <= line.signedMs) return false
    line.signedMs = atMs
    line.lastMs = nowMs
    this.#changed.add(node)
    return true
  }

  countOf(node: Address, hour: Hour): number {
    return this.#hours.get(hour)?.seen.get(node) ?? 0
  }

  /** All of an hour, changed or not. */
  countsOf(hour: Hour): { node: Address; seen: number }[] {
    return [...(this.#hours.get(hour)?.seen ?? [])].map(([node, seen]) => ({ node, seen }))
  }

  hours(): Hour[] {
    return [...this.#hours.keys()]
  }

  unsaved(): number {
    return this.#changed.size
  }

  /** What changed since the last call; whoever cannot store it gives it back. */
  takeUnsaved(): Unsaved {
    const counts: CountRow[] = []
    for (const [hour, { seen, changed }] of this.#hours) {
      for (const node of changed) {
        const { dueMs } = this.#lineOf(node)
        counts.push({ hour, node, seen: seen.get(node) ?? 0, dueMs })
      }
      changed.clear()
    }
    const statuses = [...this.#changed].map((node) => this.#statusOf(node))
    this.#changed = new Set()
    return { counts, statuses }
  }

  giveBack({ counts, statuses }: Unsaved): void {
    for (const { hour, node } of counts) this.#hours.get(hour)?.changed.add(node)
    for (const { node } of statuses) this.#changed.add(node)
  }

  /** The hour is closed; a node that was silent since before it is no longer kept in memory. */
  forget(hour: Hour): void {
    this.#hours.delete(hour)
    const silentSince = hour * MS_PER_HOUR
    for (const [node, { lastMs }] of this.#lines) {
      if (lastMs < silentSince && !this.#changed.has(node)) this.#lines.delete(node)
    }
  }

  #statusOf(node: Address): StatusRow {
    const { lastMs, signedMs, status } = this.#lineOf(node)
    return { node, lastMs, signedMs, ...status }
  }

  #lineOf(node: Address): NodeLine {
    const known = this.#lines.get(node)
    if (known) return known
    const line = { dueMs: 0, lastMs: 0, signedMs: 0, status: undefined }
    this.#lines.set(node, line)
    remember(node)
    return line
  }

  #hourOf(hour: Hour): HourCounts {
    const known = this.#hours.get(hour)
    if (known) return known
    const counts = { seen: new Map<Address, number>(), changed: new Set<Address>() }
    this.#hours.set(hour, counts)
    return counts
  }
}
