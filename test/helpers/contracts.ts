import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import type { AddressLike, ContractTransactionResponse } from 'ethers'
import { network } from 'hardhat'
import type {
  ERC20Mock,
  Extraction,
  HeartbeatRegistry,
  TimelockController,
  ValidatorRewards,
} from '../../types/ethers-contracts/index.js'

// One in-process network for all files; every test starts from a snapshot of it.
export const { ethers, networkHelpers } = await network.create()
export const { time } = networkHelpers
const pristine = await networkHelpers.takeSnapshot()
let loaded: { fixture: unknown; value: unknown; snapshot: typeof pristine } | undefined

/**
 * The state after `fixture`, on an untouched chain. The last one is kept, so that a file whose tests
 * share a fixture deploys once; Hardhat's own would run a new fixture on top of the last test.
 */
export async function loadFixture<T>(fixture: () => Promise<T>): Promise<T> {
  if (loaded?.fixture === fixture) {
    await loaded.snapshot.restore()
    return loaded.value as T
  }
  await pristine.restore()
  const value = await fixture()
  loaded = { fixture, value, snapshot: await networkHelpers.takeSnapshot() }
  return value
}

export const HOUR = 3_600
export const DAY = 24 * HOUR
export const WORD = 256
export const PUSH_WINDOW = 4 * HOUR
export const NO_CAP = (1n << 128n) - 1n
export const ZERO = ethers.ZeroAddress
/** When the helpers push an hour: a minute after its end, as a keeper would. */
export const PUSH_AFTER = 60
/** Gas for a batch: what a transaction may use at most (EIP-7825). */
export const TX_GAS = 16_777_216n
/** A full roster word is the largest list that the registry takes. */
const MAX_ENTRIES = 256
/** Two reporters and one list of validators. */
const MAX_SETUP_CHANGES = 3

export type Signer = HardhatEthersSigner
export type Tx = Promise<ContractTransactionResponse>

export const DEFAULT_PARAMS: Terms = {
  rateBps: 8_000n,
  minSnapshots: 20n,
  weighted: false,
  payAll: false,
  maxRefused: 16n,
  stipend: 30_000n,
  grace: BigInt(DAY),
  settleDelay: 0n,
  cap: NO_CAP,
}

/** The parameters as decoded from the chain or given to it. */
export interface Terms {
  rateBps: bigint
  minSnapshots: bigint
  weighted: boolean
  payAll: boolean
  maxRefused: bigint
  stipend: bigint
  grace: bigint
  settleDelay: bigint
  cap: bigint
}

/** The recommended stipend of a token: a first transfer writes two fresh slots. */
export const TOKEN_STIPEND = 150_000n

export interface Options {
  token?: boolean
  params?: Partial<Terms>
  /** Validators added before cycle 1. */
  validators?: number
  /** Fund addresses by index; an address made from the index where it says nothing. */
  funds?: AddressLike[]
  weights?: bigint[]
  reporters?: number
  pushWindow?: number
  /** A TimelockController with this delay is the admin; without it a plain account is. */
  timelockDelay?: number
}

export interface System {
  registry: HeartbeatRegistry
  rewards: ValidatorRewards
  extraction: Extraction
  token: ERC20Mock | undefined
  timelock: TimelockController | undefined
  firstCut: number
  deployer: Signer
  admin: Signer
  guardian: Signer
  keeper: Signer
  reporter: Signer
  reporters: Signer[]
  sponsor: Signer
  stranger: Signer
  /** Signers without a role: payees, attackers. */
  others: Signer[]
}

export const nodeOf = (index: number): string => addressAt(0x1000n, index)
export const fundOf = (index: number): string => addressAt(0x2000n, index)

function addressAt(prefix: bigint, index: number): string {
  return ethers.getAddress(ethers.toBeHex((prefix << 144n) | BigInt(index + 1), 20))
}

// ------------------------------------------------------------------ deployment

