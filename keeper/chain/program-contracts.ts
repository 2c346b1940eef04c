import { Interface } from 'ethers'
import { ProgramPayouts__factory } from '../../types/ethers-contracts/factories/contracts/ProgramPayouts__factory.ts'
import type { ProgramPayouts } from '../../types/ethers-contracts/contracts/ProgramPayouts.ts'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import { NATIVE } from './contracts.ts'
import type { Deployment } from './contracts.ts'
import { requireCode } from './rpc/client.ts'
import type { ChainClient } from './rpc/client.ts'

export type { ProgramPayouts }

export interface ProgramContracts {
  deployment: Deployment
  payouts: ProgramPayouts
  address: Address
  /** No event of it is older. */
  deployBlock: number
  /** Zero address: the chain's own coin. */
  asset: Address
  /** The same as CAIP-19, as the books have it. */
  assetId: string
  /** For showing. */
  unit: { decimals: number; symbol: string }
  /** Decodes a revert of theirs. */
  errors: Interface
}

/** Checks that there is code and that it pays the asset of the file before anything is sent. */
export async function openProgramContracts(
  client: ChainClient,
  deployment: Deployment,
): Promise<ProgramContracts> {
  const recorded = deployment.payouts
  const { chainId } = deployment
  if (recorded === undefined) throw new KeeperError('PAYOUTS_NOT_DEPLOYED', { chainId })
  const { address, asset, decimals, symbol, deployBlock } = recorded
  await requireCode(client, address, 'ProgramPayouts')
  const payouts = ProgramPayouts__factory.connect(address, client.provider)
  const file = `deployment of chain ${chainId}`
  const found = await payouts.asset().catch((error: unknown) => {
    if (isKeeperError(error)) throw error
    const faults = [`ProgramPayouts does not answer: ${messageOf(error)}`]
    throw new KeeperError('DEPLOYMENT_INVALID', { file, faults })
  })
  if (found !== asset) {
    const faults = [`payouts.asset: ${asset} in the file, ${found} on chain`]
    throw new KeeperError('DEPLOYMENT_INVALID', { file, faults })
  }
  return {
    deployment,
    payouts,
    address,
    deployBlock,
    asset,
    assetId: assetIdOf(chainId, asset),
    unit: { decimals, symbol },
    errors: payoutsErrors(),
  }
}

/** Until when nothing leaves; undefined: it is not paused. By the chain's own time. */
export async function pauseOf(
  client: ChainClient,
  { payouts }: Pick<ProgramContracts, 'payouts'>,
): Promise<UnixSeconds | undefined> {
  const until = Number(await payouts.pausedUntil())
  if (until === 0) return undefined
  const now = (await client.block('latest'))?.timestamp ?? 0
  return until > now ? until : undefined
}

export function payoutsErrors(): Interface {
  return new Interface(ProgramPayouts__factory.abi.filter(({ type }) => type === 'error'))
}

export function payoutsFace(): Interface {
  return ProgramPayouts__factory.createInterface()
}

// SLIP-44 number of Ether: what CAIP-19 calls the own coin of an EVM chain.
const COIN = 'slip44:60'

/** CAIP-19, with the token's address in lower case: one asset, one name. */
export function assetIdOf(chainId: number, asset: Address): string {
  return `eip155:${chainId}/${asset === NATIVE ? COIN : `erc20:${asset.toLowerCase()}`}`
}
