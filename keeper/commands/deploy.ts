import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Contract } from 'ethers'
import { parseAmount } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, parseWith } from '../base/schema.ts'
import type { Address } from '../base/schema.ts'
import { isoTime, parseIso } from '../base/time.ts'
import type { ChainClient } from '../chain/rpc/client.ts'
import { requireCode } from '../chain/rpc/client.ts'
import { NATIVE, openContracts, readDeployment, writeDeployment } from '../chain/contracts.ts'
import type { Deployment } from '../chain/contracts.ts'
import { openKey } from '../chain/keys/open-key.ts'
import { readKeystoreAddress } from '../chain/keys/signer.ts'
import type { TxSigner } from '../chain/keys/signer.ts'
import type { Role } from '../config.ts'
import { ROOT } from './artifacts.ts'
import type { Report, Run } from './command.ts'
import { checkDeployed } from './deploy-check.ts'
import type { DeployPlan } from './deploy-plan.ts'
import {
  DEFAULT_PUSH_WINDOW,
  NO_CAP,
  checkPlan,
  defaultFirstCut,
  defaultParams,
  defaultTimelockDelay,
  hours,
  powersOf,
} from './deploy-plan.ts'
import { explorerOf } from './explorer.ts'
import { DEPLOY_STEPS, ignite } from './ignite.ts'
import type { Deployed } from './ignite.ts'
import { LOCAL_CHAIN_ID, testAddress } from './local-accounts.ts'
import { money, shownTime, table } from './print.ts'
import { showProgress } from './progress.ts'
import { openClient, openSigner } from './session.ts'

export interface DeployOptions {
  admin?: string
  guardian?: string
  reporter?: string
  keeper?: string
  sponsor?: string
  token?: string
  firstCut?: string
  pushWindow?: string
  timelockDelay?: string
  rate?: string
  minSnapshots?: string
  weighted?: boolean
  payAll?: boolean
  maxRefused?: string
  stipend?: string
  grace?: string
  settleDelay?: string
  cap?: string
  dryRun?: boolean
  force?: boolean
  verify?: boolean
  explorer?: string
}

export async function deployCommand(run: Run, options: DeployOptions): Promise<Report> {
  explorerOf(options.explorer, 'deploy')
  const client = await openClient(run)
  try {
    const signer = await openSigner(run, 'deployer', client.chainId)
    const asset = await readAsset(client, options.token)
    const plan = await makePlan(run, client, signer, asset, options)
    const planned = planLines(plan, asset, `${run.config.dailyTime} ${run.config.zone}`)
    if (options.dryRun === true) {
      const lines = [...planned, '', 'Dry run: nothing was sent.']
      return { json: { dryRun: true, plan }, lines }
    }
    if (options.force !== true) await refuseSecond(run, client)
    for (const line of planned) run.note(line)
    const { deployment, file } = await carryOut(run, client, signer, plan, asset)
    const verified = options.verify === true ? await verify(run, client, deployment, options) : []
    return {
      json: { file, ...deployment, verified },
      lines: deployedLines(deployment, file, verified),
    }
  } finally {
    client.close()
  }
}

/** Hardhat is loaded only when it is needed: it takes a second. */
async function verify(
  run: Run,
  client: ChainClient,
  deployment: Deployment,
  { explorer }: DeployOptions,
): Promise<string[]> {
  const { verifySources } = await import('./verify.ts')
  return verifySources(run, client, deployment, explorerOf(explorer, 'deploy'))
}

/** The same without a conversation: for the demo, whose parameters are known to be good. */
export async function deployFor(
  run: Run,
  client: ChainClient,
  signer: TxSigner,
  options: DeployOptions,
): Promise<{ deployment: Deployment; file: string }> {
  const asset = await readAsset(client, options.token)
  return carryOut(run, client, signer, await makePlan(run, client, signer, asset, options), asset)
}

export interface AssetFacts {
  address: Address
  decimals: number
  symbol: string
}

async function carryOut(
  run: Run,
  client: ChainClient,
  signer: TxSigner,
  plan: DeployPlan,
  asset: AssetFacts,
): Promise<{ deployment: Deployment; file: string }> {
  const progress = showProgress('deploying', run.clock)
  // A local chain comes and goes; its journal would speak of contracts that are no more.
  const isLocal = plan.chainId === LOCAL_CHAIN_ID
  const journalDir = isLocal
    ? undefined
    : join(run.config.deploymentsDir, 'ignition', `chain-${plan.chainId}`)
  const before = await client.blockNumber()
  const deployed = await ignite({
    client,
    signer,
    plan,
    journalDir,
    onStep: (done) => progress.update(done, DEPLOY_STEPS),
  }).finally(() => progress.stop())
  const deployment = await recordOf(run, client, plan, asset, deployed, before)
  await checkDeployed(await openContracts(client, deployment), plan)
  const file = await writeDeployment(run.config.deploymentsDir, deployment)
  return { deployment, file }
}