export async function deploySystem(options: Options = {}): Promise<System> {
  const signers = await ethers.getSigners()
  const [deployer, admin, guardian, keeper, reporter, second, third, sponsor, stranger] = signers
  if (!deployer || !admin || !guardian || !keeper || !reporter) throw new Error('no signers')
  if (!second || !third || !sponsor || !stranger) throw new Error('no signers')
  // A timelock takes its delay for every change before cycle 1.
  const wait = (options.timelockDelay ?? 0) * MAX_SETUP_CHANGES
  const firstCut = nextEvening((await time.latest()) + wait)
  const timelock = await deployTimelock(options.timelockDelay, admin)
  const adminAt = timelock ?? admin
  const token = options.token ? await ethers.deployContract('ERC20Mock') : undefined
  const registry = await ethers.deployContract('HeartbeatRegistry', [
    adminAt,
    guardian,
    reporter,
    firstCut,
    options.pushWindow ?? PUSH_WINDOW,
  ])
  const extraction = await ethers.deployContract('Extraction')
  const rewards = await deployRewards(
    { registry, extraction, token, adminAt, guardian, keeper, sponsor },
    { ...DEFAULT_PARAMS, ...(token ? { stipend: TOKEN_STIPEND } : {}), ...options.params },
  )
  await registry.setRewards(rewards)
  const system: System = {
    registry,
    rewards,
    extraction,
    token,
    timelock,
    firstCut,
    deployer,
    admin,
    guardian,
    keeper,
    reporter,
    reporters: [reporter, second, third].slice(0, options.reporters ?? 1),
    sponsor,
    stranger,
    others: signers.slice(9),
  }
  for (const extra of system.reporters.slice(1))
    await asAdmin(system, 'addReporter', [extra.address])
  await addValidators(system, options.validators ?? 0, options)
  return system
}

/** The first 18:00 UTC that is at least an hour away. */
function nextEvening(now: number): number {
  const evening = 18 * HOUR
  return Math.ceil((now + HOUR - evening) / DAY) * DAY + evening
}

async function deployTimelock(
  delay: number | undefined,
  admin: Signer,
): Promise<TimelockController | undefined> {
  if (delay === undefined) return undefined
  return ethers.deployContract('TimelockController', [delay, [admin], [ZERO], ZERO])
}

export interface RewardsParts {
  registry: AddressLike
  extraction: AddressLike
  token?: AddressLike | undefined
  adminAt: AddressLike
  guardian: AddressLike
  keeper: AddressLike
  sponsor: AddressLike
}

export async function deployRewards(
  parts: RewardsParts,
  params: Terms = DEFAULT_PARAMS,
): Promise<ValidatorRewards> {
  const libraries = { Extraction: await ethers.resolveAddress(parts.extraction) }
  const factory = await ethers.getContractFactory('ValidatorRewards', { libraries })
  const { adminAt, guardian, keeper, registry, token, sponsor } = parts
  return factory.deploy(adminAt, guardian, keeper, registry, token ?? ZERO, sponsor, params)
}

export async function addValidators(
  system: System,
  count: number,
  { funds = [], weights = [] }: Options = {},
): Promise<void> {
  const first = Number(await system.registry.validatorCount())
  for (let done = 0; done < count; done += MAX_ENTRIES) {
    const size = Math.min(MAX_ENTRIES, count - done)
    const entries = await Promise.all(
      Array.from({ length: size }, async (_, i) => ({
        node: nodeOf(first + done + i),
        fund: await ethers.resolveAddress(funds[done + i] ?? fundOf(first + done + i)),
        weight: weights[done + i] ?? 1n,
      })),
    )
    await asAdmin(system, 'addValidators', [entries])
  }
}

/** A registry call by the admin: through the timelock where there is one (with its whole delay). */
export async function asAdmin(system: System, name: string, args: unknown[]): Promise<void> {
  const { registry, timelock, admin } = system
  const data = registry.interface.encodeFunctionData(name as 'addValidators', args as never)
  if (timelock) await throughTimelock(system, await registry.getAddress(), data)
  else await admin.sendTransaction({ to: registry, data })
}

export async function throughTimelock(system: System, to: string, data: string): Promise<void> {
  const { timelock, admin } = system
  if (!timelock) throw new Error('the system has no timelock')
  const delay = await timelock.getMinDelay()
  const call = [to, 0n, data, ethers.ZeroHash, ethers.ZeroHash] as const
  await timelock.connect(admin).schedule(...call, delay)
  await time.increase(delay)
  await timelock.connect(admin).execute(...call)
}

// ------------------------------------------------------------------ time

export const openOf = (system: System, cycle: number): number => system.firstCut + (cycle - 1) * DAY
export const cutOf = (system: System, cycle: number): number => openOf(system, cycle + 1)
/** Hour `h` (0 … 23) of a cycle, in hours since 1970. */
export const hourOf = (system: System, cycle: number, h: number): number =>
  openOf(system, cycle) / HOUR + h

