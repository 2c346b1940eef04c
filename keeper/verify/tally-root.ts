import type { Hex } from '../base/schema.ts'
import { leafOf, parentOf } from './receipt-claim.ts'
import type { Figures } from './receipt-claim.ts'

// As docs/receipts.md has it: subtrees of so many leaves, in the order of the nodes, and one over their roots.
const LEAVES_PER_SUBTREE = 64

/** The root that a reporter must have signed over these rows; undefined when there are none. */
export function rootOf(rows: readonly Figures[]): Hex | undefined {
  if (rows.length === 0) return undefined
  const sorted = rows.toSorted((a, b) => (a.node.toLowerCase() < b.node.toLowerCase() ? -1 : 1))
  const leaves = sorted.map(leafOf)
  const subtrees: Hex[] = []
  for (let first = 0; first < leaves.length; first += LEAVES_PER_SUBTREE) {
    subtrees.push(fold(leaves.slice(first, first + LEAVES_PER_SUBTREE)))
  }
  return fold(subtrees)
}

/** A complete binary tree: node i is over 2i + 1 and 2i + 2, and the leaves stand at its end, the first one last. */
function fold(leaves: readonly Hex[]): Hex {
  const nodes = leaves.toReversed()
  // The two last ones become one before the first: no place needs to be counted.
  for (let pairs = leaves.length - 1; pairs > 0; pairs -= 1) {
    const [right, left] = [nodes.pop(), nodes.pop()] as [Hex, Hex]
    nodes.unshift(parentOf(left, right))
  }
  return nodes[0] as Hex
}
