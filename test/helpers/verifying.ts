import type { Address } from '../../keeper/base/schema.ts'
import { clientOver } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { NATIVE } from '../../keeper/chain/contracts.ts'
import { poolOver } from '../../keeper/chain/rpc/pool.ts'
import { auditChain } from '../../keeper/verify/audit-chain.ts'
import type { ChainAudit } from '../../keeper/verify/audit-chain.ts'
import { sentenceOf } from '../../keeper/verify/divergence.ts'
import { ethers } from './contracts.ts'
import type { System } from './contracts.ts'

/** The in-process chain of the contract tests, asked as the keeper asks a node. */
export async function contractChain(): Promise<ChainClient> {
  const { chainId } = await ethers.provider.getNetwork()
  const request = async (method: string, params: readonly unknown[]): Promise<unknown> =>
    ethers.provider.send(method, [...params])
  const transports = [{ url: 'in process', request }]
  return clientOver(poolOver(transports, Number(chainId), { timeoutMs: 10_000 }))
}

const LAST = 2 ** 32 - 1

/** Layer a over a system of the contract tests. */
export async function auditSystem(
  { registry, rewards, token }: System,
  range: { from?: number; to?: number } = {},
): Promise<ChainAudit> {
  const [registryAt, rewardsAt, asset] = await Promise.all(
    [registry, rewards, token].map(async (each) => (await each?.getAddress()) ?? NATIVE),
  )
  return auditChain({
    client: await contractChain(),
    registry: registryAt as Address,
    rewards: rewardsAt as Address,
    asset: asset as Address,
    fromBlock: 0,
    from: range.from ?? 1,
    to: range.to ?? LAST,
    onProgress: () => {},
  })
}

export function sentencesOf({ findings }: Pick<ChainAudit, 'findings'>): string[] {
  return findings.list.map(sentenceOf)
}
