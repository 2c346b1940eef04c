import { Wallet } from 'ethers'
import { silentLogger } from '../../keeper/base/log.ts'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { SECONDS_PER_HOUR } from '../../keeper/base/time.ts'
import { ORIGIN_RULE } from '../../keeper/heartbeat/hour-rule.ts'
import { createIntake } from '../../keeper/heartbeat/intake/intake.ts'
import type { Intake, IntakeOptions, OpenSession } from '../../keeper/heartbeat/intake/intake.ts'
import { beatTyped, loginTyped } from '../../keeper/heartbeat/intake/login.ts'
import type { Beat, HeartbeatHome } from '../../keeper/heartbeat/intake/login.ts'
import { parseServerFrame } from '../../keeper/heartbeat/intake/server-frames.ts'
import type { HelloFrame, ServerFrame } from '../../keeper/heartbeat/intake/frames.ts'
import { Counters } from '../../keeper/heartbeat/tally/counters.ts'
import type { Tally } from '../../keeper/heartbeat/tally/tally.ts'
import { KeeperError } from '../../keeper/base/errors.ts'
import type { TypedData } from '../../keeper/chain/keys/typed-data.ts'
import { testClock } from './clock.ts'
import type { TestClock } from './clock.ts'

export const HOME: HeartbeatHome = {
  chainId: 31_337,
  registry: '0x52908400098527886E0F7030069857D2E4169EE7',
}
export const REPORTER: Address = '0x8617E340B3D01FA5F11F306F4090FD50E238070D'
export const AUDIENCE = 'https://intake.example'
/** A full hour, so that tests may count in it. */
export const HOUR_START = 489_000 * SECONDS_PER_HOUR
export const STATUS = { cpuBps: 1_200, memoryBps: 5_000, diskBps: 700, height: 9n, version: 'a/1' }

export type MemberState = Awaited<ReturnType<IntakeOptions['members']['stateOf']>>

export interface Desk {
  intake: Intake
  clock: TestClock
  /** The clock of connections; apart from the other, as when time is compressed. */
  real: TestClock
  tally: Tally
  /** Who is not in it is active. */
  members: Map<Address, MemberState>
  /** What the roster does before it answers. */
  roster: { before: () => Promise<void> }
}

/** An intake without sockets, whose tally counts in memory by the real rule. */
export function openDesk(options: Partial<IntakeOptions> = {}): Desk {
  const clock = testClock(HOUR_START)
  const real = testClock(0)
  const tally = memoryTally()
  const members = new Map<Address, MemberState>()
  const roster = { before: (): Promise<void> => Promise.resolve() }
  const stateOf = async (node: Address): Promise<MemberState> => {
    await roster.before()
    return members.get(node) ?? 'active'
  }
  const intake = createIntake({
    ...HOME,
    reporter: REPORTER,
    audiences: [AUDIENCE],
    tally,
    members: { stateOf },
    clock,
    realClock: real,
    log: silentLogger,
    ...options,
  })
  return { intake, clock, real, tally, members, roster }
}

/** The counters of the real tally without its store. */
function memoryTally(): Tally {
  const counters = new Counters(ORIGIN_RULE)
  const count: Tally['count'] = (node, nowMs, status) => {
    const hour = Math.floor(nowMs / 1000 / SECONDS_PER_HOUR)
    const { seen, why } = counters.count(node, hour, nowMs, status)
    return { counted: why === undefined, hour, count: seen, ...(why && { why }) }
  }
  return {
    rule: ORIGIN_RULE,
    count,
    countSigned: (node, atMs, nowMs, status) => {
      if (counters.acceptSigned(node, atMs, nowMs)) return count(node, nowMs, status)
      throw new KeeperError('BEAT_REPLAYED', { node, at: atMs })
    },
    countOf: (node, hour) => counters.countOf(node, hour),
    stop: () => Promise.resolve(),
  }
}

/** Keys made once: making one takes milliseconds. */
const wallets: Wallet[] = []

export function nodeKey(index: number): Wallet {
  const key = (index + 1).toString(16).padStart(64, '0')
  return (wallets[index] ??= new Wallet(`0x${key}`))
}

export function addressOf(wallet: Wallet): Address {
  return wallet.address as Address
}

export async function signed(wallet: Wallet, typed: TypedData): Promise<Hex> {
  return (await wallet.signTypedData(typed.domain, typed.types, typed.value)) as Hex
}

export interface Line {
  session: OpenSession
  /** What the intake sent, oldest first. */
  heard: ServerFrame[]
  closed: { code: number; reason: string } | undefined
  send(frame: object | string): void
  /** Answers the challenge; what is given is said instead of the truth. */
  login(wallet: Wallet, instead?: LoginLies): Promise<void>
  kinds(): string[]
}

export interface LoginLies {
  node?: Address
  audience?: string
  home?: HeartbeatHome
  challenge?: Hex
  /** Said in the frame, whatever was signed. */
  said?: { node?: Address; audience?: string; signature?: string }
}

/** A connection as a node has it. */
export function connect({ intake }: Pick<Desk, 'intake'>, address = '192.0.2.1'): Line {
  const heard: ServerFrame[] = []
  const line: Omit<Line, 'session'> & { session?: OpenSession } = {
    heard,
    closed: undefined,
    send: (frame) =>
      line.session?.receive(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    login: async (wallet, lies = {}) => {
      line.send(await loginFrame(heard[0] as HelloFrame, wallet, lies))
      await settled()
    },
    kinds: () => heard.map((frame) => (frame.t === 'refused' ? frame.code : frame.t)),
  }
  line.session = intake.open({
    address,
    send: (text) => void heard.push(parseServerFrame(text)),
    close: (code, reason) => {
      line.closed ??= { code, reason }
    },
  })
  return line as Line
}

export async function loginFrame(
  { challenge: given }: HelloFrame,
  wallet: Wallet,
  lies: LoginLies,
): Promise<object> {
  const { node = addressOf(wallet), audience = AUDIENCE, home = HOME, challenge = given } = lies
  const signature = await signed(wallet, loginTyped(home, { node, audience, challenge }))
  return { t: 'login', node, audience, signature, ...lies.said }
}

/** The queue of checks has come round: a few turns of the loop, each of which checks one signature. */
export async function settled(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A session that is logged in. */
export async function enter(desk: Desk, index = 0, address?: string): Promise<Line> {
  const line = connect(desk, address)
  await line.login(nodeKey(index))
  return line
}

/** The body of a single beat, signed; what is given is said and signed instead of the truth. */
export async function beatBody(
  desk: Desk,
  wallet: Wallet,
  lies: Partial<Beat> & { home?: HeartbeatHome } = {},
): Promise<Record<string, unknown>> {
  const { home = HOME, ...fields } = lies
  const at = desk.clock.nowMs()
  const beat = { node: addressOf(wallet), audience: AUDIENCE, at, ...STATUS, ...fields }
  const signature = await signed(wallet, beatTyped(home, beat))
  return { ...beat, height: beat.height.toString(), signature }
}
