import { getAddress } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { ChainEvent } from './chain-events.ts'
import { inParallel } from './parallel.ts'
import type { OnProgress } from './read-events.ts'

/** A transaction as the chain has it. */
export interface ChainTx {
  hash: Hex
  from: Address
  /** Undefined for the creation of a contract. */
  to: Address | undefined
  nonce: number
  data: Hex
  value: bigint
  gas: bigint
  block: number
}

export async function readTxs(
  client: ChainClient,
  events: readonly ChainEvent[],
  onProgress: OnProgress,
): Promise<Map<Hex, ChainTx>> {
  const txs = new Map<Hex, ChainTx>()
  const hashes = [...new Set(events.map(({ at }) => at.tx))]
  await inParallel(hashes, onProgress, 'reading transactions', async (hash) => {
    const tx = await readTx(client, hash)
    if (tx) txs.set(hash, tx)
  })
  return txs
}

/** Undefined when the chain has no such mined transaction. */
export async function readTx(client: ChainClient, hash: Hex): Promise<ChainTx | undefined> {
  const answer = await client.request<Record<string, Hex | null> | null>(
    'eth_getTransactionByHash',
    [hash],
  )
  if (!answer?.['from'] || !answer['blockNumber']) return undefined
  const { from, to, nonce, input, value, gas, blockNumber } = answer
  return {
    hash,
    from: getAddress(from) as Address,
    to: to ? (getAddress(to) as Address) : undefined,
    nonce: Number(nonce),
    data: input ?? '0x',
    value: BigInt(value ?? 0),
    gas: BigInt(gas ?? 0),
    block: Number(blockNumber),
  }
}

/** Who called our contract: the sender of a transaction that went straight to it. */
export function callerIn(
  txs: ReadonlyMap<Hex, ChainTx>,
  contract: Address,
): (hash: Hex) => Address | undefined {
  return (hash) => {
    const tx = txs.get(hash)
    return tx?.to?.toLowerCase() === contract.toLowerCase() ? tx.from : undefined
  }
}
