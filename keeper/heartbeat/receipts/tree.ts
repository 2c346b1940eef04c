import { setImmediate as nextTurn } from 'node:timers/promises'
import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'

/**
 * Leaves of one subtree. Its hashes take 4 ms: between two of them everybody else has a turn. An old
 * receipt needs one such page of the tally and the roots of the others, not the whole hour.
 */
export const LEAVES_PER_PAGE = 64

/** The tree over an hour: one subtree a page of leaves in their order, and one over the pages' roots. */
export interface HourTree {
  root: Hex
  /** Roots of the pages, in order. */
  pages: readonly Hex[]
  proofOf(place: number): Hex[]
}

/** `leafAt` is called once a place, page by page. */
export async function buildTree(count: number, leafAt: (place: number) => Hex): Promise<HourTree> {
  if (count === 0) throw new KeeperError('INTERNAL', { what: 'a tree without leaves' })
  const pages: SimpleMerkleTree[] = []
  for (let first = 0; first < count; first += LEAVES_PER_PAGE) {
    const length = Math.min(LEAVES_PER_PAGE, count - first)
    pages.push(treeOf(Array.from({ length }, (_, i) => leafAt(first + i))))
    await nextTurn()
  }
  const top = topOf(pages.map((page) => page.root as Hex))
  const proofOf = (place: number): Hex[] => {
    const number = Math.floor(place / LEAVES_PER_PAGE)
    const proof = pages[number]?.getProof(place % LEAVES_PER_PAGE) ?? []
    return [...(proof as Hex[]), ...top.proofOf(number)]
  }
  return { root: top.root, pages: top.pages, proofOf }
}

/** The proof of one leaf from its own page and the roots of all. */
export function proofWithin(
  pages: readonly Hex[],
  number: number,
  leaves: readonly Hex[],
  place: number,
): Hex[] {
  return [...(treeOf(leaves).getProof(place) as Hex[]), ...topOf(pages).proofOf(number)]
}

interface Top {
  root: Hex
  pages: readonly Hex[]
  proofOf(page: number): readonly Hex[]
}

function topOf(pages: readonly Hex[]): Top {
  const tree = treeOf(pages)
  const proofs = new Map<number, Hex[]>()
  const proofOf = (page: number): Hex[] => {
    const known = proofs.get(page) ?? (tree.getProof(page) as Hex[])
    proofs.set(page, known)
    return known
  }
  return { root: tree.root as Hex, pages, proofOf }
}

/** In the order of the nodes, which a reader can tell without hashing. */
function treeOf(leaves: readonly Hex[]): SimpleMerkleTree {
  return SimpleMerkleTree.of([...leaves], { sortLeaves: false })
}
