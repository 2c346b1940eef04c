import { Interface, dataLength } from 'ethers'
import { ValidatorRewards__factory } from '../../types/ethers-contracts/factories/contracts/ValidatorRewards__factory.ts'
import { readEvents } from '../chain/journal/journal-chain.ts'
import type { Cycle } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { cyclesByTx } from './audit-journal.ts'
import type { JournalAsk } from './audit-journal.ts'
import type { ChainTx } from './read-senders.ts'

const REWARDS = new Interface(ValidatorRewards__factory.abi)
const ANCHOR_BYTES = 32
/** The head of a journal in which nothing was written yet. */
const EMPTY_HEAD = '0'.repeat(64)
// Ten million pages of events: the journal of no keeper is longer.
const MAX_PAGES = 10_000_000

/** What the anchors are looked up in. */
export interface AnchorIndex {
  /** By hash of an event: its place in the chain of events. */
  seqOf: Map<string, bigint>
  /** By row: the place of the event that planned it; of a row planned again, the last one. */
  plannedAt: Map<bigint, bigint>
}

export async function readAnchorIndex(db: Db): Promise<AnchorIndex> {
  const index: AnchorIndex = { seqOf: new Map([[EMPTY_HEAD, 0n]]), plannedAt: new Map() }
  let after = 0n
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const events = await readEvents(db, after)
    for (const { seq, hash, kind, txId } of events) {
      index.seqOf.set(hash, seq)
      if (kind === 'planned') index.plannedAt.set(txId, seq)
    }
    const last = events.at(-1)
    if (!last) return index
    after = last.seq
  }
  return index
}

/**
 * Each extract carries the head of the journal as it was when it was planned: whoever rewrites the journal,
 * hashes and all, cannot rewrite what the chain has kept of it.
 */
export function auditAnchors(ask: JournalAsk, index: AnchorIndex): void {
  const cycles = cyclesByTx(ask.chain)
  const isOurs = new Set(ask.ours.map((address) => address.toLowerCase()))
  for (const tx of ask.chain.txs.values()) {
    if (!isOurs.has(tx.from.toLowerCase())) continue
    const anchor = anchorOf(tx)
    if (anchor !== undefined) checkAnchor(ask, index, tx, anchor, cycles.get(tx.hash))
  }
}

/** The 32 bytes behind the arguments of an extract, where the contract does not look. */
function anchorOf({ data }: ChainTx): string | undefined {
  const call = REWARDS.parseTransaction({ data })
  if (call?.name !== 'extract' && call?.name !== 'extractPage') return undefined
  const own = dataLength(REWARDS.encodeFunctionData(call.name, call.args))
  if (dataLength(data) !== own + ANCHOR_BYTES) return undefined
  return data.slice(-2 * ANCHOR_BYTES)
}

function checkAnchor(
  { journal, findings }: JournalAsk,
  { seqOf, plannedAt }: AnchorIndex,
  { hash }: ChainTx,
  anchor: string,
  cycle: Cycle | undefined,
): void {
  const what = { layer: 'journal', kind: 'anchor', tx: hash, cycle } as const
  const seq = seqOf.get(anchor)
  if (seq === undefined) {
    findings.add({
      ...what,
      what: 'the journal’s head that this transaction carries',
      expected: `an event of the journal with the hash ${anchor}`,
      found: 'none: the journal was rewritten, or lost and begun anew',
    })
    return
  }
  const row = journal.byHash.get(hash)
  const planned = row && plannedAt.get(row.id)
  if (planned === undefined) return
  const told = 'the event before the plan of this transaction'
  findings.compare({ ...what, what: told }, planned - 1n, seq)
}
