import { Result, ZeroHash, dataSlice, id as keccakOf, toBeHex } from 'ethers'
import type { Interface, Log } from 'ethers'
import type { Wei } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { UnixSeconds } from '../base/time.ts'
import type { Contracts } from '../chain/contracts.ts'
import { payoutsFace } from '../chain/program-contracts.ts'
import { readLogs } from '../chain/rpc/logs.ts'
import { NO_CAP } from './deploy-plan.ts'
import { rehearse, sendCall } from './send.ts'
import type { SendingSession, Session } from './session.ts'

export type OperationState = 'waiting' | 'ready' | 'done' | 'cancelled'

interface TimelockCall {
  target: Address
  value: Wei
  data: Hex
}

export interface Operation {
  id: Hex
  calls: TimelockCall[]
  predecessor: Hex
  salt: Hex
  readyAt: UnixSeconds
  state: OperationState
  /** The calls in words: 'registry.addValidators(256 entries)'. */
  what: string
}

/** A call that only the admin may make; the timelock makes it. */
export interface AdminCall {
  contract: 'registry' | 'rewards' | 'timelock' | 'payouts'
  name: string
  args: readonly unknown[]
}

export interface AdminOutcome {
  id: Hex
  what: string
  state: 'executed' | 'waiting'
  readyAt: UnixSeconds
  /** What this run sent. */
  hashes: Hex[]
}

/** Every operation of the timelock, from its events; states and times are asked of the contract. */
export async function readOperations(session: Session): Promise<Operation[]> {
  const { client, contracts } = session
  const { timelock, deployment } = contracts
  const names = ['CallScheduled', 'CallSalt', 'Cancelled', 'CallExecuted'] as const
  const topics = names.map((name) => timelock.interface.getEvent(name).topicHash as Hex)
  const toBlock = await client.blockNumber()
  const range = { fromBlock: deployment.deployBlock, toBlock }
  const logs = await readLogs(client, { address: deployment.timelock, topics: [topics], ...range })
  const operations = new Map<Hex, Operation>()
  for (const log of logs) apply(operations, contracts, log)
  const now = (await client.block('latest'))?.timestamp ?? 0
  for (const operation of operations.values()) {
    if (operation.state !== 'waiting') continue
    operation.readyAt = Number(await timelock.getTimestamp(operation.id))
    if (operation.readyAt <= now) operation.state = 'ready'
  }
  return [...operations.values()]
}

function apply(operations: Map<Hex, Operation>, contracts: Contracts, log: Log): void {
  const event = contracts.timelock.interface.parseLog(log)
  if (!event) return
  const { args } = event
  const id = args['id'] as Hex
  const operation = operations.get(id)
  if (event.name === 'CallScheduled') {
    const call: TimelockCall = {
      target: args['target'],
      value: args['value'],
      data: args['data'],
    }
    const what = describeCall(contracts, call)
    if (operation) {
      operation.calls.push(call)
      operation.what += `, ${what}`
      return
    }
    const predecessor = args['predecessor'] as Hex
    const start = { salt: ZeroHash as Hex, readyAt: 0, state: 'waiting' as const }
    operations.set(id, { id, calls: [call], predecessor, what, ...start })
    return
  }
  if (!operation) return
  if (event.name === 'CallSalt') operation.salt = args['salt'] as Hex
  if (event.name === 'Cancelled') operation.state = 'cancelled'
  if (event.name === 'CallExecuted') operation.state = 'done'
}

// Of our contracts and of OpenZeppelin's timelock.
const ROLE_NAMES = [
  'GUARDIAN_ROLE',
  'REPORTER_ROLE',
  'KEEPER_ROLE',
  'PROPOSER_ROLE',
  'EXECUTOR_ROLE',
  'CANCELLER_ROLE',
]
const roleNames = new Map<string, string>([
  [ZeroHash, 'DEFAULT_ADMIN_ROLE'],
  ...ROLE_NAMES.map((name) => [keccakOf(name), name] as const),
])

/** By its name, as OpenZeppelin hashes it. */
export function roleId(name: string): Hex {
  return (name === 'DEFAULT_ADMIN_ROLE' ? ZeroHash : keccakOf(name)) as Hex
}

function describeCall(contracts: Contracts, { target, data }: TimelockCall): string {
  for (const name of ['registry', 'rewards', 'timelock', 'payouts'] as const) {
    const { address, face } = targetOf(contracts, name)
    if (address !== target) continue
    const parsed = face.parseTransaction({ data })
    if (parsed) return `${name}.${parsed.name}(${parsed.args.map(shortArg).join(', ')})`
  }
  return `${target} ${dataSlice(data, 0, Math.min(4, (data.length - 2) / 2))}`
}

// More elements are counted, not listed: an import has 256 entries a call.
const MAX_LISTED = 3

function shortArg(arg: unknown): string {
  if (arg === NO_CAP) return 'none'
  if (typeof arg === 'string') return roleNames.get(arg) ?? arg
  if (!Array.isArray(arg)) return String(arg)
  const named = arg instanceof Result ? Object.entries(namesOf(arg)) : []
  if (named.length > 0)
    return named.map(([name, value]) => `${name}: ${shortArg(value)}`).join(', ')
  if (arg.length > MAX_LISTED) return `${arg.length} entries`
  return `[${arg.map(shortArg).join(', ')}]`
}

/** The fields of a struct; a list has none. */
function namesOf(result: Result): Record<string, unknown> {
  try {
    const { _: unnamed, ...fields } = result.toObject() as Record<string, unknown>
    return unnamed === undefined ? fields : {}
  } catch {
    return {}
  }
}

