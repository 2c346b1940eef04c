import { KeeperError } from '../../base/errors.ts'
import { findIntent } from '../../chain/journal/journal.ts'
import type { TxRecord } from '../../chain/journal/journal-rows.ts'
import type { Program } from '../program.ts'
import type { PayoutsRoom } from '../room.ts'
import { readAcceptedRoot, readLeaves } from './claims-rows.ts'
import type { LeafRow } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'
import { keptAccounts } from './kept.ts'
import { makeTree } from './make-tree.ts'
import { RANGE_KIND, RANGE_SIZE, numberedKey, planRange, rangeName } from './plan-claims.ts'
import { rangeStarts } from './tree.ts'
import type { LeafRange } from './tree.ts'

export interface RangeOptions {
  /** Leaves a transaction, a power of two. */
  size?: number
  /** Also ranges that were paid for this root: who refused then may take it now. */
  again?: boolean
}

export interface RangesPaid {
  txs: TxRecord[]
  /** The guardian has set the root aside: nobody claims for now. */
  isAside: boolean
  /** Ranges that were left out, because somebody in them is on hold or denied. */
  kept: number
}

/**
 * Has the contract pay what is open in the accepted tree, a range of leaves a transaction. The leaves are in the
 * contract already; whoever claims meanwhile is skipped. What was sent for a root is not sent again. A leaf cannot be
 * left out of a range: where somebody may not be paid, his neighbours claim for themselves, or by smaller ranges.
 */
export async function payRanges(
  room: PayoutsRoom,
  program: Program,
  desk: ClaimsDesk,
  { size = RANGE_SIZE, again = false }: RangeOptions = {},
): Promise<RangesPaid> {
  const accepted = await readAcceptedRoot(room.db, desk.place)
  if (accepted === undefined) return { txs: [], isAside: false, kept: 0 }
  const leaves = await readLeaves(room.db, desk.place)
  const found = await findUnsent(room, desk, { root: accepted.root, leaves, size, again })
  const wanted = await leaveKept(room, program, desk, { leaves, found })
  const kept = found.length - wanted.length
  if (wanted.length === 0) return { txs: [], isAside: false, kept }
  const active = await desk.contract.claims.root()
  if (BigInt(active) === 0n) return { txs: [], isAside: true, kept }
  if (active !== accepted.root) {
    throw new KeeperError('CLAIMS_BASE_WRONG', { given: accepted.root, root: active })
  }
  const { tree } = await makeTree(desk.contract.home, leaves)
  const { terms } = await room.contracts.payouts.programOf(program.number)
  const sent: TxRecord[] = []
  for (const { first, width, key } of wanted) {
    const range = tree.range(first, width)
    sent.push(await send(room, desk, { range, key, stipend: terms.stipend }))
  }
  return { txs: await finish(room, desk, sent), isAside: false, kept }
}

interface Wanted {
  first: number
  width: number
  key: string
}

/** Ranges with something to claim that the journal does not have, by the key that they will have there. */
async function findUnsent(
  { db, client }: PayoutsRoom,
  { contract }: ClaimsDesk,
  options: { root: `0x${string}`; leaves: readonly LeafRow[]; size: number; again: boolean },
): Promise<Wanted[]> {
  const { root, leaves, size, again } = options
  const wanted: Wanted[] = []
  for (const { first, width } of rangeStarts(leaves, size, isOpen)) {
    const name = rangeName(root, first, width)
    for (let attempt = 1; ; attempt += 1) {
      const key = numberedKey(name, attempt)
      const place = { chainId: client.chainId, contract: contract.home.contract }
      const tx = await findIntent(db, { ...place, kind: RANGE_KIND, key })
      const isOver = tx?.state === 'reverted' || tx?.state === 'cancelled'
      if (isOver || (again && tx?.state === 'final')) continue
      if (tx?.state !== 'final') wanted.push({ first, width, key })
      break
    }
  }
  return wanted
}

/** Who came on hold after the root was proposed may claim by himself; we do not pay for sending it to him. */
async function leaveKept(
  { db, clock, log }: PayoutsRoom,
  { id }: Program,
  { place }: ClaimsDesk,
  { leaves, found }: { leaves: readonly LeafRow[]; found: readonly Wanted[] },
): Promise<Wanted[]> {
  const kept = await keptAccounts(db, id, place, clock.now())
  return found.filter(({ first, width }) => {
    const leaf = leaves
      .slice(first, first + width)
      .find((each) => isOpen(each) && kept.has(each.account))
    if (leaf) log.warn({ program: id, first, width, account: leaf.account }, 'range-left-out')
    return leaf === undefined
  })
}

function isOpen({ cumulative, claimed }: LeafRow): boolean {
  return cumulative > claimed
}

async function send(
  { payer }: PayoutsRoom,
  { contract }: ClaimsDesk,
  { range, key, stipend }: { range: LeafRange; key: string; stipend: bigint },
): Promise<TxRecord> {
  const intent = planRange(contract, range, { stipend, key })
  return payer.send(intent, { until: 'included', errors: contract.errors })
}

async function finish(
  { payer }: PayoutsRoom,
  { contract }: ClaimsDesk,
  sent: readonly TxRecord[],
): Promise<TxRecord[]> {
  const txs: TxRecord[] = []
  for (const tx of sent) {
    txs.push(await payer.carryOut(tx, { until: 'final', errors: contract.errors }))
  }
  return txs
}
