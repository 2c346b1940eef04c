import { Interface, getAddress, keccak256 } from 'ethers'
import type { Log, LogDescription, Result } from 'ethers'
import type { Address, Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { readLogs } from '../../chain/rpc/logs.ts'
import type { ClaimsContract } from './claims-contract.ts'
import type { Leaf } from './leaf.ts'

interface Happened {
  block: number
  tx: Hex
  at: UnixSeconds
}

/** A root that was proposed is in force, or thrown away. */
export interface RootEnd extends Happened {
  kind: 'accepted' | 'vetoed'
  root: Hex
}

/** An address took what it had not claimed yet, by itself or by anybody's hand. */
export interface Claim extends Happened {
  kind: 'claim'
  account: Address
  to: Address
  amount: bigint
}

export interface RangeClaim extends Happened {
  kind: 'range'
  amount: bigint
  /** The leaves that were paid; undefined when the transaction does not show them. */
  leaves: Leaf[] | undefined
}

export interface Refusal extends Happened {
  kind: 'refusal'
  account: Address
  amount: bigint
}

export type ClaimEvent = RootEnd | Claim | RangeClaim | Refusal

const EVENTS = ['RootAccepted', 'RootVetoed', 'Claimed', 'RangeClaimed', 'ClaimRefused'] as const

/** What happened in the contract in those blocks, in its order. */
export async function readClaimEvents(
  contract: ClaimsContract,
  { fromBlock, toBlock }: { fromBlock: number; toBlock: number },
): Promise<ClaimEvent[]> {
  const { client, claims, home } = contract
  const topics = EVENTS.map((name) => claims.interface.getEvent(name).topicHash as Hex)
  const query = { address: home.contract, topics: [topics], fromBlock, toBlock }
  const logs = await readLogs(client, query)
  const times = new Map<number, UnixSeconds>()
  const events: ClaimEvent[] = []
  for (const log of logs) {
    const { blockNumber: block } = log
    const at = times.get(block) ?? (await client.block(block))?.timestamp ?? 0
    times.set(block, at)
    const event = claims.interface.parseLog(log)
    if (event) events.push(await eventOf(contract, log, event, at))
  }
  return events
}

async function eventOf(
  contract: ClaimsContract,
  { transactionHash, blockNumber }: Log,
  { name, args }: LogDescription,
  at: UnixSeconds,
): Promise<ClaimEvent> {
  const happened = { block: blockNumber, tx: transactionHash as Hex, at }
  const amount = BigInt(args['amount'] ?? 0)
  switch (name) {
    case 'RootAccepted':
      return { ...happened, kind: 'accepted', root: args['root'] as Hex }
    case 'RootVetoed':
      return { ...happened, kind: 'vetoed', root: args['root'] as Hex }
    case 'Claimed':
      return { ...happened, kind: 'claim', account: args['account'], to: args['to'], amount }
    case 'ClaimRefused':
      return { ...happened, kind: 'refusal', account: args['account'] as Address, amount }
    default: {
      const leaves = await leavesOf(contract, happened.tx, args)
      return { ...happened, kind: 'range', amount, leaves }
    }
  }
}

const RANGE = new Interface(['function claimRange(uint256[] packed, bytes32[] path)'])

/** The event has a hash of the leaves and a bit for each that was paid; the leaves are in the call itself. */
async function leavesOf(
  { client, home }: ClaimsContract,
  tx: Hex,
  { packedHash, mask }: Result,
): Promise<Leaf[] | undefined> {
  const sent = await client.request<{ to: string | null; input: Hex } | null>(
    'eth_getTransactionByHash',
    [tx],
  )
  // Through another contract: its own call has the leaves somewhere, or makes them up.
  if (sent?.to?.toLowerCase() !== home.contract.toLowerCase()) return undefined
  const call = RANGE.parseTransaction({ data: sent.input })
  const packed = (call?.args[0] ?? []) as bigint[]
  if (hashOf(packed) !== packedHash) return undefined
  return packed.filter((_, i) => (BigInt(mask) >> BigInt(i)) & 1n).map(leafOf)
}

function hashOf(packed: readonly bigint[]): string {
  const words = packed.map((word) => word.toString(16).padStart(64, '0'))
  return keccak256(`0x${words.join('')}`)
}

const AMOUNT_BITS = 96n

function leafOf(word: bigint): Leaf {
  const address = (word >> AMOUNT_BITS).toString(16).padStart(40, '0')
  return {
    account: getAddress(`0x${address}`) as Address,
    cumulative: word & ((1n << AMOUNT_BITS) - 1n),
  }
}
