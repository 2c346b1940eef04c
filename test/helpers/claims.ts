// A claims contract beside the hand: trees as the keeper makes them, by OpenZeppelin's own library.
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import type { AddressLike, BigNumberish } from 'ethers'
import type { ProgramClaims } from '../../types/ethers-contracts/index.js'
import type { Signer, Tx } from './contracts.ts'
import { HOUR, TX_GAS, ethers, time } from './contracts.ts'
import type { Hand, HandOptions } from './payouts.ts'
import { A, byAdmin, deployHand } from './payouts.ts'

export const DELAY = 24 * HOUR
/** Of the published file; the contract does not look at it. */
export const FILE_HASH = ethers.id('tree.json')

export type Leaf = readonly [account: string, cumulative: bigint]

export interface Desk {
  hand: Hand
  claims: ProgramClaims
}

export interface Tree {
  leaves: readonly Leaf[]
  root: string
  total: bigint
  proof(index: number): string[]
  /** The leaves [first, first + size), packed, and the path from their own root up. */
  range(first: number, size: number): { packed: bigint[]; path: string[] }
}

export async function deployDesk(options: HandOptions & { delay?: number } = {}): Promise<Desk> {
  const hand = await deployHand(options)
  const claims = await deployClaims(hand, options.delay ?? DELAY)
  await byAdmin(hand, 'setClaims', [A, await claims.getAddress()])
  return { hand, claims }
}

export async function deployClaims(
  { payouts }: Pick<Hand, 'payouts'>,
  delay: BigNumberish,
  program = A,
): Promise<ProgramClaims> {
  return ethers.deployContract('ProgramClaims', [payouts, program, delay])
}

export const PADDING = ethers.id('Muster: no leaf')

export async function leafHash(
  contract: AddressLike,
  program: number,
  [account, cumulative]: Leaf,
): Promise<string> {
  const { chainId } = await ethers.provider.getNetwork()
  const encoded = ethers.AbiCoder.defaultAbiCoder().encode(
    ['uint256', 'address', 'uint32', 'address', 'uint256'],
    [chainId, await ethers.resolveAddress(contract), program, account, cumulative],
  )
  return ethers.keccak256(ethers.keccak256(encoded))
}

export async function treeOf(claims: ProgramClaims, leaves: readonly Leaf[]): Promise<Tree> {
  const program = Number(await claims.PROGRAM())
  const hashes = await Promise.all(leaves.map(async (leaf) => leafHash(claims, program, leaf)))
  const width = 2 ** Math.ceil(Math.log2(Math.max(1, leaves.length)))
  while (hashes.length < width) hashes.push(PADDING)
  const tree = SimpleMerkleTree.of(hashes, { sortLeaves: false })
  return {
    leaves,
    root: tree.root,
    total: leaves.reduce((sum, [, cumulative]) => sum + cumulative, 0n),
    proof: (index) => tree.getProof(index),
    range: (first, size) => ({
      packed: Array.from({ length: size }, (_, i) => packLeaf(leaves[first + i])),
      // The proof of any leaf of the range, without the part inside it.
      path: tree.getProof(first).slice(Math.log2(size)),
    }),
  }
}

export function packLeaf(leaf: Leaf | undefined): bigint {
  return leaf === undefined ? 0n : (BigInt(leaf[0]) << 96n) | leaf[1]
}

export async function submit(
  { hand, claims }: Desk,
  { root, total }: Pick<Tree, 'root' | 'total'>,
  by: Signer = hand.payer,
): Tx {
  return claims.connect(by).submit(root, total, FILE_HASH)
}

/** Proposes a tree of these leaves, waits and accepts it. */
export async function publish(desk: Desk, leaves: readonly Leaf[]): Promise<Tree> {
  const tree = await treeOf(desk.claims, leaves)
  await submit(desk, tree)
  await time.increase(await desk.claims.DELAY())
  await desk.claims.connect(desk.hand.stranger).accept()
  return tree
}

export async function claimFor({ hand, claims }: Desk, tree: Tree, index: number): Tx {
  const [account, cumulative] = tree.leaves[index] ?? ['', 0n]
  return claims
    .connect(hand.stranger)
    .claimFor(account, cumulative, tree.proof(index), { gasLimit: TX_GAS })
}

export async function claimRange(
  { hand, claims }: Desk,
  tree: Tree,
  first: number,
  size: number,
  gasLimit = TX_GAS,
): Tx {
  const { packed, path } = tree.range(first, size)
  return claims.connect(hand.stranger).claimRange(packed, path, { gasLimit })
}
