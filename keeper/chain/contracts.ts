import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Contract, Interface } from 'ethers'
import { z } from 'zod'
import { HeartbeatRegistry__factory } from '../../types/ethers-contracts/factories/contracts/HeartbeatRegistry__factory.ts'
import { ProgramPayouts__factory } from '../../types/ethers-contracts/factories/contracts/ProgramPayouts__factory.ts'
import { ValidatorRewards__factory } from '../../types/ethers-contracts/factories/contracts/ValidatorRewards__factory.ts'
import { TimelockController__factory } from '../../types/ethers-contracts/factories/@openzeppelin/contracts/governance/TimelockController__factory.ts'
import type { HeartbeatRegistry } from '../../types/ethers-contracts/contracts/HeartbeatRegistry.ts'
import type { ValidatorRewards } from '../../types/ethers-contracts/contracts/ValidatorRewards.ts'
import type { TimelockController } from '../../types/ethers-contracts/@openzeppelin/contracts/governance/TimelockController.ts'
import { KeeperError, isKeeperError, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { addressSchema, hexSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { requireCode } from './rpc/client.ts'
import type { ChainClient } from './rpc/client.ts'

export type { HeartbeatRegistry, ValidatorRewards, TimelockController }

/** The asset of a deployment that pays in the chain's own coin. */
export const NATIVE: Address = '0x0000000000000000000000000000000000000000'

// Larger than any ERC-20 in use declares; ethers refuses more than 80.
const MAX_DECIMALS = 36

const seconds = z.number().int().positive()

/** What pays the programs, which may be in another asset than the validators' pay. */
const payoutsSchema = z.object({
  address: addressSchema,
  asset: addressSchema,
  decimals: z.number().int().min(0).max(MAX_DECIMALS),
  symbol: z.string().min(1),
  deployBlock: z.number().int().nonnegative(),
})

/** One file a chain, written by the deployment and read by everything else. */
export const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  registry: addressSchema,
  rewards: addressSchema,
  timelock: addressSchema,
  extraction: addressSchema,
  asset: addressSchema,
  decimals: z.number().int().min(0).max(MAX_DECIMALS),
  symbol: z.string().min(1),
  firstCut: seconds,
  pushWindow: seconds,
  deployBlock: z.number().int().nonnegative(),
  deployTx: z.record(z.string(), hexSchema),
  sponsor: addressSchema,
  guardian: addressSchema,
  keeper: addressSchema,
  reporter: addressSchema,
  commit: z.string(),
  deployedAt: z.string(),
  /** Written by `muster deploy-payouts`. */
  payouts: payoutsSchema.optional(),
  /** Its claims contract, by program. */
  claims: z.record(z.string(), addressSchema).optional(),
})

export type Deployment = z.output<typeof deploymentSchema>

export interface Contracts {
  deployment: Deployment
  registry: HeartbeatRegistry
  rewards: ValidatorRewards
  timelock: TimelockController
  /** Every custom error of ours, to decode a revert whichever of them it came from. */
  errors: Interface
}

export async function readDeployment(dir: string, chainId: number): Promise<Deployment> {
  const file = fileOf(dir, chainId)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new KeeperError('DEPLOYMENT_MISSING', { chainId, dir })
    }
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
  const deployment = parseDeployment(text, file)
  if (deployment.chainId === chainId) return deployment
  throw invalid(file, [`chainId: ${deployment.chainId} in the file of chain ${chainId}`])
}

/** Written whole or not at all: a reader never sees half a file. */
export async function writeDeployment(dir: string, deployment: Deployment): Promise<string> {
  const file = fileOf(dir, deployment.chainId)
  parseWith(deploymentSchema, deployment, 'deployment')
  await mkdir(dir, { recursive: true })
  await writeFile(`${file}.new`, `${toJson(deployment, 2)}\n`)
  await rename(`${file}.new`, file)
  return file
}

/** Checks that there is code and that the two contracts name each other before anything is sent. */
export async function openContracts(
  client: ChainClient,
  deployment: Deployment,
): Promise<Contracts> {
  const { provider } = client
  await Promise.all([
    requireCode(client, deployment.registry, 'HeartbeatRegistry'),
    requireCode(client, deployment.rewards, 'ValidatorRewards'),
    requireCode(client, deployment.timelock, 'TimelockController'),
  ])
  const contracts: Contracts = {
    deployment,
    registry: HeartbeatRegistry__factory.connect(deployment.registry, provider),
    rewards: ValidatorRewards__factory.connect(deployment.rewards, provider),
    timelock: TimelockController__factory.connect(deployment.timelock, provider),
    errors: errorsOf(),
  }
  await checkBelongTogether(contracts)
  return contracts
}

