import type { Wei } from '../base/amount.ts'
import type { Address } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { SideLines } from '../chain/journal/side-log.ts'
import type { Db } from '../store/db.ts'
import { auditChain } from './audit-chain.ts'
import type { ChainAsk, ChainAudit } from './audit-chain.ts'
import { auditAnchors, readAnchorIndex } from './audit-anchors.ts'
import { auditJournal, resolvedNonces } from './audit-journal.ts'
import { ReceiptAudit } from './audit-receipts.ts'
import type { Home, JudgedReceipt, Shown } from './audit-receipts.ts'
import { SHARE } from './audit-state.ts'
import type { CycleAudit, CycleState } from './audit-state.ts'
import { auditStore } from './audit-store.ts'
import type { StoreNotes } from './audit-store.ts'
import { auditTally } from './audit-tally.ts'
import type { Totals } from './books.ts'
import { tell } from './divergence.ts'
import type { Layer, Told } from './divergence.ts'
import type { Court, Outcome } from './judge-receipt.ts'
import { readJournal } from './journal-view.ts'

/** The keeper's own records; left out, only the chain is verified. */
export interface Records {
  db: Db
  notes: StoreNotes
  /** The second book beside the store, read before it. */
  side?: SideLines | undefined
  /** Keys that only the keeper uses. */
  ours: readonly Address[]
}

/**
 * Hands over the records as they stand at one moment. It is called after the chain was read: whatever the
 * chain has by then, a keeper that goes on meanwhile has journalled before.
 */
export type WithRecords = <T>(use: (records: Records) => Promise<T>) => Promise<T>

/** One line of the answer. */
export interface CycleLine {
  cycle: Cycle
  ok: boolean
  state: CycleState
  snapshots: number
  eligible: number
  pool: Wei
  paid: Wei
  credited: Wei
  unpaid: Wei
  carried: Wei
  refusals: number
  /** Others than a keeper who decided or paid, as anyone may after the grace period. */
  strangers: Address[]
}

/** How many receipts came to what. */
export type ReceiptCounts = Partial<Record<Outcome, number>>

/** The answer of `muster verify --json`. */
export interface Verdict {
  ok: boolean
  chainId: number
  /** Block at which the chain was read. */
  block: number
  events: number
  transactions: number
  layers: Record<Layer, 'ok' | 'diverged' | 'skipped'>
  cycles: CycleLine[]
  /** Over all cycles: funded = paid + withdrawn + credits + unpaid + pool + returned. */
  totals: Totals
  journalRows: number
  /** Of those that were shown. */
  receipts: ReceiptCounts
  notes: string[]
  /** The first one, or null. */
  divergence: Told | null
  divergences: Told[]
  /** All that were found; the list above ends at twenty. */
  found: number
}

/**
 * Derivation ↔ chain, chain ↔ journal, journal ↔ store, and receipts ↔ chain: in this order, and the first
 * difference counts.
 */
export async function verify(
  ask: ChainAsk,
  withRecords?: WithRecords,
  shown: readonly Shown[] = [],
): Promise<Verdict> {
  const chain = await auditChain(ask)
  const { findings } = chain
  const notes = chain.hasOldBalances ? [] : [NO_OLD_BALANCES]
  const receipts = new ReceiptAudit(homeOf(ask), courtOf(chain), findings)
  const check = (records: Records): Promise<number> =>
    verifyRecords(ask, { chain, receipts, notes }, records)
  const journalRows = withRecords ? await withRecords(check) : 0
  for (const each of shown) receipts.add(each)
  const counts = countOutcomes(receipts.judged)
  notes.push(...notesOf(receipts.judged))
  const divergences = findings.list.map(tell)
  const layerOf = (layer: Layer): Verdict['layers'][Layer] =>
    findings.layers.has(layer) ? 'diverged' : 'ok'
  const others = withRecords ? layerOf : (): 'skipped' => 'skipped'
  return {
    ok: findings.total === 0,
    chainId: ask.client.chainId,
    block: chain.head,
    events: chain.events.length,
    transactions: chain.txs.size,
    layers: {
      chain: layerOf('chain'),
      journal: others('journal'),
      store: others('store'),
      receipts: shown.length > 0 ? layerOf('receipts') : 'skipped',
    },
    cycles: linesOf(ask, chain),
    totals: chain.state.books.totals,
    journalRows,
    receipts: counts,
    notes,
    divergence: divergences[0] ?? null,
    divergences,
    found: findings.total,
  }
}

