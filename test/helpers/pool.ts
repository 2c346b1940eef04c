import { Wallet } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import type { TestNode } from './chain.ts'
import { startFaultProxy } from './fault-proxy.ts'
import type { FaultProxy } from './fault-proxy.ts'

// Generous for a node beside other tests, short enough for a test that waits for it.
export const DEADLINE_MS = 1_000

export interface TestPool {
  client: ChainClient
  proxies: FaultProxy[]
  close(): Promise<void>
}

/** A client over several endpoints that fail on command, all in front of one node. */
export async function openTestPool(node: TestNode, size: number): Promise<TestPool> {
  const proxies = await startProxies(node, size)
  const client = await openChain({ rpcUrl: urlsOf(proxies), timeoutMs: DEADLINE_MS })
  const close = async (): Promise<void> => {
    client.close()
    await closeAll(proxies)
  }
  return { client, proxies, close }
}

export function startProxies(node: TestNode, size: number): Promise<FaultProxy[]> {
  return Promise.all(Array.from({ length: size }, () => startFaultProxy(node.url)))
}

export function urlsOf(proxies: readonly FaultProxy[]): string[] {
  return proxies.map(({ url }) => url)
}

export async function closeAll(proxies: readonly FaultProxy[]): Promise<void> {
  await Promise.all(proxies.map((proxy) => proxy.close()))
}

export interface Caller {
  address: Address
  /** The next transaction to that address, signed and not sent. */
  sign(to: Address): Promise<Hex>
}

/** An account of its own with coin, so that tests side by side do not share nonces. */
export async function newCaller(node: TestNode): Promise<Caller> {
  const wallet = new Wallet(Wallet.createRandom().privateKey)
  await node.request('hardhat_setBalance', [wallet.address, '0xde0b6b3a7640000'])
  const { chainId } = node.client
  let nonce = 0
  const sign = async (to: Address): Promise<Hex> => {
    const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n }
    const tx = { type: 2, chainId, nonce, to, gasLimit: 100_000n, ...fees }
    nonce += 1
    return (await wallet.signTransaction(tx)) as Hex
  }
  return { address: wallet.address as Address, sign }
}