/**
 * Carries admin calls out: scheduled, and executed at once where the delay is zero; otherwise they wait.
 * The same call is never scheduled twice while it waits: run again, it is executed when it is ready.
 */
export async function runAdminCalls(
  session: SendingSession,
  calls: readonly AdminCall[],
  onProgress: (done: number) => void = () => {},
): Promise<AdminOutcome[]> {
  const delay = Number(await session.contracts.timelock.getMinDelay())
  const known = await readOperations(session)
  const outcomes: AdminOutcome[] = []
  let predecessor = ZeroHash as Hex
  for (const call of calls) {
    const outcome = await runOne(session, known, call, { delay, predecessor })
    // One after the other also when all of them wait: the second batch of a file needs the first.
    predecessor = outcome.id
    outcomes.push(outcome)
    onProgress(outcomes.length)
  }
  return outcomes
}

async function runOne(
  session: SendingSession,
  known: Operation[],
  admin: AdminCall,
  { delay, predecessor }: { delay: number; predecessor: Hex },
): Promise<AdminOutcome> {
  const call = encodeCall(session.contracts, admin)
  const same = known.filter(({ calls }) => calls.length === 1 && isSame(calls[0], call))
  const pending = same.find(({ state }) => state === 'waiting' || state === 'ready')
  const hashes: Hex[] = []
  let operation = pending
  if (!operation) {
    const scheduled = await schedule(session, call, { delay, predecessor, repeat: same.length })
    hashes.push(scheduled.hash)
    operation = scheduled.operation
  }
  const { id, what, readyAt } = operation
  if (operation.state !== 'ready') return { id, what, state: 'waiting', readyAt, hashes }
  hashes.push(await execute(session, operation))
  return { id, what, state: 'executed', readyAt, hashes }
}

export function encodeCall(
  contracts: Contracts,
  { contract, name, args }: AdminCall,
): TimelockCall {
  const { address, face } = targetOf(contracts, contract)
  if (address === undefined) {
    throw new KeeperError('PAYOUTS_NOT_DEPLOYED', { chainId: contracts.deployment.chainId })
  }
  const data = face.encodeFunctionData(name, args) as Hex
  return { target: address, value: 0n, data }
}

interface Target {
  /** Undefined when it is not deployed. */
  address: Address | undefined
  face: Interface
}

function targetOf({ deployment, ...contracts }: Contracts, name: AdminCall['contract']): Target {
  if (name === 'payouts') return { address: deployment.payouts?.address, face: payoutsFace() }
  return { address: deployment[name], face: contracts[name].interface }
}

function isSame(one: TimelockCall | undefined, other: TimelockCall): boolean {
  return one?.target === other.target && one.data === other.data && one.value === other.value
}

interface Terms {
  delay: number
  predecessor: Hex
  /** How often the same call was scheduled before: a repetition needs another salt. */
  repeat: number
}

async function schedule(
  session: SendingSession,
  call: TimelockCall,
  { delay, predecessor, repeat }: Terms,
): Promise<{ operation: Operation; hash: Hex }> {
  const { timelock, deployment } = session.contracts
  const { target, value, data } = call
  const salt = toBeHex(repeat, 32) as Hex
  const id = (await timelock.hashOperation(target, value, data, predecessor, salt)) as Hex
  // What would fail after two days of waiting is refused today.
  const rehearsal = { kind: 'admin', key: id, to: target, data, value }
  if (predecessor === ZeroHash) await rehearse(session, deployment.timelock, rehearsal)
  const args = [target, value, data, predecessor, salt, delay] as const
  const tx = await sendCall(session, {
    kind: 'schedule',
    key: id,
    to: deployment.timelock,
    data: timelock.interface.encodeFunctionData('schedule', [...args]) as Hex,
  })
  const readyAt = Number(await timelock.getTimestamp(id))
  const state = delay === 0 ? 'ready' : 'waiting'
  const what = describeCall(session.contracts, call)
  return {
    operation: { id, calls: [call], predecessor, salt, readyAt, state, what },
    hash: hashOf(tx),
  }
}

export async function execute(session: SendingSession, operation: Operation): Promise<Hex> {
  const { timelock, deployment } = session.contracts
  const { id, calls, predecessor, salt } = operation
  const [only] = calls
  const data =
    calls.length === 1 && only
      ? timelock.interface.encodeFunctionData('execute', [
          only.target,
          only.value,
          only.data,
          predecessor,
          salt,
        ])
      : timelock.interface.encodeFunctionData('executeBatch', [
          calls.map(({ target }) => target),
          calls.map(({ value }) => value),
          calls.map(({ data: payload }) => payload),
          predecessor,
          salt,
        ])
  const call = { kind: 'execute', key: id, to: deployment.timelock, data: data as Hex }
  return hashOf(await sendCall(session, call))
}

export async function cancel(session: SendingSession, { id }: Operation): Promise<Hex> {
  const { timelock, deployment } = session.contracts
  const data = timelock.interface.encodeFunctionData('cancel', [id]) as Hex
  return hashOf(await sendCall(session, { kind: 'cancel', key: id, to: deployment.timelock, data }))
}

function hashOf({ hash, kind, key }: { hash?: Hex | undefined; kind: string; key: string }): Hex {
  if (hash !== undefined) return hash
  throw new KeeperError('INTERNAL', { what: `${kind} ${key} has no hash` })
}
