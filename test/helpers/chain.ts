import hre from 'hardhat'
import { Wallet } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { withToken } from './canaries.ts'

// Well-known keys of Hardhat's own accounts: worth nothing anywhere else.
export const TEST_KEYS = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
] as const

export interface TestNode {
  url: string
  client: ChainClient
  /** Raw JSON-RPC, also for evm_ and hardhat_ methods. */
  request<T = unknown>(method: string, params?: readonly unknown[]): Promise<T>
  close(): Promise<void>
}

const REQUEST_TIMEOUT_MS = 10_000

/** Hardhat's node over HTTP on a free port; with automine off, transactions wait in its pool. */
export async function startNode({ automine = true } = {}): Promise<TestNode> {
  const override = { mining: { auto: automine, interval: 0 } }
  const server = await hre.network.createServer({ network: 'node', override }, '127.0.0.1', 0)
  const { port } = await server.listen()
  const url = withToken(`http://127.0.0.1:${port}`)
  const client = await openChain({ rpcUrl: url, timeoutMs: REQUEST_TIMEOUT_MS })
  const close = async (): Promise<void> => {
    client.close()
    await server.close()
  }
  return { url, client, request: client.request, close }
}

export const mine = (node: TestNode, blocks = 1): Promise<unknown> =>
  node.request('hardhat_mine', [`0x${blocks.toString(16)}`])

// Adds one to slot 0 at every call: the oracle of "executed once".
export const COUNTER = '0x5f546001015f5500'
// Reverts with the call's own data, so that a test chooses the error.
const ECHO_REVERT = '0x365f5f37365ffd'

/** Puts hand-written code at an address: faster than a deployment and the same on every node. */
export async function placeCounter(node: TestNode): Promise<Address> {
  return place(node, COUNTER)
}

export async function placeReverter(node: TestNode): Promise<Address> {
  return place(node, ECHO_REVERT)
}

async function place(node: TestNode, code: string): Promise<Address> {
  const address = Wallet.createRandom().address as Address
  await node.request('hardhat_setCode', [address, code])
  return address
}

export async function countOf(node: TestNode, counter: Address): Promise<number> {
  return Number(await node.request<Hex>('eth_getStorageAt', [counter, '0x0', 'latest']))
}
