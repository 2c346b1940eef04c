import { isKeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { readLogs } from '../../chain/rpc/logs.ts'
import { readClaims } from './claims-contract.ts'
import type { ClaimsContract } from './claims-contract.ts'
import { requireGrowth } from './growth.ts'
import { fileOfTree } from './tree-file.ts'
import type { ClaimsTree } from './tree.ts'

export type Standing = 'proposed' | 'in-force' | 'replaced' | 'vetoed' | 'unknown'

export interface FileVerdict {
  standing: Standing
  /** Of a proposed one. */
  readyAt: UnixSeconds | undefined
  /** Empty: the file is what the chain says. */
  faults: string[]
  /** By everybody so far; of a file that is or was in force. */
  claimed: bigint | undefined
}

/** Compares a published tree with the chain alone: no store, no deployment file, no word of ours. */
export async function verifyFile(
  contract: ClaimsContract,
  tree: ClaimsTree,
  previous?: ClaimsTree,
): Promise<FileVerdict> {
  const { fileHash } = fileOfTree(tree)
  const proposed = await proposalOf(contract, tree.root)
  const { root, pending } = await readClaims(contract)
  const standing = await standingOf(contract, tree, {
    isProposed: proposed !== undefined,
    root,
    pending: pending?.root,
  })
  const faults = [
    ...(proposed ? [] : [`the contract has never been told of the root ${tree.root}`]),
    ...(proposed && proposed.fileHash !== fileHash
      ? [`SHA-256: the file has ${fileHash}, the chain says ${proposed.fileHash}`]
      : []),
    ...(proposed && proposed.total !== tree.total
      ? [`total: the file has ${tree.total}, the chain says ${proposed.total}`]
      : []),
    ...(previous ? growthFaults(previous, tree) : []),
  ]
  const wasAccepted = standing === 'in-force' || standing === 'replaced'
  return {
    standing,
    readyAt: standing === 'proposed' ? pending?.readyAt : undefined,
    faults,
    claimed: wasAccepted ? await sumClaimed(contract) : undefined,
  }
}

function growthFaults(previous: ClaimsTree, tree: ClaimsTree): string[] {
  try {
    requireGrowth(previous, tree)
    return []
  } catch (error) {
    if (isKeeperError(error, 'CLAIMS_LEAF_SHRINKS')) return error.facts['faults'] as string[]
    throw error
  }
}

async function standingOf(
  contract: ClaimsContract,
  tree: ClaimsTree,
  state: { isProposed: boolean; root: Hex | undefined; pending: Hex | undefined },
): Promise<Standing> {
  if (!state.isProposed) return 'unknown'
  if (state.root === tree.root) return 'in-force'
  if (state.pending === tree.root) return 'proposed'
  return (await contract.claims.barred(tree.root)) ? 'vetoed' : 'replaced'
}

interface Proposal {
  total: bigint
  fileHash: string
}

/** RootSubmitted, as the contract said it last. */
async function proposalOf(
  { client, claims, home, deployBlock }: ClaimsContract,
  root: Hex,
): Promise<Proposal | undefined> {
  const topics = [claims.interface.getEvent('RootSubmitted').topicHash as Hex, root]
  const toBlock = await client.blockNumber()
  const query = { address: home.contract, topics, fromBlock: deployBlock, toBlock }
  const last = (await readLogs(client, query)).at(-1)
  return last && (claims.interface.parseLog(last)?.args.toObject() as Proposal)
}

/** All that was ever claimed there, by the contract's events. */
async function sumClaimed({ client, claims, home, deployBlock }: ClaimsContract): Promise<bigint> {
  const names = ['Claimed', 'RangeClaimed'] as const
  const topics = [names.map((name) => claims.interface.getEvent(name).topicHash as Hex)]
  const toBlock = await client.blockNumber()
  const query = { address: home.contract, topics, fromBlock: deployBlock, toBlock }
  const logs = await readLogs(client, query)
  return logs.reduce(
    (sum, log) => sum + BigInt(claims.interface.parseLog(log)?.args['amount'] ?? 0),
    0n,
  )
}
