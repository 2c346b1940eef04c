import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import type { Address } from '../../keeper/base/schema.ts'
import { hourOf, systemClock } from '../../keeper/base/time.ts'
import type { Clock, Hour } from '../../keeper/base/time.ts'
import { openDoor } from '../../keeper/api/intake/door.ts'
import type { Door } from '../../keeper/api/intake/door.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import { loadConfig } from '../../keeper/config.ts'
import { startAgent } from '../../keeper/heartbeat/agent/agent.ts'
import type { Agent, AgentOptions, AgentState } from '../../keeper/heartbeat/agent/agent.ts'
import type { BeatRule } from '../../keeper/heartbeat/hour-rule.ts'
import { createIntake } from '../../keeper/heartbeat/intake/intake.ts'
import type { Intake } from '../../keeper/heartbeat/intake/intake.ts'
import { openTally } from '../../keeper/heartbeat/tally/tally.ts'
import type { Tally } from '../../keeper/heartbeat/tally/tally.ts'
import type { Db } from '../../keeper/store/db.ts'
import { HOME, REPORTER } from './intake-desk.ts'
import type { MemberState } from './intake-desk.ts'
import { testLog } from './logs.ts'
import { freshDb } from './store.ts'

/** The origin's rule with pings of 30 ms in place of 15 s: an agent's waits shrink with them. */
export const QUICK_RULE: BeatRule = { pingMs: 30, statusEvery: 3, least: 47 }

export interface TestIntakeOptions {
  port?: number
  reporter?: Address
  registry?: Address
  /** A store that outlives the intake. */
  db?: Db
  /** PEM files: it takes https and wss then. */
  tls?: { intakeTlsCert: string; intakeTlsKey: string }
  /** The intake's own time, as when its machine is off. */
  clock?: Clock
  receiptsOf?: (node: Address, hours: { from: Hour; to: Hour }) => Promise<unknown[]>
}

/** The real intake behind the real door, with a real tally; only the roster is a map. */
export interface TestIntake {
  url: string
  port: number
  door: Door
  intake: Intake
  tally: Tally
  /** Who is not in it is active. */
  members: Map<Address, MemberState>
  /** Counted beats of this hour. */
  countOf(node: Address): number
  close(): Promise<void>
}

export async function openTestIntake(options: TestIntakeOptions = {}): Promise<TestIntake> {
  const { port = 0, reporter = REPORTER, registry = HOME.registry, clock = systemClock } = options
  const members = new Map<Address, MemberState>()
  const config = loadConfig({}, { intakePort: String(port), ...options.tls })
  const db = options.db ?? (await freshDb())
  const validators = (): Promise<Address[]> => Promise.resolve([])
  const tally = await openTally({ db, clock, rule: QUICK_RULE, log: testLog, validators })
  const door = await openDoor({ config, log: testLog })
  const intake = createIntake({
    chainId: HOME.chainId,
    registry,
    reporter,
    audiences: door.origins,
    tally,
    members: { stateOf: async (node) => members.get(node) ?? 'active' },
    clock,
    log: testLog,
  })
  const receiptsOf = options.receiptsOf ?? (async () => [])
  await door.serve({ intake, receiptsOf, hourNow: () => hourOf(clock.now()) })
  const close = async (): Promise<void> => {
    intake.close()
    await door.close()
    await tally.stop()
    if (options.db === undefined) await db.close()
  }
  const countOf = (node: Address): number => tally.countOf(node, hourOf(clock.now()))
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${door.port}`
  return { url, port: door.port, door, intake, tally, members, countOf, close }
}

export type RunningAgent = Agent & { node: Address; states: AgentState[] }

/** An agent with a key of its own; what it said of itself is kept. */
export function runAgent(
  intakes: readonly string[],
  options: Partial<AgentOptions> = {},
): RunningAgent {
  const key = options.key ?? walletSigner(Wallet.createRandom().privateKey)
  const states: AgentState[] = []
  const onState = (state: AgentState): void =>
    void states.push({ ...state, links: state.links.map((link) => ({ ...link })) })
  const agent = startAgent({ intakes, onState, log: testLog, ...options, key })
  return { ...agent, node: key.address, states }
}

// Long enough for a machine that runs other tests beside these.
const PATIENCE_MS = 20_000
const LOOK_MS = 10

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = systemClock.nowMs() + PATIENCE_MS
  while (!(await isSo())) {
    if (systemClock.nowMs() > end) throw new Error(`never: ${what}`)
    await systemClock.sleep(LOOK_MS)
  }
}

export async function withDir<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-agent-'))
  try {
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
