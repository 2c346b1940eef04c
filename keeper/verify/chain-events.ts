import { Interface } from 'ethers'
import type { ParamType, Result } from 'ethers'
import { HeartbeatRegistry__factory } from '../../types/ethers-contracts/factories/contracts/HeartbeatRegistry__factory.ts'
import { ValidatorRewards__factory } from '../../types/ethers-contracts/factories/contracts/ValidatorRewards__factory.ts'
import type { Wei } from '../base/amount.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle, Hour, UnixSeconds } from '../base/time.ts'

/** Where in the chain an event stands. */
export interface Place {
  block: number
  time: UnixSeconds
  tx: Hex
  logIndex: number
}

/** Parameters of a cycle, as `ParamsSet` tells them. */
export interface Terms {
  rateBps: number
  minSnapshots: number
  weighted: boolean
  payAll: boolean
  grace: number
  settleDelay: number
  cap: Wei
}

type Payment = { cycle: Cycle; index: number; to: Address; amount: Wei }

/** Every event that says something about who is paid what. */
export interface EventArgs {
  SnapshotPushed: { hour: Hour; reporter: Address; words: bigint[] }
  RecordFrozen: { cycle: Cycle }
  RecordCleared: { cycle: Cycle }
  ValidatorAdded: {
    index: number
    node: Address
    fund: Address
    weight: bigint
    activeFrom: Cycle
  }
  ValidatorRemoved: { index: number; activeTo: Cycle }
  FundChanged: { index: number; fund: Address; fromCycle: Cycle }
  WeightChanged: { index: number; weight: bigint; fromCycle: Cycle }
  FundRedirected: { fund: Address; to: Address; indices: number[] }
  ReporterAdded: { reporter: Address; seat: number; fromCycle: Cycle }
  ReporterRemoved: { reporter: Address; seat: number; toCycle: Cycle }
  ReporterExpelled: { reporter: Address; seat: number }
  ParamsSet: { fromCycle: Cycle; params: Terms }
  CapLowered: { cap: Wei }
  Funded: { from: Address; cycle: Cycle; amount: Wei }
  Skimmed: { cycle: Cycle; amount: Wei }
  CountStarted: { cycle: Cycle; pool: Wei }
  Counted: { cycle: Cycle; firstWord: bigint; words: bigint[] }
  Extracted: {
    cycle: Cycle
    snapshots: number
    eligible: number
    pool: Wei
    allocated: Wei
    carried: Wei
    weightSum: bigint
    weighted: boolean
  }
  CycleRolledOver: { cycle: Cycle; reason: number; snapshots: number; missing: number }
  Shortfall: { cycle: Cycle; balance: Wei; owed: Wei }
  CycleVoided: { cycle: Cycle; returned: Wei }
  Paid: { cycle: Cycle; words: { word: bigint; mask: bigint }[] }
  PaymentRefused: Payment & { credited: boolean }
  Claimed: Payment
  Swept: Payment
  Withdrawn: { account: Address; to: Address; amount: Wei }
  CreditMoved: { account: Address; to: Address; amount: Wei }
  ReturnedToSponsor: { sponsor: Address; amount: Wei }
  PausedUntil: { until: bigint }
  RoleGranted: { role: Hex; account: Address }
  RoleRevoked: { role: Hex; account: Address }
  /** Of the token that is paid in; in no deployment of the native coin. */
  Transfer: { from: Address; to: Address; value: Wei }
}

export type EventName = keyof EventArgs
export type EventOf<Name extends EventName> = { name: Name; args: EventArgs[Name]; at: Place }
export type ChainEvent = { [Name in EventName]: EventOf<Name> }[EventName]

/** What to do with events, by name; what has no handler is passed over. */
export type Handlers<Result> = {
  [Name in EventName]?: (args: EventArgs[Name], at: Place) => Result
}

export function handle<Result>(handlers: Handlers<Result>, event: ChainEvent): Result | undefined {
  const handler = handlers[event.name] as
    ((args: ChainEvent['args'], at: Place) => Result) | undefined
  return handler?.(event.args, event.at)
}

export interface RawLog {
  address: string
  topics: string[]
  data: string
}

export const TRANSFER = new Interface([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
])

const REGISTRY = new Interface(HeartbeatRegistry__factory.abi)
const REWARDS = new Interface(ValidatorRewards__factory.abi)

// Roles of the registry decide nothing here: who reported is told by its own events.
const OF_REGISTRY = new Set<string>([
  'SnapshotPushed',
  'RecordFrozen',
  'RecordCleared',
  'ValidatorAdded',
  'ValidatorRemoved',
  'FundChanged',
  'WeightChanged',
  'FundRedirected',
  'ReporterAdded',
  'ReporterRemoved',
  'ReporterExpelled',
])
const OF_REWARDS = new Set<string>([
  'ParamsSet',
  'CapLowered',
  'Funded',
  'Skimmed',
  'CountStarted',
  'Counted',
  'Extracted',
  'CycleRolledOver',
  'Shortfall',
  'CycleVoided',
  'Paid',
  'PaymentRefused',
  'Claimed',
  'Swept',
  'Withdrawn',
  'CreditMoved',
  'ReturnedToSponsor',
  'PausedUntil',
  'RoleGranted',
  'RoleRevoked',
])

/** As a node indexes an event of the registry. */
export function registryTopic(name: string): Hex {
  return REGISTRY.getEvent(name)?.topicHash as Hex
}

export interface Sources {
  registry: Address
  rewards: Address
  /** NATIVE: the chain's own coin. */
  asset: Address
}

/** Undefined for an event that decides nothing. */
export function decodeLog(log: RawLog, at: Place, sources: Sources): ChainEvent | undefined {
  const address = log.address.toLowerCase()
  if (address === sources.registry.toLowerCase()) return decode(REGISTRY, OF_REGISTRY, log, at)
  if (address === sources.rewards.toLowerCase()) return decode(REWARDS, OF_REWARDS, log, at)
  return decode(TRANSFER, undefined, log, at)
}

function decode(
  abi: Interface,
  names: ReadonlySet<string> | undefined,
  log: RawLog,
  at: Place,
): ChainEvent | undefined {
  const found = abi.parseLog(log)
  if (!found || (names && !names.has(found.name))) return undefined
  const { inputs } = found.fragment
  const args = Object.fromEntries(
    inputs.map((input, i): [string, unknown] => [input.name, plain(input, found.args[i])]),
  )
  return { name: found.name, args, at } as ChainEvent
}

// Indices, hours, cycles and seconds have at most 40 bits: exact as numbers. Amounts and words are wider.
const MAX_NUMBER_BITS = 40

/** As the types above say: narrow integers as numbers, structs by name, lists as arrays. */
function plain(type: ParamType, value: unknown): unknown {
  if (type.arrayChildren) {
    const child = type.arrayChildren
    return [...(value as Result)].map((item) => plain(child, item))
  }
  if (type.components) {
    const items = value as Result
    return Object.fromEntries(
      type.components.map((part, i): [string, unknown] => [part.name, plain(part, items[i])]),
    )
  }
  const bits = Number(/^uint(\d+)$/.exec(type.baseType)?.[1] ?? 0)
  return bits > 0 && bits <= MAX_NUMBER_BITS ? Number(value) : value
}
