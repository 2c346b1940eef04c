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

/** On the thread that asks: 0.1 ms a leaf. Who must go on meanwhile calls makeTree. */
export function buildTree(home: ClaimsHome, given: readonly Leaf[]): ClaimsTree {
  const leaves = orderLeaves(home, given)
  return treeOf(home, leaves, nodesOf(home, leaves))
}

/** By address, and only such as a tree may have. */
export function orderLeaves(home: ClaimsHome, given: readonly Leaf[]): Leaf[] {
  ensure(given.length <= MAX_LEAVES, 'CLAIMS_LEAVES_INVALID', {
    faults: [`${given.length} leaves, at most ${MAX_LEAVES} fit`],
  })
  // Each name is made once: a sort of 131,072 asks for it two million times.
  const named = given.map((leaf) => ({ leaf, name: leaf.account.toLowerCase() }))
  named.sort((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)))
  const leaves = named.map(({ leaf }) => leaf)
  refuseLeaves(home, leaves)
  return leaves
}

const NODE_BYTES = 32

/** All nodes, the root first and the first leaf last, as the library lays them out. */
export function nodesOf(home: ClaimsHome, leaves: readonly Leaf[]): Uint8Array<ArrayBuffer> {
  const prefix = leafPrefix(home)
  const hashes = leaves.map((leaf) => leafHash(prefix, leaf))
  const width = widthOf(leaves.length)
  while (hashes.length < width) hashes.push(PADDING)
  const { tree } = SimpleMerkleTree.of(hashes, { sortLeaves: false }).dump()
  const nodes = new Uint8Array(tree.length * NODE_BYTES)
  for (const [index, node] of tree.entries()) {
    nodes.set(Buffer.from(node.slice(2), 'hex'), index * NODE_BYTES)
  }
  return nodes
}

function widthOf(leaves: number): number {
  return 2 ** Math.ceil(Math.log2(leaves))
}

/** Of leaves in their order, and the nodes that were made of them. */
export function treeOf(home: ClaimsHome, leaves: readonly Leaf[], nodes: Uint8Array): ClaimsTree {
  const width = widthOf(leaves.length)
  const nodeAt = (at: number): Hex =>
    `0x${Buffer.from(nodes.subarray(at * NODE_BYTES, (at + 1) * NODE_BYTES)).toString('hex')}`
  /** The siblings of a leaf and of what is above it. */
  const pathOf = (leaf: number): Hex[] => {
    const path: Hex[] = []
    for (let at = 2 * width - 2 - leaf; at > 0; at = (at - 1) >> 1) {
      path.push(nodeAt(at % 2 === 1 ? at + 1 : at - 1))
    }
    return path
  }
  return {
    home,
    leaves,
    width,
    root: nodeAt(0),
    total: leaves.reduce((sum, { cumulative }) => sum + cumulative, 0n),
    proofOf: (account) => {
      const index = indexOf(leaves, account)
      const leaf = leaves[index]
      if (leaf?.account.toLowerCase() !== account.toLowerCase()) return undefined
      return { cumulative: leaf.cumulative, proof: pathOf(index) }
    },
    range: (first, size) => {
      refuseRange(width, first, size)
      return {
        first,
        packed: Array.from({ length: size }, (_, i) => packed(leaves[first + i])),
        // The proof of any leaf of the range, without the part inside it.
        path: pathOf(first).slice(Math.log2(size)),
      }
    },
  }
}

/** Of the first leaf that is not below that account. */
function indexOf(leaves: readonly Leaf[], account: Address): number {
  let [low, high] = [0, leaves.length]
  const wanted = account.toLowerCase()
  while (low < high) {
    const middle = (low + high) >> 1
    if ((leaves[middle]?.account.toLowerCase() ?? '') < wanted) low = middle + 1
    else high = middle
  }
  return low
}

function packed(leaf: Leaf | undefined): bigint {
  return leaf === undefined ? 0n : packLeaf(leaf)
}

function refuseLeaves({ contract }: ClaimsHome, leaves: readonly Leaf[]): void {
  ensure(leaves.length > 0, 'CLAIMS_LEAVES_INVALID', { faults: ['there is none'] })
  const home = contract.toLowerCase()
  const faults = leaves.flatMap(({ account, cumulative }, index) => {
    const name = account.toLowerCase()
    const rules: [isBad: boolean, fault: string][] = [
      [account === ZeroAddress, 'the zero address'],
      [name === home, 'the claims contract itself'],
      [leaves[index + 1]?.account.toLowerCase() === name, 'twice'],
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

/** Where aligned ranges begin that hold such a leaf, and how wide they are. A tree that is narrower is one range. */
export function rangeStarts<L extends Leaf>(
  leaves: readonly L[],
  size: number,
  isOpen: (leaf: L) => boolean,
): { first: number; width: number }[] {
  const width = Math.min(size, widthOf(leaves.length))
  const starts = Array.from({ length: Math.ceil(leaves.length / width) }, (_, i) => i * width)
  return starts
    .filter((first) => leaves.slice(first, first + width).some(isOpen))
    .map((first) => ({ first, width }))
}

/**
 * Aligned ranges that hold a leaf with something to claim, in order.
 * @param claimed What an account has claimed; without it all that an account ever earned is open.
 */
export function rangesOf(
  tree: ClaimsTree,
  size: number,
  claimed: (account: Address) => bigint = () => 0n,
): LeafRange[] {
  const isOpen = ({ account, cumulative }: Leaf): boolean => cumulative > claimed(account)
  return rangeStarts(tree.leaves, size, isOpen).map(({ first, width }) => tree.range(first, width))
}
