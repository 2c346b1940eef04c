import { join } from 'node:path'
import {
  DeploymentResultType,
  TransactionStatus,
  deploy,
  listTransactions,
} from '@nomicfoundation/ignition-core'
import type {
  DeploymentResult,
  EIP1193Provider,
  IgnitionModule,
} from '@nomicfoundation/ignition-core'
import musterModule from '../../ignition/modules/Muster.ts'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { faultOf } from '../chain/rpc/client.ts'
import type { TxSigner } from '../chain/keys/signer.ts'
import { checkSigned } from '../chain/keys/unsigned.ts'
import { artifactResolver } from './artifacts.ts'
import type { DeployPlan } from './deploy-plan.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'

export interface Deployed {
  timelock: Address
  registry: Address
  extraction: Address
  rewards: Address
  /** By contract; 'setRewards' is the call that joins them. */
  transactions: Record<string, Hex>
}

interface RunOptions {
  client: ChainClient
  signer: TxSigner
  /** Ignition's own journal: an interrupted deployment goes on from there. Undefined: none is kept. */
  journalDir?: string | undefined
}

export interface IgniteOptions extends RunOptions {
  plan: DeployPlan
  onStep?: (done: number) => void
}

export interface ModuleOptions extends RunOptions {
  module: IgnitionModule
  parameters: Record<string, string | number | bigint | boolean>
  onSent?: (hash: Hex) => void
}

/** Transactions of the module: four contracts and setRewards. */
export const DEPLOY_STEPS = 5

// A block of Ethereum takes 12 s; the local chain answers at once.
const POLL_MS = 3_000
const LOCAL_POLL_MS = 25
const BUMP_AFTER_MS = 3 * 60_000
const MAX_BUMPS = 4
// Ignition's own default for public chains.
const CONFIRMATIONS = 5

/** Runs the Ignition module; every transaction is signed by our signer, the key never leaves it. */
export async function ignite(options: IgniteOptions): Promise<Deployed> {
  const { client, plan, journalDir } = options
  const sent: Hex[] = []
  const onSent = (hash: Hex): void => {
    sent.push(hash)
    options.onStep?.(sent.length)
  }
  const parameters = parametersOf(plan)
  const result = await runModule({ ...options, module: musterModule, parameters, onSent })
  const addresses = addressesOf(result)
  const hashes = journalDir === undefined ? sent : await journaledHashes(journalDir)
  return { ...addresses, transactions: await nameTransactions(client, hashes, addresses) }
}

/** Any module of one chain; its contracts are found in the result by 'Module#Contract'. */
export async function runModule(options: ModuleOptions): Promise<DeploymentResult> {
  const { client, signer, module, parameters, journalDir, onSent = () => {} } = options
  const isLocal = client.chainId === LOCAL_CHAIN_ID
  return deploy({
    ignitionModule: module,
    deploymentParameters: { [module.id]: parameters },
    artifactResolver,
    provider: signingProvider(client, signer, onSent),
    accounts: [signer.address],
    defaultSender: signer.address,
    ...(journalDir === undefined ? {} : { deploymentDir: journalDir }),
    config: {
      blockPollingInterval: isLocal ? LOCAL_POLL_MS : POLL_MS,
      timeBeforeBumpingFees: BUMP_AFTER_MS,
      maxFeeBumps: MAX_BUMPS,
      requiredConfirmations: isLocal ? 1 : CONFIRMATIONS,
    },
  }).catch((error: unknown) => {
    throw new KeeperError('DEPLOY_FAILED', { reason: messageOf(error) }, error)
  })
}

/** One that takes another's place has a journal of its own: by the other's, Ignition would find it done. */
export function journalFolder(dir: string, name: string, replaced: Address | undefined): string {
  const own = replaced === undefined ? name : `${name}-after-${replaced.toLowerCase()}`
  return join(dir, 'ignition', own)
}

/** A resumed deployment sent some of them in an earlier run. */
async function journaledHashes(journalDir: string): Promise<Hex[]> {
  const transactions = await listTransactions(journalDir, artifactResolver)
  return transactions
    .filter(({ status }) => status === TransactionStatus.SUCCESS)
    .map(({ txHash }) => txHash as Hex)
}