async function refuseSecond({ config, note }: Run, client: ChainClient): Promise<void> {
  const { chainId } = client
  const file = join(config.deploymentsDir, `${chainId}.json`)
  if (!existsSync(file)) return
  const { registry } = await readDeployment(config.deploymentsDir, chainId)
  if (chainId === LOCAL_CHAIN_ID && (await client.codeAt(registry)) === '0x') {
    note(`note: the local chain is a new one; ${file} spoke of the one before`)
    return
  }
  throw new KeeperError('DEPLOYMENT_EXISTS', { chainId, registry, file })
}

/** Name, decimals and code of the token; the coin of the chain is ETH with 18. */
export async function readAsset(
  client: ChainClient,
  token: string | undefined,
): Promise<AssetFacts> {
  if (token === undefined) return { address: NATIVE, decimals: 18, symbol: 'ETH' }
  const address = parseWith(addressSchema, token, 'token')
  await requireCode(client, address, 'ERC-20 token')
  const abi = [
    'function decimals() view returns (uint8)',
    'function symbol() view returns (string)',
  ]
  const contract = new Contract(address, abi, client.provider)
  try {
    const decimals = Number(await contract.getFunction('decimals')())
    return { address, decimals, symbol: String(await contract.getFunction('symbol')()) }
  } catch {
    const faults = [`token ${address} does not tell its decimals and symbol`]
    throw new KeeperError('DEPLOY_PARAMS_INVALID', { faults })
  }
}

async function makePlan(
  run: Run,
  client: ChainClient,
  signer: TxSigner,
  asset: AssetFacts,
  options: DeployOptions,
): Promise<DeployPlan> {
  const { zone, dailyTime } = run.config
  const { chainId } = client
  const isNative = asset.address === NATIVE
  const latest = await client.block('latest')
  // The local chain may live in another year; elsewhere the clock and the chain agree.
  const now = chainId === LOCAL_CHAIN_ID && latest ? latest.timestamp : run.clock.now()
  const defaults = defaultParams(chainId, isNative)
  const plan: DeployPlan = {
    chainId,
    deployer: signer.address,
    admin: await addressOf(run, chainId, 'admin', options.admin),
    guardian: await addressOf(run, chainId, 'guardian', options.guardian),
    reporter: await addressOf(run, chainId, 'reporter', options.reporter),
    keeper: await addressOf(run, chainId, 'keeper', options.keeper),
    sponsor: sponsorOf(chainId, signer, options.sponsor),
    asset: asset.address,
    timelockDelay: numberOr(options, 'timelockDelay', defaultTimelockDelay(chainId)),
    firstCut: options.firstCut ? parseIso(options.firstCut) : defaultFirstCut(zone, dailyTime, now),
    pushWindow: numberOr(options, 'pushWindow', DEFAULT_PUSH_WINDOW),
    params: {
      rateBps: numberOr(options, 'rate', defaults.rateBps),
      minSnapshots: numberOr(options, 'minSnapshots', defaults.minSnapshots),
      weighted: options.weighted ?? defaults.weighted,
      payAll: options.payAll ?? defaults.payAll,
      maxRefused: numberOr(options, 'maxRefused', defaults.maxRefused),
      stipend: numberOr(options, 'stipend', defaults.stipend),
      grace: numberOr(options, 'grace', defaults.grace),
      settleDelay: numberOr(options, 'settleDelay', defaults.settleDelay),
      cap: options.cap ? parseAmount(options.cap, asset.decimals) : defaults.cap,
    },
  }
  checkPlan(plan, zone, dailyTime, now)
  return plan
}

type NumberOption =
  | 'timelockDelay'
  | 'pushWindow'
  | 'rate'
  | 'minSnapshots'
  | 'maxRefused'
  | 'stipend'
  | 'grace'
  | 'settleDelay'

function numberOr(options: DeployOptions, name: NumberOption, fallback: number): number {
  const text = options[name]
  if (text === undefined) return fallback
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  const what = `${flag} "${text}" is not a whole number`
  throw new KeeperError('USAGE', { what, command: 'deploy' })
}

