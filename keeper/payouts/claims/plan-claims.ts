import { KeeperError, ensure } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { TxIntent } from '../../chain/journal/journal.ts'
import { readClaims } from './claims-contract.ts'
import type { ClaimsContract } from './claims-contract.ts'
import { requireGrowth } from './growth.ts'
import { fileOfTree } from './tree-file.ts'
import { rangesOf } from './tree.ts'
import type { ClaimsTree, LeafRange } from './tree.ts'

// Three fresh slots, the payer read from the other contract, and the event: 88,000 in the tests.
const SUBMIT_GAS = 200_000n
// Two slots, and the money's way from one contract to the other: 135,000 with a plain token.
const ACCEPT_GAS = 400_000n
// The most that a transaction may use (EIP-7825).
const MAX_TX_GAS = 16_777_216n
// The transaction, the root's slot, the event with its hash, and up to ten words of path.
const RANGE_GAS = 100_000n
// Of one whose slot and account are both new; 32 bytes of calldata with it.
const LEAF_GAS = 60_000n
// What the contract wants left beside a payee's stipend before each payment (its GAS_RESERVE).
const RESERVE_GAS = 60_000n
// So many of a range may use up their stipend; with more of them it reverts and is to be cut smaller.
const MAX_REFUSED = 16n
// Of a call that a payee refuses, beside its stipend.
const REFUSAL_GAS = 40_000n
/** Leaves a transaction: 128 new payees take 7.5 M gas, half of what one may. */
export const RANGE_SIZE = 128

/** Kinds of their transactions in the journal. */
export const ROOT_KIND = 'root'
export const ACCEPT_KIND = 'accept'
export const RANGE_KIND = 'claim-range'

export interface NewRoot {
  tree: ClaimsTree
  /** The tree that is claimed from now; undefined for the first. */
  accepted: ClaimsTree | undefined
  /** Of its file, where that is known already. */
  fileHash?: Hex
}

/** Proposes the root of a tree, of which nobody has less than in the one that is accepted. */
export async function planSubmit(contract: ClaimsContract, next: NewRoot): Promise<TxIntent> {
  const { tree, accepted, fileHash = fileOfTree(tree).fileHash } = next
  const state = await readClaims(contract)
  const { root, total, pending } = state
  // Whoever accepts that one would change what the new one is compared with.
  if (pending) throw new KeeperError('CLAIMS_ROOT_PENDING', { root: pending.root })
  const isBase = accepted?.root === root && (accepted?.total ?? 0n) === total
  ensure(isBase, 'CLAIMS_BASE_WRONG', { given: accepted?.root ?? 'none', root: root ?? 'none' })
  requireGrowth({ home: contract.home, leaves: accepted?.leaves ?? [] }, tree)
  const args = [tree.root, tree.total, fileHash] as const
  const data = contract.claims.interface.encodeFunctionData('submit', [...args])
  return intent(contract, { kind: ROOT_KIND, key: tree.root, data, gasLimit: SUBMIT_GAS })
}

/** Undefined while it is too young; somebody else may have accepted it already: then nothing is to be done. */
export async function planAccept(
  contract: ClaimsContract,
  root: Hex,
  now: UnixSeconds,
): Promise<TxIntent | undefined> {
  const state = await readClaims(contract)
  if (state.root === root) return undefined
  if (state.pending?.root !== root) {
    const pending = state.pending?.root ?? 'none'
    throw new KeeperError('CLAIMS_ROOT_GONE', { root, pending })
  }
  if (now < state.pending.readyAt) return undefined
  const data = contract.claims.interface.encodeFunctionData('accept')
  return intent(contract, { kind: ACCEPT_KIND, key: root, data, gasLimit: ACCEPT_GAS })
}

export interface RangeOptions {
  /** Of the program's terms: what a payee's own code may use. */
  stipend: bigint
  size?: number
  /** What accounts have claimed; ranges without anything to claim are left out. */
  claimed?: (account: Address) => bigint
  /** 2, 3 … for another try at leaves that refused; a key stands for one transaction. */
  attempt?: number
}

/** Pays what is open in the accepted tree, a range a transaction. */
export async function planRanges(
  contract: ClaimsContract,
  tree: ClaimsTree,
  { stipend, size = RANGE_SIZE, claimed, attempt = 1 }: RangeOptions,
): Promise<TxIntent[]> {
  const root = await contract.claims.root()
  ensure(root === tree.root, 'CLAIMS_BASE_WRONG', { given: tree.root, root })
  return rangesOf(tree, size, claimed).map((range) => {
    const name = rangeName(tree.root, range.first, range.packed.length)
    return planRange(contract, range, { stipend, key: numberedKey(name, attempt) })
  })
}

/** A key stands for one transaction: another try at the same range has another. */
export function rangeName(root: Hex, first: number, size: number): string {
  return `${root}/${first}+${size}`
}

/** The first has no number. */
export function numberedKey(name: string, attempt: number): string {
  return attempt === 1 ? name : `${name}#${attempt}`
}

export function planRange(
  contract: ClaimsContract,
  range: LeafRange,
  { stipend, key }: { stipend: bigint; key: string },
): TxIntent {
  const args = [range.packed, range.path] as const
  const data = contract.claims.interface.encodeFunctionData('claimRange', [...args])
  return intent(contract, { kind: RANGE_KIND, key, data, gasLimit: gasOf(range, stipend) })
}

/** Computed, never estimated: the cheapest success pays nobody. */
function gasOf({ packed }: LeafRange, stipend: bigint): bigint {
  const leaves = BigInt(packed.filter((word) => word !== 0n).length)
  const refused = leaves < MAX_REFUSED ? leaves : MAX_REFUSED
  const last = (stipend * 64n) / 63n + 1n + RESERVE_GAS
  const gas = RANGE_GAS + leaves * LEAF_GAS + refused * (stipend + REFUSAL_GAS) + last
  return gas < MAX_TX_GAS ? gas : MAX_TX_GAS
}

function intent(
  { home }: ClaimsContract,
  { kind, key, data, gasLimit }: { kind: string; key: string; data: string; gasLimit: bigint },
): TxIntent {
  return { kind, key, to: home.contract, data: data as Hex, value: 0n, gasLimit }
}
