// The thread of makeTree: it is given the leaves, and answers with the nodes and the file.
import { parentPort, workerData } from 'node:worker_threads'
import { describe } from '../../base/errors.ts'
import { leavesOf } from './make-tree.ts'
import type { TreeAnswer, TreeOrder } from './make-tree.ts'
import { fileOfTree } from './tree-file.ts'
import { nodesOf, treeOf } from './tree.ts'

function answerOf(order: TreeOrder): TreeAnswer {
  const leaves = leavesOf(order)
  const nodes = nodesOf(order.home, leaves)
  return { nodes, ...fileOfTree(treeOf(order.home, leaves, nodes)) }
}

function answer(order: TreeOrder): TreeAnswer {
  try {
    return answerOf(order)
  } catch (error) {
    const { code, facts } = describe(error)
    return { code, facts }
  }
}

const told = answer(workerData as TreeOrder)
// The nodes are handed over, not copied.
parentPort?.postMessage(told, 'nodes' in told ? [told.nodes.buffer] : [])
