import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { ZeroAddress } from 'ethers'
import { KeeperError, ensure } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { MAX_CUMULATIVE, PADDING, leafHash, leafPrefix, packLeaf } from './leaf.ts'
import type { ClaimsHome, Leaf } from './leaf.ts'

export interface ClaimsTree {
  home: ClaimsHome
  /** By address, ascending: the same leaves always make the same tree. */
  leaves: readonly Leaf[]
  root: Hex
  /** Sum of all leaves. */
  total: bigint
  /** With padding: a power of two. */
  width: number
  /** Undefined: the account has no leaf. */
  proofOf(account: Address): { cumulative: bigint; proof: Hex[] } | undefined
  /** The leaves [first, first + size), of which the first is a multiple of the size, a power of two. */
  range(first: number, size: number): LeafRange
}

/** What claimRange takes. */
export interface LeafRange {
  first: number
  packed: bigint[]
  path: Hex[]
}

/** Its file has 10 MB, and it takes 15 s to build (0.1 ms a leaf); more payees are more than one program. */
export const MAX_LEAVES = 2 ** 17
// One word of the event's mask: ProgramClaims.MAX_RANGE.
export const MAX_RANGE = 256
// Of a list of faults: enough to see what kind they are.
const MAX_FAULTS = 20

export function buildTree(home: ClaimsHome, given: readonly Leaf[]): ClaimsTree {
  ensure(given.length <= MAX_LEAVES, 'CLAIMS_LEAVES_INVALID', {
    faults: [`${given.length} leaves, at most ${MAX_LEAVES} fit`],
  })
  const leaves = [...given].sort(byAccount)
  refuseLeaves(home, leaves)
  const prefix = leafPrefix(home)
  const hashes = leaves.map((leaf) => leafHash(prefix, leaf))
  const width = 2 ** Math.ceil(Math.log2(hashes.length))
  while (hashes.length < width) hashes.push(PADDING)
  const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })
  const indexes = new Map(leaves.map(({ account }, index) => [account, index]))
  return {
    home,
    leaves,
    width,
    root: tree.root as Hex,
    total: leaves.reduce((sum, { cumulative }) => sum + cumulative, 0n),
    proofOf: (account) => {
      const index = indexes.get(account)
      const leaf = leaves[index ?? -1]
      if (index === undefined || leaf === undefined) return undefined
      return { cumulative: leaf.cumulative, proof: tree.getProof(index) as Hex[] }
    },
    range: (first, size) => {
      refuseRange(width, first, size)
      return {
        first,
        packed: Array.from({ length: size }, (_, i) => packed(leaves[first + i])),
        // The proof of any leaf of the range, without the part inside it.
        path: tree.getProof(first).slice(Math.log2(size)) as Hex[],
      }
    },
  }
}

function packed(leaf: Leaf | undefined): bigint {
  return leaf === undefined ? 0n : packLeaf(leaf)
}

function byAccount(a: Leaf, b: Leaf): number {
  const [left, right] = [a.account.toLowerCase(), b.account.toLowerCase()]
  if (left === right) return 0
  return left < right ? -1 : 1
}

function refuseLeaves({ contract }: ClaimsHome, leaves: readonly Leaf[]): void {
  ensure(leaves.length > 0, 'CLAIMS_LEAVES_INVALID', { faults: ['there is none'] })
  const faults = leaves.flatMap(({ account, cumulative }, index) => {
    const rules: [isBad: boolean, fault: string][] = [
      [account === ZeroAddress, 'the zero address'],
      [account === contract, 'the claims contract itself'],
      [leaves[index + 1]?.account === account, 'twice'],
      [cumulative <= 0n, `an amount of ${cumulative}`],
      [cumulative > MAX_CUMULATIVE, `an amount of ${cumulative}, more than 96 bits`],
    ]
    return rules.flatMap(([isBad, fault]) => (isBad ? [`${account}: ${fault}`] : []))
  })
  if (faults.length > 0) throw leavesInvalid(faults)
}

function leavesInvalid(faults: string[]): KeeperError {
  const shown = faults.slice(0, MAX_FAULTS)
  return new KeeperError('CLAIMS_LEAVES_INVALID', { faults: shown, total: faults.length })
}

function refuseRange(width: number, first: number, size: number): void {
  const isPower = Number.isInteger(Math.log2(size)) && size >= 1
  const isAligned = Number.isInteger(first / size) && first >= 0 && first + size <= width
  const what = `a range of ${size} leaves from ${first} in a tree of ${width}`
  ensure(isPower && size <= MAX_RANGE && isAligned, 'INTERNAL', { what })
}

/**
 * Aligned ranges that hold a leaf with something to claim, in order. A tree that is narrower is one range.
 * @param claimed What an account has claimed; without it all that an account ever earned is open.
 */
export function rangesOf(
  tree: ClaimsTree,
  size: number,
  claimed: (account: Address) => bigint = () => 0n,
): LeafRange[] {
  const step = Math.min(size, tree.width)
  const starts = Array.from({ length: Math.ceil(tree.leaves.length / step) }, (_, i) => i * step)
  const isOpen = ({ account, cumulative }: Leaf): boolean => cumulative > claimed(account)
  return starts
    .filter((first) => tree.leaves.slice(first, first + step).some(isOpen))
    .map((first) => tree.range(first, step))
}
