import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { KeeperError, messageOf } from '../../base/errors.ts'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { ClaimsHome, Leaf } from './leaf.ts'
import { fileOfTree } from './tree-file.ts'
import type { TreeFile } from './tree-file.ts'
import { buildTree, orderLeaves, treeOf } from './tree.ts'
import type { ClaimsTree } from './tree.ts'

export interface MadeTree {
  tree: ClaimsTree
  file: TreeFile
}

/** What a worker is given: a line a leaf, in their order. A string is copied at once, objects one by one. */
export interface TreeOrder {
  home: ClaimsHome
  lines: string
}

export type TreeAnswer =
  | { nodes: Uint8Array<ArrayBuffer>; text: string; fileHash: Hex }
  | { code: ErrorCode; facts: Record<string, unknown> }

// A leaf takes 0.1 ms of an idle core and 0.2 ms of a busy one: up to here the loop is held as long as a worker takes
// to start (0.4 s). The largest tree, 26 s of a worker, holds it for 0.8 s.
export const MAX_LEAVES_HERE = 2_000

/** A tree and its file; a large one is made in a thread of its own, so that this one goes on. */
export async function makeTree(
  home: ClaimsHome,
  given: readonly Leaf[],
  mostHere = MAX_LEAVES_HERE,
): Promise<MadeTree> {
  if (given.length > mostHere) return makeElsewhere(home, orderLeaves(home, given))
  const tree = buildTree(home, given)
  return { tree, file: fileOfTree(tree) }
}

async function makeElsewhere(home: ClaimsHome, leaves: readonly Leaf[]): Promise<MadeTree> {
  const lines = leaves.map(({ account, cumulative }) => `${account} ${cumulative}`).join('\n')
  const worker = new Worker(new URL('./tree-worker.ts', import.meta.url), {
    workerData: { home, lines } satisfies TreeOrder,
  })
  try {
    const [answer] = (await once(worker, 'message')) as [TreeAnswer]
    if ('code' in answer) throw new KeeperError(answer.code, answer.facts)
    const { nodes, text, fileHash } = answer
    return { tree: treeOf(home, leaves, nodes), file: { text, fileHash } }
  } catch (error) {
    if (error instanceof KeeperError) throw error
    throw new KeeperError('INTERNAL', { what: `the tree's thread: ${messageOf(error)}` }, error)
  } finally {
    await worker.terminate()
  }
}

export function leavesOf({ lines }: TreeOrder): Leaf[] {
  return lines.split('\n').map((line) => {
    const [account = '', cumulative = ''] = line.split(' ')
    return { account: account as Address, cumulative: BigInt(cumulative) }
  })
}