/** A flag, the role's key (a keystore's address is readable without the password), or a test account. */
async function addressOf(
  { config }: Run,
  chainId: number,
  role: Role,
  flag: string | undefined,
): Promise<Address> {
  if (flag !== undefined) return parseWith(addressSchema, flag, role)
  const { signer, keystore } = config.keys[role]
  if (signer.kind !== 'keystore') return (await openKey(config.keys[role], config)).address
  if (existsSync(keystore)) return readKeystoreAddress(keystore)
  if (chainId === LOCAL_CHAIN_ID) return testAddress(role)
  const env = `MUSTER_${role.toUpperCase()}_KEYSTORE or --${role}`
  throw new KeeperError('KEY_NOT_CONFIGURED', { role, env })
}

function sponsorOf(chainId: number, signer: TxSigner, flag: string | undefined): Address {
  if (flag !== undefined) return parseWith(addressSchema, flag, 'sponsor')
  return chainId === LOCAL_CHAIN_ID ? testAddress('sponsor') : signer.address
}

function planLines(plan: DeployPlan, asset: AssetFacts, daily: string): string[] {
  const { params } = plan
  return [
    `Deployment on chain ${plan.chainId}, paying ${asset.symbol}`,
    ...table(
      ['parameter', 'value'],
      [
        ['first cut', `${shownTime(plan.firstCut)} (cycle 1 opens)`],
        ['settled daily', `${daily}, the cycles that are closed by then (R-02)`],
        ['push window', hours(plan.pushWindow)],
        ['timelock delay', hours(plan.timelockDelay)],
        ['asset', asset.address === NATIVE ? 'native coin' : asset.address],
        ['online rate', `${params.rateBps} bps of at least ${params.minSnapshots} snapshots`],
        ['split', params.weighted ? 'by weight' : 'equal'],
        ['nobody eligible', params.payAll ? 'everybody is paid' : 'the pool carries'],
        ['stipend, refusals', `${params.stipend} gas a payee, ${params.maxRefused} a batch`],
        ['grace, settle delay', `${hours(params.grace)}, ${hours(params.settleDelay)}`],
        ['cap of a cycle', params.cap === NO_CAP ? 'none' : money(params.cap, asset)],
      ],
    ),
    'Powers',
    ...table(['who', 'address', 'may'], powersOf(plan)),
  ]
}

async function recordOf(
  run: Run,
  client: ChainClient,
  plan: DeployPlan,
  asset: AssetFacts,
  deployed: Deployed,
  before: number,
): Promise<Deployment> {
  const { transactions, ...addresses } = deployed
  const hashes = Object.values(transactions)
  const receipts = await Promise.all(hashes.map((hash) => client.receipt(hash)))
  const blocks = receipts.flatMap((receipt) => (receipt ? [receipt.blockNumber] : []))
  return {
    chainId: plan.chainId,
    ...addresses,
    asset: asset.address,
    decimals: asset.decimals,
    symbol: asset.symbol,
    firstCut: plan.firstCut,
    pushWindow: plan.pushWindow,
    // Logs are read from here on; a resumed deployment may have started before this run.
    deployBlock: Math.min(before + 1, ...blocks),
    deployTx: transactions,
    sponsor: plan.sponsor,
    guardian: plan.guardian,
    keeper: plan.keeper,
    reporter: plan.reporter,
    commit: commitOf(),
    deployedAt: isoTime(run.clock.now()),
  }
}

/** Which sources these contracts are; 'unknown' outside a git checkout. */
function commitOf(): string {
  try {
    const options = {
      cwd: ROOT,
      encoding: 'utf8' as const,
      stdio: ['ignore', 'pipe', 'ignore'] as never,
    }
    return execFileSync('git', ['rev-parse', 'HEAD'], options).trim()
  } catch {
    return 'unknown'
  }
}

function deployedLines(deployment: Deployment, file: string, verified: string[]): string[] {
  const { registry, rewards, timelock, extraction } = deployment
  return [
    `Deployed on chain ${deployment.chainId}; recorded in ${file}`,
    ...table(
      ['contract', 'address'],
      [
        ['HeartbeatRegistry', registry],
        ['ValidatorRewards', rewards],
        ['Extraction', extraction],
        ['TimelockController', timelock],
      ],
    ),
    `Checked: the admin is the timelock with its delay, and the deployer has no role.`,
    ...(verified.length > 0 ? [`Sources verified: ${verified.join(', ')}`] : []),
    'Next: muster validators import FILE, then muster fund AMOUNT',
  ]
}
