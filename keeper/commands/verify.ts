import { resolve } from 'node:path'
import hardhatVerify from '@nomicfoundation/hardhat-verify'
import { verifyContract } from '@nomicfoundation/hardhat-verify/verify'
import { AbiCoder, Interface } from 'ethers'
import { createHardhatRuntimeEnvironment, importUserConfig } from 'hardhat/hre'
import type { HardhatUserConfig } from 'hardhat/config'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import { KeeperError, messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import type { Deployment } from '../chain/contracts.ts'
import { readDeployment } from '../chain/contracts.ts'
import { ROOT, fullName, readArtifact } from './artifacts.ts'
import type { Report, Run } from './command.ts'
import { explorerOf } from './explorer.ts'
import type { Explorer } from './explorer.ts'
import { LOCAL_CHAIN_ID } from './local-accounts.ts'
import { openClient } from './session.ts'

export async function verifyCommand(run: Run, options: { explorer?: string }): Promise<Report> {
  const client = await openClient(run)
  try {
    const deployment = await readDeployment(run.config.deploymentsDir, client.chainId)
    const explorer = explorerOf(options.explorer, 'verify-source')
    const verified = await verifySources(run, client, deployment, explorer)
    return { json: { explorer, verified }, lines: [`Sources verified: ${verified.join(', ')}`] }
  } finally {
    client.close()
  }
}

/** Sends the sources to a block explorer, with the constructor arguments read back from the chain. */
export async function verifySources(
  run: Run,
  client: ChainClient,
  deployment: Deployment,
  explorer: Explorer,
): Promise<string[]> {
  refuseHopeless(run, deployment, explorer)
  const hre = await openHardhat(run, explorer)
  const verified: string[] = []
  for (const [name, address] of contractsOf(deployment)) {
    const libraries = name === 'ValidatorRewards' ? { Extraction: deployment.extraction } : {}
    const constructorArgs = await constructorArgsOf(client, deployment, name)
    const about = { address, contract: fullName(name), constructorArgs, libraries }
    await verifyContract({ ...about, provider: explorer }, hre).catch((error: unknown) => {
      throw new KeeperError('VERIFY_IMPOSSIBLE', { name, address, reason: messageOf(error) }, error)
    })
    verified.push(name)
  }
  return verified
}

function refuseHopeless({ config }: Run, deployment: Deployment, explorer: Explorer): void {
  const facts = { name: 'ValidatorRewards', address: deployment.rewards }
  if (deployment.chainId === LOCAL_CHAIN_ID) {
    throw new KeeperError('VERIFY_IMPOSSIBLE', {
      ...facts,
      reason: 'no explorer sees a local chain',
    })
  }
  if (explorer === 'etherscan' && config.etherscanApiKey === undefined) {
    throw new KeeperError('VERIFY_IMPOSSIBLE', { ...facts, reason: 'ETHERSCAN_API_KEY is not set' })
  }
}

async function openHardhat(
  { config }: Run,
  explorer: Explorer,
): Promise<HardhatRuntimeEnvironment> {
  const file = resolve(ROOT, 'hardhat.config.ts')
  const base = await importUserConfig(file)
  const wanted: HardhatUserConfig = {
    ...base,
    plugins: [...(base.plugins ?? []), hardhatVerify],
    networks: { target: { type: 'http', chainType: 'l1', url: config.rpcUrl[0] } },
    verify: explorer === 'etherscan' ? { etherscan: { apiKey: config.etherscanApiKey ?? '' } } : {},
  }
  return createHardhatRuntimeEnvironment(wanted, { config: file, network: 'target' }, ROOT)
}

function contractsOf(deployment: Deployment): [string, Address][] {
  return [
    ['TimelockController', deployment.timelock],
    ['HeartbeatRegistry', deployment.registry],
    ['Extraction', deployment.extraction],
    ['ValidatorRewards', deployment.rewards],
  ]
}

/** What follows the bytecode in the creating transaction. */
async function constructorArgsOf(
  client: ChainClient,
  deployment: Deployment,
  name: string,
): Promise<unknown[]> {
  const { abi, bytecode } = await readArtifact(name)
  const { inputs } = new Interface(abi).deploy
  if (inputs.length === 0) return []
  const hash = deployment.deployTx[name]
  const tx =
    hash && (await client.request<{ input: Hex } | null>('eth_getTransactionByHash', [hash]))
  if (!tx) {
    const address = Object.fromEntries(contractsOf(deployment))[name]
    throw new KeeperError('VERIFY_IMPOSSIBLE', {
      name,
      address,
      reason: 'its transaction is unknown',
    })
  }
  const args = `0x${tx.input.slice(bytecode.length)}`
  return AbiCoder.defaultAbiCoder().decode(inputs, args).toArray(true)
}