/** Moves the chain to `unix`; a moment that has passed stays as it is. */
export async function toTime(unix: number): Promise<void> {
  if (unix > (await time.latest())) await time.increaseTo(unix)
}

/** The next transaction's block has exactly this time. */
export const nextAt = async (unix: number): Promise<void> => time.setNextBlockTimestamp(unix)
export const toOpen = async (s: System, cycle: number): Promise<void> => toTime(openOf(s, cycle))
export const toCut = async (s: System, cycle: number): Promise<void> => toTime(cutOf(s, cycle))

// ------------------------------------------------------------------ evidence

/** Validators up, as the words of a snapshot. */
export function wordsOf(indices: number[], words: number): bigint[] {
  const list = Array.from({ length: words }, () => 0n)
  for (const i of indices) {
    const w = Math.floor(i / WORD)
    list[w] = (list[w] ?? 0n) | (1n << BigInt(i % WORD))
  }
  return list
}

/** Pushes hour `h` of a cycle at its usual minute, or at once when that has passed. */
export async function pushHour(
  system: System,
  cycle: number,
  h: number,
  online: number[],
  reporter: Signer = system.reporter,
): Promise<ContractTransactionResponse> {
  const hour = hourOf(system, cycle, h)
  await toTime((hour + 1) * HOUR + PUSH_AFTER)
  const words = Number(await system.registry.wordCountOf(cycle))
  return system.registry.connect(reporter).pushStatus(wordsOf(online, words), hour)
}

/** Pushes hours [from, to) of a cycle with the same validators up in all. */
export async function pushHours(
  system: System,
  cycle: number,
  [from, to]: readonly [from: number, to: number],
  online: number[],
  reporter: Signer = system.reporter,
): Promise<void> {
  for (let h = from; h < to; ++h) await pushHour(system, cycle, h, online, reporter)
}

/**
 * Pushes a cycle's hours: `hours[i]` is the number of hours in which validator i is up, its first
 * ones. With several reporters all of them push the same.
 */
export async function pushCycle(
  system: System,
  cycle: number,
  hours: number[],
  snapshots = 24,
): Promise<void> {
  for (let h = 0; h < snapshots; ++h) {
    const online = hours.flatMap((up, i) => (h < up ? [i] : []))
    for (const reporter of system.reporters) await pushHour(system, cycle, h, online, reporter)
  }
}

/** Everybody of `indices` is up all day. */
export const allUp = (count: number): number[] => Array.from({ length: count }, () => 24)
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

// ------------------------------------------------------------------ money

export async function fund(
  system: System,
  amount: bigint,
  from: Signer = system.sponsor,
): Promise<ContractTransactionResponse> {
  const { rewards, token } = system
  if (!token) return rewards.connect(from).fund(amount, { value: amount })
  await token.mint(from, amount)
  await token.connect(from).approve(rewards, amount)
  return rewards.connect(from).fund(amount)
}

/** Pushes the whole cycle and extracts it as the keeper. */
export async function settle(
  system: System,
  cycle: number,
  hours: number[],
): Promise<ContractTransactionResponse> {
  await pushCycle(system, cycle, hours)
  await toCut(system, cycle)
  return system.rewards.connect(system.keeper).extract(cycle)
}

/** The arguments of extractTransfer and sweep that name these validators. */
export function masksOf(indices: number[]): [words: bigint[], masks: bigint[]] {
  const byWord = new Map<number, bigint>()
  for (const i of indices) {
    const w = Math.floor(i / WORD)
    byWord.set(w, (byWord.get(w) ?? 0n) | (1n << BigInt(i % WORD)))
  }
  return [[...byWord.keys()].map(BigInt), [...byWord.values()]]
}

export async function transfer(
  system: System,
  cycle: number,
  indices: number[],
  by: Signer = system.keeper,
): Promise<ContractTransactionResponse> {
  const [words, masks] = masksOf(indices)
  return system.rewards.connect(by).extractTransfer(cycle, words, masks, { gasLimit: TX_GAS })
}

export async function balances(system: System, accounts: AddressLike[]): Promise<bigint[]> {
  const { token } = system
  return Promise.all(
    accounts.map(async (account) =>
      token ? token.balanceOf(account) : ethers.provider.getBalance(account),
    ),
  )
}
