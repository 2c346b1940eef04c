// The contracts deployed for measuring: a roster, cycles on the grid, and the day's calls with their receipts.
import { ethers } from 'ethers'
import { artifacts } from 'hardhat'
import { SECONDS_PER_CYCLE, SECONDS_PER_HOUR } from '../../keeper/base/time.ts'
import type { GasChain, Receipt } from './chain.ts'

export const WORD = 256
export const HOURS = 24
/** The registry's MAX_ENTRIES: one roster word in a transaction. */
const MAX_ENTRIES = 256
const PUSH_WINDOW = 4 * SECONDS_PER_HOUR
/** A cut in 2100: later than any clock at which the harness starts, and the same in every run. */
const FIRST_CUT = 4_102_509_600

export interface SystemOptions {
  asset: 'native' | 'GasToken' | 'GasTokenBlocklist'
  weighted: boolean
  validators: number
  /** When cycle 1 opens. */
  firstCut?: number
  nodeOf?: (index: number) => string
  fundOf?: (index: number) => string
  weightOf?: (index: number) => bigint
}

export interface System {
  chain: GasChain
  options: SystemOptions
  registry: string
  rewards: string
  token: string
  words: number
  registered: Receipt[]
  fund(amount: bigint): Promise<void>
  /** Pushes hour h (0 to 23) of a cycle, at the end of that hour. */
  push(cycle: number, hour: number, words: bigint[]): Promise<Receipt>
  extract(cycle: number): Promise<Receipt>
  /** Settles a cycle without evidence, after its last push window. */
  rollOver(cycle: number): Promise<Receipt>
  extractPage(cycle: number, maxWords: number): Promise<Receipt>
  transfer(cycle: number, words: number[], masks: bigint[]): Promise<Receipt>
  /** A view of either contract, by name, or by signature where it is overloaded. */
  read(call: string, args: unknown[]): Promise<ethers.Result>
}

export async function openSystem(chain: GasChain, options: SystemOptions): Promise<System> {
  const [admin = '', reporter = '', keeper = ''] = chain.accounts
  const deployed = await deploy(chain, options)
  const { registry, rewards, token } = deployed
  const firstCut = options.firstCut ?? FIRST_CUT
  const registryAbi = await abiOf('HeartbeatRegistry')
  const rewardsAbi = await abiOf('ValidatorRewards')
  const call = async (
    from: string,
    name: string,
    args: unknown[],
    value?: bigint,
  ): Promise<Receipt> => {
    const ofRegistry = registryAbi.getFunction(name) !== null
    const abi = ofRegistry ? registryAbi : rewardsAbi
    const data = abi.encodeFunctionData(name, args)
    const to = ofRegistry ? registry : rewards
    return chain.send({ from, to, data, ...(value === undefined ? {} : { value }) })
  }
  const registered = await register(options, async (entries) =>
    call(admin, 'addValidators', [entries]),
  )
  const afterCut = async (cycle: number, seconds: number): Promise<void> => {
    await chain.warp(firstCut + cycle * SECONDS_PER_CYCLE + seconds)
  }
  return {
    chain,
    options,
    registry,
    rewards,
    token,
    words: Math.ceil(options.validators / WORD),
    registered,
    fund: async (amount) => {
      if (token === ethers.ZeroAddress) await call(keeper, 'fund', [amount], amount)
      else await fundTokens(chain, deployed, amount)
    },
    push: async (cycle, hour, words) => {
      const first = firstCut / SECONDS_PER_HOUR + (cycle - 1) * HOURS
      await chain.warp((first + hour + 1) * SECONDS_PER_HOUR)
      return call(reporter, 'pushStatus', [words, first + hour])
    },
    extract: async (cycle) => {
      await afterCut(cycle, 0)
      return call(keeper, 'extract', [cycle])
    },
    rollOver: async (cycle) => {
      await afterCut(cycle, PUSH_WINDOW)
      return call(keeper, 'extract', [cycle])
    },
    extractPage: async (cycle, maxWords) => {
      await afterCut(cycle, 0)
      return call(keeper, 'extractPage', [cycle, maxWords])
    },
    transfer: async (cycle, words, masks) => call(keeper, 'extractTransfer', [cycle, words, masks]),
    read: async (name, args) =>
      registryAbi.getFunction(name) === null
        ? read(chain, rewards, rewardsAbi, name, args)
        : read(chain, registry, registryAbi, name, args),
  }
}