async function nameTransactions(
  client: ChainClient,
  hashes: Hex[],
  addresses: Record<Names, Address>,
): Promise<Record<string, Hex>> {
  const names: Record<string, string> = {
    [addresses.timelock.toLowerCase()]: 'TimelockController',
    [addresses.registry.toLowerCase()]: 'HeartbeatRegistry',
    [addresses.extraction.toLowerCase()]: 'Extraction',
    [addresses.rewards.toLowerCase()]: 'ValidatorRewards',
  }
  const named = hashes.map(async (hash): Promise<[string, Hex]> => {
    const receipt = await client.request<{ contractAddress: Hex | null }>(
      'eth_getTransactionReceipt',
      [hash],
    )
    return [names[receipt.contractAddress?.toLowerCase() ?? ''] ?? 'setRewards', hash]
  })
  return Object.fromEntries(await Promise.all(named))
}

function parametersOf({ params, ...plan }: DeployPlan): Record<string, string | bigint | boolean> {
  return {
    admin: plan.admin,
    guardian: plan.guardian,
    reporter: plan.reporter,
    keeper: plan.keeper,
    sponsor: plan.sponsor,
    asset: plan.asset,
    timelockDelay: BigInt(plan.timelockDelay),
    firstCut: BigInt(plan.firstCut),
    pushWindow: BigInt(plan.pushWindow),
    weighted: params.weighted,
    payAll: params.payAll,
    rateBps: BigInt(params.rateBps),
    minSnapshots: BigInt(params.minSnapshots),
    maxRefused: BigInt(params.maxRefused),
    stipend: BigInt(params.stipend),
    grace: BigInt(params.grace),
    settleDelay: BigInt(params.settleDelay),
    cap: params.cap,
  }
}

type Names = 'timelock' | 'registry' | 'extraction' | 'rewards'

function addressesOf(result: DeploymentResult): Record<Names, Address> {
  return {
    timelock: addressIn(result, 'Muster#Timelock'),
    registry: addressIn(result, 'Muster#HeartbeatRegistry'),
    extraction: addressIn(result, 'Muster#Extraction'),
    rewards: addressIn(result, 'Muster#ValidatorRewards'),
  }
}

/** DEPLOY_FAILED unless the module is deployed and has it. */
export function addressIn(result: DeploymentResult, id: string): Address {
  if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) {
    throw new KeeperError('DEPLOY_FAILED', { reason: reasonOf(result) })
  }
  const address = result.contracts[id]?.address
  if (address === undefined) throw new KeeperError('DEPLOY_FAILED', { reason: `${id} is missing` })
  return address as Address
}

function reasonOf(result: DeploymentResult): string {
  if (result.type === DeploymentResultType.EXECUTION_ERROR) {
    const failed = result.failed.map(({ futureId, error }) => `${futureId}: ${error}`)
    const timedOut = result.timedOut.map(({ futureId }) => `${futureId} is not mined yet`)
    return [...failed, ...timedOut].join('; ')
  }
  if (result.type === DeploymentResultType.SUCCESSFUL_DEPLOYMENT) return 'done'
  return Object.entries(result.errors)
    .map(([id, errors]) => `${id}: ${errors.join(', ')}`)
    .join('; ')
}

interface RpcTransaction {
  to?: Address
  data?: Hex
  value?: Hex
  gas: Hex
  nonce: Hex
  maxFeePerGas: Hex
  maxPriorityFeePerGas: Hex
}

/** What Ignition sees of the chain: our node, and one account that signs here. */
function signingProvider(
  client: ChainClient,
  signer: TxSigner,
  onSent: (hash: Hex) => void,
): EIP1193Provider {
  return {
    request: async ({ method, params = [] }) => {
      const list = params as unknown[]
      if (method === 'eth_accounts') return [signer.address]
      if (method !== 'eth_sendTransaction') return forward(client, method, list)
      const tx = list[0] as RpcTransaction
      const unsigned = {
        chainId: client.chainId,
        nonce: Number(tx.nonce),
        to: tx.to ?? null,
        data: tx.data ?? '0x',
        value: BigInt(tx.value ?? 0),
        gasLimit: BigInt(tx.gas),
        maxFeePerGas: BigInt(tx.maxFeePerGas),
        maxPriorityFeePerGas: BigInt(tx.maxPriorityFeePerGas),
      }
      const raw = await signer.signTransaction(unsigned)
      const hash = await client.sendRaw(checkSigned(raw, unsigned, signer.address).raw)
      onSent(hash)
      return hash
    },
  }
}

/** Ignition asks what a node may not know (is it automined?) and reads the refusal by its code. */
async function forward(client: ChainClient, method: string, params: unknown[]): Promise<unknown> {
  try {
    return await client.request(method, params)
  } catch (error) {
    if (faultOf(error) === undefined) throw error
    const { message, data } = (error as KeeperError).facts
    throw Object.assign(new KeeperError('RPC_REFUSED', { method, message, fault: 'other' }), {
      code: METHOD_REFUSED,
      data,
    })
  }
}

const METHOD_REFUSED = -32_601