const TOKEN_ABI = [
  'function decimals() view returns (uint8)',
  'function symbol() view returns (string)',
]

/**
 * For reading, from the rewards contract alone: what it is tied to is asked of the chain, and no file of the
 * operator's is believed. There is no timelock in it, and the powers are not known.
 */
export async function openContractsAt(
  client: ChainClient,
  { rewards: address, fromBlock }: { rewards: Address; fromBlock: number },
): Promise<Contracts> {
  await requireCode(client, address, 'ValidatorRewards')
  const { provider, chainId } = client
  const rewards = ValidatorRewards__factory.connect(address, provider)
  const registryAddress = (await rewards.REGISTRY()) as Address
  const registry = HeartbeatRegistry__factory.connect(registryAddress, provider)
  const [asset, firstCut, pushWindow] = await Promise.all([
    rewards.asset(),
    registry.FIRST_CUT(),
    registry.PUSH_WINDOW(),
  ])
  const unknown = { timelock: NATIVE, extraction: NATIVE, sponsor: NATIVE, guardian: NATIVE }
  const deployment: Deployment = {
    chainId,
    registry: registryAddress,
    rewards: address,
    asset: asset as Address,
    ...(await unitOf(client, asset as Address)),
    firstCut: Number(firstCut),
    pushWindow: Number(pushWindow),
    deployBlock: fromBlock,
    deployTx: {},
    ...unknown,
    keeper: NATIVE,
    reporter: NATIVE,
    commit: '',
    deployedAt: '',
  }
  const timelock = TimelockController__factory.connect(NATIVE, provider)
  const contracts = { deployment, registry, rewards, timelock, errors: errorsOf() }
  await checkBelongTogether(contracts)
  return contracts
}

/** How amounts are written; a token that does not tell is counted in its smallest unit. */
async function unitOf(
  { provider }: ChainClient,
  asset: Address,
): Promise<{ decimals: number; symbol: string }> {
  if (asset === NATIVE) return { decimals: 18, symbol: 'ETH' }
  const token = new Contract(asset, TOKEN_ABI, provider)
  try {
    const decimals = Number(await token.getFunction('decimals')())
    return { decimals, symbol: String(await token.getFunction('symbol')()) }
  } catch {
    return { decimals: 0, symbol: 'units' }
  }
}

function errorsOf(): Interface {
  const abis = [
    ...HeartbeatRegistry__factory.abi,
    ...ValidatorRewards__factory.abi,
    ...TimelockController__factory.abi,
    ...ProgramPayouts__factory.abi,
  ].filter(({ type }) => type === 'error')
  return new Interface(abis)
}

async function checkBelongTogether({ deployment, registry, rewards }: Contracts): Promise<void> {
  const file = `deployment of chain ${deployment.chainId}`
  const facts = await Promise.all([
    registry.rewards(),
    rewards.REGISTRY(),
    registry.FIRST_CUT(),
    rewards.asset(),
  ]).catch((error: unknown) => {
    if (isKeeperError(error)) throw error
    throw invalid(file, [`the contracts do not answer: ${messageOf(error)}`])
  })
  const expected = [deployment.rewards, deployment.registry, deployment.firstCut, deployment.asset]
  const names = ['rewards', 'registry', 'firstCut', 'asset']
  const faults = names.flatMap((name, i) =>
    String(facts[i]) === String(expected[i])
      ? []
      : [`${name}: ${expected[i]} in the file, ${facts[i]} on chain`],
  )
  if (faults.length > 0) throw invalid(file, faults)
}

function parseDeployment(text: string, file: string): Deployment {
  try {
    return parseWith(deploymentSchema, JSON.parse(text), 'deployment')
  } catch (error) {
    const faults = isKeeperError(error) ? error.facts['faults'] : messageOf(error)
    throw invalid(file, faults)
  }
}

function invalid(file: string, faults: unknown): KeeperError {
  return new KeeperError('DEPLOYMENT_INVALID', { file, faults })
}

function fileOf(dir: string, chainId: number): string {
  return join(dir, `${chainId}.json`)
}