export async function abiOf(name: string): Promise<ethers.Interface> {
  const { abi } = await artifacts.readArtifact(name)
  return new ethers.Interface(abi)
}

async function read(
  chain: GasChain,
  to: string,
  abi: ethers.Interface,
  name: string,
  args: unknown[],
): Promise<ethers.Result> {
  const data = abi.encodeFunctionData(name, args)
  const answer = await chain.request('eth_call', [{ to, data }, 'latest'])
  return abi.decodeFunctionResult(name, String(answer))
}

interface Deployed {
  registry: string
  rewards: string
  token: string
}

async function deploy(chain: GasChain, options: SystemOptions): Promise<Deployed> {
  const [admin = '', reporter = '', keeper = ''] = chain.accounts
  const native = options.asset === 'native'
  const token = native ? ethers.ZeroAddress : await create(chain, options.asset, [])
  const registry = await create(chain, 'HeartbeatRegistry', [
    admin,
    admin,
    reporter,
    options.firstCut ?? FIRST_CUT,
    PUSH_WINDOW,
  ])
  const extraction = await create(chain, 'Extraction', [])
  const params = {
    rateBps: 8_000,
    minSnapshots: 20,
    weighted: options.weighted,
    payAll: false,
    maxRefused: 16,
    stipend: native ? 30_000 : 150_000,
    grace: SECONDS_PER_CYCLE,
    settleDelay: 0,
    cap: 2n ** 128n - 1n,
  }
  const args = [admin, admin, keeper, registry, token, admin, params]
  const rewards = await create(chain, 'ValidatorRewards', args, extraction)
  const data = (await abiOf('HeartbeatRegistry')).encodeFunctionData('setRewards', [rewards])
  await chain.send({ from: admin, to: registry, data })
  return { registry, rewards, token }
}

/** Deploys one of our contracts. */
export async function create(
  chain: GasChain,
  name: string,
  args: unknown[],
  library?: string,
): Promise<string> {
  const artifact = await artifacts.readArtifact(name)
  const placeholder = /__\$[0-9a-f]{34}\$__/g
  const bytecode = artifact.bytecode.replace(placeholder, (library ?? '').slice(2).toLowerCase())
  const data = bytecode + (await abiOf(name)).encodeDeploy(args).slice(2)
  const receipt = await chain.send({ from: chain.accounts[0] ?? '', data })
  return ethers.getAddress(receipt.contractAddress ?? '')
}

async function register(
  options: SystemOptions,
  add: (entries: unknown[]) => Promise<Receipt>,
): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for (let first = 0; first < options.validators; first += MAX_ENTRIES) {
    const count = Math.min(MAX_ENTRIES, options.validators - first)
    const indices = Array.from({ length: count }, (_, i) => first + i)
    receipts.push(await add(indices.map((index) => entryOf(options, index))))
  }
  return receipts
}

function entryOf(
  options: SystemOptions,
  index: number,
): { node: string; fund: string; weight: bigint } {
  return {
    node: options.nodeOf?.(index) ?? addressOf('node', index),
    fund: options.fundOf?.(index) ?? addressOf('fund', index),
    weight: options.weightOf?.(index) ?? 1n,
  }
}

/** Made-up addresses without zero bytes of note: as real ones, they cost full calldata gas. */
export function addressOf(what: string, index: number): string {
  return `0x${ethers.id(`${what} ${index}`).slice(26)}`
}

async function fundTokens(chain: GasChain, deployed: Deployed, amount: bigint): Promise<void> {
  const from = chain.accounts[2] ?? ''
  const token = await abiOf('GasToken')
  const rewards = await abiOf('ValidatorRewards')
  const calls: [string, string][] = [
    [deployed.token, token.encodeFunctionData('mint', [from, amount])],
    [deployed.token, token.encodeFunctionData('approve', [deployed.rewards, amount])],
    [deployed.rewards, rewards.encodeFunctionData('fund', [amount])],
  ]
  for (const [to, data] of calls) await chain.send({ from, to, data })
}
