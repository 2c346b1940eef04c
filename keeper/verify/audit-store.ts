import { toJson } from '../base/json.ts'
import type { Hex } from '../base/schema.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { findDivergence } from '../chain/journal/journal-audit.ts'
import type { SideLines } from '../chain/journal/side-log.ts'
import type { Db } from '../store/db.ts'
import type { CycleAudit } from './audit-state.ts'
import type { TallyNotes } from './audit-tally.ts'
import type { Divergence, Findings } from './divergence.ts'
import type { JournalView } from './journal-view.ts'
import { inParallel } from './parallel.ts'
import type { OnProgress } from './read-events.ts'

/** What else the keeper wrote down. Other rooms own it, so the caller reads it. */
export interface StoreNotes {
  actions: readonly ActionNote[]
  slots: readonly SlotNote[]
  /** Absent when this keeper counts no beats. */
  tally?: TallyNotes
}

export interface ActionNote {
  id: bigint
  action: string
  txHash?: Hex | undefined
}

export interface SlotNote {
  job: string
  slot: UnixSeconds
  /** What the run left: figures of the cycles that it settled. */
  facts: Record<string, unknown>
}

export interface StoreAsk {
  db: Db
  client: ChainClient
  journal: JournalView
  cycles: ReadonlyMap<Cycle, CycleAudit>
  notes: StoreNotes
  side: SideLines | undefined
  findings: Findings
  onProgress: OnProgress
}

/** Layer c: the journal's own chain of events, and the notes that point into it. */
export async function auditStore(ask: StoreAsk): Promise<void> {
  await checkEvents(ask)
  const { notes, onProgress } = ask
  const sent = notes.actions.filter(({ txHash }) => txHash !== undefined)
  await inParallel(sent, onProgress, 'comparing actions', (action) => checkAction(ask, action))
  for (const slot of notes.slots) checkSlot(ask, slot)
}

function finding(
  kind: string,
  what: string,
): Omit<Divergence, 'expected' | 'found' | 'layer'> & { layer: 'store' } {
  return { layer: 'store', kind, what }
}

/** The chain of events, its head here and in the side log, and every row against the fold of its events. */
async function checkEvents({ db, side, findings }: StoreAsk): Promise<void> {
  const first = await findDivergence(db, side)
  if (!first) return
  const { table, row, what, expected, found } = first
  findings.add({
    ...finding('journal-event', `${row} of ${table}: ${what}`),
    expected: expected === undefined ? 'what was written' : shown(expected),
    found: found === undefined ? 'something else' : shown(found),
  })
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : toJson(value)
}

async function checkAction(
  { client, journal, findings }: StoreAsk,
  { id, action, txHash }: ActionNote,
): Promise<void> {
  if (txHash === undefined || journal.byHash.has(txHash)) return
  const receipt = await client.receipt(txHash)
  if (receipt) return
  findings.add({
    ...finding('action', `action ${id} (${action}) names a transaction`),
    tx: txHash,
    expected: 'one in the journal or on the chain',
    found: 'none',
  })
}

/** A slot's figures are those of the chain; what was paid may have grown since. */
function checkSlot({ cycles, findings }: StoreAsk, { job, slot, facts }: SlotNote): void {
  // A slot settles every cycle that was left; a day that a person runs settles one.
  const told: unknown[] = Array.isArray(facts['cycles']) ? facts['cycles'] : [facts]
  for (const each of told) {
    const figures = (each ?? {}) as Record<string, unknown>
    if (figures['state'] !== 'settled') continue
    const audit = cycles.get(Number(figures['cycle']))
    if (!audit) {
      const what = finding('slot', `the row of slot ${slot} of ${job}`)
      const expected = `cycle ${String(figures['cycle'])} decided on the chain`
      findings.add({ ...what, expected, found: 'no decision' })
    }
    // The guardian may have taken it back since.
    if (audit?.state !== 'settled') continue
    const own = { eligible: audit.sharing.eligible, pool: audit.sharing.pool }
    for (const [name, value] of Object.entries(own)) {
      const what = finding('slot', `"${name}" in the row of slot ${slot} of ${job}`)
      findings.compare({ ...what, cycle: audit.cycle }, String(value), String(figures[name]))
    }
  }
}