const NO_OLD_BALANCES =
  'the node keeps no old balances: what the contract holds was compared at the last block only'
const EMPTY_JOURNAL =
  'the journal of this store is empty: --chain-only verifies without the keeper’s records'

function homeOf({ client, registry }: ChainAsk): Home {
  return { chainId: client.chainId, registry }
}

function courtOf({ state, time }: ChainAudit): Court {
  return { roster: state.roster, evidence: state.evidence, now: time }
}

// What each of them says is in the list of `muster receipts verify`; here a handful shows what is there.
const MAX_RECEIPT_NOTES = 20

/** Receipts that contradict nothing and are not simply kept. */
function notesOf(judged: readonly JudgedReceipt[]): string[] {
  const quiet = new Set<Outcome>(['kept', 'contradicted', 'invalid'])
  const told = judged.filter(({ outcome }) => !quiet.has(outcome))
  const lines = told.map(({ from, outcome, reason }) => `receipt ${from}: ${outcome}: ${reason}`)
  const rest = lines.length - MAX_RECEIPT_NOTES
  return [...lines.slice(0, MAX_RECEIPT_NOTES), ...(rest > 0 ? [`and ${rest} more`] : [])]
}

export function countOutcomes(judged: readonly JudgedReceipt[]): ReceiptCounts {
  const counts: ReceiptCounts = {}
  for (const { outcome } of judged) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

interface Verifying {
  chain: ChainAudit
  receipts: ReceiptAudit
  notes: string[]
}

async function verifyRecords(
  chainAsk: ChainAsk,
  { chain, receipts, notes }: Verifying,
  { db, notes: storeNotes, side, ours }: Records,
): Promise<number> {
  const { client, registry, rewards, onProgress } = chainAsk
  const { findings } = chain
  const journal = await readJournal(db, client.chainId, onProgress)
  if (journal.rows.length === 0) notes.push(EMPTY_JOURNAL)
  for (const { sender, nonce, reason } of resolvedNonces(journal)) {
    notes.push(
      `nonce ${nonce} of ${sender} was used outside the journal and closed by hand: ${reason}`,
    )
  }
  const finalBlock = await readFinalBlock(client, chain.head)
  const contracts = [registry, rewards]
  const ask = { client, journal, chain, ours, contracts, findings, finalBlock, onProgress }
  await auditJournal(ask)
  auditAnchors(ask, await readAnchorIndex(db))
  const { cycles } = chain.state
  const notesAsk = { notes: storeNotes, side, cycles }
  await auditStore({ db, client, journal, findings, onProgress, ...notesAsk })
  const { tally } = storeNotes
  const isWanted = (cycle: Cycle): boolean => cycle >= chainAsk.from && cycle <= chainAsk.to
  const place = { home: homeOf(chainAsk), court: courtOf(chain) }
  const tallyAsk = { ...place, isWanted, receipts, findings, notes, onProgress }
  if (tally) await auditTally({ tally, ...tallyAsk })
  return journal.rows.length
}

/** A node without the tag calls nothing final by itself: then all that is mined counts as such. */
async function readFinalBlock(client: ChainClient, head: number): Promise<number> {
  const block = await client.block('finalized').catch(() => undefined)
  return block?.number ?? head
}

function linesOf({ from, to }: ChainAsk, { state, findings }: ChainAudit): CycleLine[] {
  return [...state.cycles.values()]
    .filter(({ cycle }) => cycle >= from && cycle <= to)
    .map((audit) => lineOf(audit, !findings.cycles.has(audit.cycle)))
}

function lineOf(audit: CycleAudit, ok: boolean): CycleLine {
  const { cycle, state, decision, sharing, paid, credited, refusals, strangers } = audit
  const isSettled = state === 'settled'
  return {
    cycle,
    ok,
    state,
    snapshots: decision.snapshots,
    eligible: isSettled ? sharing.eligible : 0,
    pool: isSettled ? sharing.pool : 0n,
    paid,
    credited,
    unpaid: unpaidOf(audit),
    carried: isSettled ? sharing.pool - sharing.allocated : 0n,
    refusals,
    strangers: [...strangers],
  }
}

function unpaidOf({ shares, sharing }: CycleAudit): Wei {
  let unpaid = 0n
  for (const [index, outcome] of shares.entries()) {
    if (outcome === SHARE.due) unpaid += sharing.shareOf(index)
  }
  return unpaid
}
