import { Interface, keccak256, toBeHex } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { FinalEvent } from './final-events.ts'

const RANGE = new Interface(['function claimRange(uint256[] packed, bytes32[] path)'])
const AMOUNT_BITS = 96n
const AMOUNT_MASK = (1n << AMOUNT_BITS) - 1n

/** What a range paid: each address, and all that it has taken by then. */
export interface RangeLeaf {
  address: string
  cumulative: bigint
}

/**
 * From the call's own data, whose hash the event has. Undefined when it went through another contract: its data may
 * happen to show the leaves, but then the books were made from what each address has claimed, and not claim by claim.
 */
export async function readRange(
  client: ChainClient,
  contract: Address,
  { tx, args }: FinalEvent,
): Promise<RangeLeaf[] | undefined> {
  const sent = await client.request<{ to: string | null; input: Hex } | null>(
    'eth_getTransactionByHash',
    [tx],
  )
  if (sent?.to?.toLowerCase() !== contract.toLowerCase()) return undefined
  const call = RANGE.parseTransaction({ data: sent.input })
  if (!call) return undefined
  const packed = [...(call.args[0] as bigint[])]
  const words = packed.map((word) => toBeHex(word, 32).slice(2)).join('')
  if (keccak256(`0x${words}`) !== args['packedHash']) return undefined
  const mask = args['mask'] as bigint
  return packed.flatMap((word, i) =>
    (mask >> BigInt(i)) & 1n
      ? [{ address: toBeHex(word >> AMOUNT_BITS, 20), cumulative: word & AMOUNT_MASK }]
      : [],
  )
}
