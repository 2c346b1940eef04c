import { readFile } from 'node:fs/promises'
import { Contract, ContractFactory, NonceManager, Wallet, ZeroAddress, ZeroHash } from 'ethers'
import type { InterfaceAbi, Signer } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { openContracts } from '../../keeper/chain/contracts.ts'
import type { Contracts, Deployment } from '../../keeper/chain/contracts.ts'
import { toBatches } from '../../keeper/validators/roster-file.ts'

// Hardhat's well-known accounts: worth nothing anywhere else.
export const KEYS = {
  admin: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  reporter: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  keeper: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  guardian: '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  stranger: '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
} as const

export interface Terms {
  rateBps: number
  minSnapshots: number
  weighted: boolean
  payAll: boolean
  maxRefused: number
  stipend: number
  grace: number
  settleDelay: number
  cap: bigint
}

const DEFAULT_TERMS: Terms = {
  rateBps: 8e3,
  minSnapshots: 20,
  weighted: false,
  payAll: false,
  maxRefused: 16,
  stipend: 3e4,
  grace: 86_400,
  settleDelay: 0,
  cap: 2n ** 128n - 1n,
}

export interface DeployOptions {
  firstCut: number
  pushWindow?: number
  terms?: Partial<Terms>
}

export interface Member {
  node: string
  fund: string
  weight?: bigint
}

export interface Muster extends Contracts {
  admin: Signer
  /** A call of the admin, through the timelock. */
  asAdmin(to: Address, data: string): Promise<void>
  addMembers(members: readonly Member[]): Promise<void>
  fund(amount: bigint): Promise<void>
}

/** The system as an operator has it: registry, library, rewards, and a timelock without delay. */
export async function deployMuster(client: ChainClient, options: DeployOptions): Promise<Muster> {
  // Its own nonce: a node that mines at once still answers with yesterday's count for a moment.
  const admin = new NonceManager(new Wallet(KEYS.admin, client.provider))
  const addresses = addressesOf()
  const adminAddress = await admin.getAddress()
  const timelock = await create(admin, TIMELOCK, [0, [adminAddress], [ZeroAddress], ZeroAddress])
  const { guardian, reporter, keeper } = addresses
  const { firstCut, pushWindow = 4 * 3_600, terms } = options
  const registry = await create(admin, REGISTRY, [
    timelock,
    guardian,
    reporter,
    firstCut,
    pushWindow,
  ])
  const extraction = await create(admin, EXTRACTION, [])
  const rewards = await create(
    admin,
    REWARDS,
    [
      timelock,
      guardian,
      keeper,
      registry,
      ZeroAddress,
      adminAddress,
      { ...DEFAULT_TERMS, ...terms },
    ],
    extraction,
  )
  const deployment: Deployment = {
    chainId: client.chainId,
    registry,
    rewards,
    timelock,
    extraction,
    asset: ZeroAddress as Address,
    decimals: 18,
    symbol: 'ETH',
    firstCut,
    pushWindow,
    deployBlock: 0,
    deployTx: {},
    sponsor: adminAddress as Address,
    ...addresses,
    commit: 'test',
    deployedAt: '2024-11-22T00:00:00Z',
  }
  const { abi } = await artifactOf(REGISTRY)
  const call = await new Contract(registry, abi, admin).getFunction('setRewards').send(rewards)
  await call.wait()
  return musterOf(await openContracts(client, deployment), admin)
}

function musterOf(contracts: Contracts, admin: Signer): Muster {
  const { registry, rewards, timelock, deployment } = contracts
  const asAdmin = async (to: Address, data: string): Promise<void> => {
    const call = [to, 0n, data, ZeroHash, ZeroHash] as const
    await (await timelock.connect(admin).schedule(...call, 0)).wait()
    await (await timelock.connect(admin).execute(...call)).wait()
  }
  return {
    ...contracts,
    admin,
    asAdmin,
    addMembers: async (members) => {
      const rows = members.map(({ node, fund, weight = 1n }) => ({
        node,
        fund,
        weight,
      }))
      const first = Number(await registry.validatorCount())
      for (const batch of toBatches(rows as never, first)) {
        const data = registry.interface.encodeFunctionData('addValidators', [batch])
        await asAdmin(deployment.registry, data)
      }
    },
    fund: async (amount) => {
      await (await rewards.connect(admin).fund(amount, { value: amount })).wait()
    },
  }
}

const REGISTRY = 'contracts/HeartbeatRegistry.sol/HeartbeatRegistry'
const REWARDS = 'contracts/ValidatorRewards.sol/ValidatorRewards'
const EXTRACTION = 'contracts/rewards/Extraction.sol/Extraction'
const TIMELOCK = '@openzeppelin/contracts/governance/TimelockController.sol/TimelockController'

interface Artifact {
  abi: InterfaceAbi
  bytecode: string
}

async function artifactOf(name: string): Promise<Artifact> {
  const file = new URL(`../../artifacts/${name}.json`, import.meta.url)
  return JSON.parse(await readFile(file, 'utf8')) as Artifact
}

async function create(
  signer: Signer,
  name: string,
  args: unknown[],
  library?: Address,
): Promise<Address> {
  const { abi, bytecode } = await artifactOf(name)
  // A link is a placeholder of the length of an address; only one library is linked.
  const linked = bytecode.replaceAll(
    /__\$[0-9a-f]{34}\$__/g,
    (library ?? '').slice(2).toLowerCase(),
  )
  const contract = await new ContractFactory(abi, linked, signer).deploy(...args)
  await contract.waitForDeployment()
  return (await contract.getAddress()) as Address
}

function addressesOf(): { guardian: Address; reporter: Address; keeper: Address } {
  const of = (key: Hex): Address => new Wallet(key).address as Address
  return { guardian: of(KEYS.guardian), reporter: of(KEYS.reporter), keeper: of(KEYS.keeper) }
}
