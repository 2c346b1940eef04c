import { startIntakeService } from '../api/intake/service.ts'
import type { IntakeService } from '../api/intake/service.ts'
import { logAlerts } from '../base/alerts.ts'
import type { Wei } from '../base/amount.ts'
import { sum } from '../base/amount.ts'
import { KeeperError } from '../base/errors.ts'
import { waitFor } from '../base/retry.ts'
import { hourOf, isoTime, scaledClock, systemClock } from '../base/time.ts'
import type { ScaledClock } from '../base/time.ts'
import { walletSigner } from '../chain/keys/signer.ts'
import type { BeatRule } from '../heartbeat/hour-rule.ts'
import { indicesOf } from '../heartbeat/words.ts'
import { closeKeeper, openKeeper } from '../keeper.ts'
import type { Keeper } from '../keeper.ts'
import type { DayReport } from '../validators/day.ts'
import type { Report, Run } from './command.ts'
import type { DemoTx } from './demo-day.ts'
import { DEMO_CUT, DEMO_CYCLE, fundPool, receiptsOf, register, withKey } from './demo-day.ts'
import { liveLines } from './demo-live-report.ts'
import { onStage, secondsSince, timed } from './demo-stage.ts'
import type { Stage } from './demo-stage.ts'
import { deployFor } from './deploy.ts'
import { openAgents } from './live-agents.ts'
import type { Agents } from './live-agents.ts'
import { CAST, hireCast, rosterOf } from './live-cast.ts'
import type { Member } from './live-cast.ts'
import { liveDay, playMoves } from './live-day.ts'
import type { LiveHour } from './live-day.ts'
import {
  LIVE_FACTOR,
  LIVE_RULE,
  LIVE_SETTINGS,
  hoursUp,
  isUpAtFirst,
  movesOf,
} from './live-schedule.ts'
import { openShow } from './live-show.ts'
import { testKey } from './local-accounts.ts'
import { openClient } from './session.ts'

/** What `demo --live --json` says of each validator. */
export interface LiveValidator {
  name: string
  about: string
  node: string
  /** A digit an hour: 1 was his. */
  hours: string
  online: number
  eligible: boolean
  paid: Wei
}

/** The object that `demo --live --json` ends with. */
export interface LiveResult {
  chainId: number
  cycle: number
  hourSeconds: number
  rule: BeatRule
  snapshots: number
  eligible: number
  validators: LiveValidator[]
  transactions: DemoTx[]
  pool: Wei
  paid: Wei
  credited: Wei
  carried: Wei
  seconds: number
}

export interface LiveOptions {
  keep: boolean
  batchSize: string
}

const ETH = 10n ** 18n
const FUNDED = 1_000n * ETH
const CAP = '100'
// The clock stands that long before the cycle opens until all agents are there.
const LEAD_SECONDS = 300
const HOUR_SECONDS = 3_600

/** `demo --live`: agents in processes of their own beat for a day that takes two and a half minutes. */
export async function liveDemo(run: Run, { keep, batchSize }: LiveOptions): Promise<Report> {
  const startedAt = run.clock.nowMs()
  return onStage(run, { ...LIVE_SETTINGS, batchSize }, async (stage, keepStage) => {
    const result = { ...(await playLive(stage)), seconds: secondsSince(run, startedAt) }
    checkLive(result)
    return { json: result, lines: liveLines(result, keep ? keepStage() : undefined) }
  })
}

type Sent = { kind: DemoTx['kind']; hash: DemoTx['hash'] }[]

async function playLive({ run, dir }: Stage): Promise<Omit<LiveResult, 'seconds'>> {
  const sent: Sent = await deployAll(run)
  const { members, passwordFile } = await hireCast(CAST, dir)
  const clock = scaledClock({ startMs: (DEMO_CUT - LEAD_SECONDS) * 1_000, factor: LIVE_FACTOR })
  const signers = {
    reporter: walletSigner(testKey('reporter')),
    keeper: walletSigner(testKey('keeper')),
  }
  const keeper = await openKeeper(run.config, { log: run.log, signers, signal: run.signal, clock })
  try {
    sent.push(...(await setUp(run, keeper, members)))
    const { day, hours } = await withAgents(run, { keeper, clock, members, passwordFile })
    sent.push(...hours.flatMap(({ hash }) => (hash ? [{ kind: 'snapshot' as const, hash }] : [])))
    sent.push(...day.txs.map(({ kind, hash }) => ({ kind: kind as DemoTx['kind'], hash })))
    return await resultOf(keeper, members, { day, hours, sent })
  } finally {
    await closeKeeper(keeper)
  }
}

async function deployAll(run: Run): Promise<Sent> {
  const client = await openClient(run)
  try {
    const signer = walletSigner(testKey('deployer'))
    const options = { firstCut: isoTime(DEMO_CUT), cap: CAP }
    const { deployment } = await deployFor(run, client, signer, options)
    return Object.values(deployment.deployTx).map((hash) => ({ kind: 'deploy', hash }))
  } finally {
    client.close()
  }
}

async function setUp(run: Run, keeper: Keeper, members: Member[]): Promise<Sent> {
  const rows = rosterOf(members)
  const registered = await timed(run, `registering ${rows.length} validators`, (update) =>
    withKey(run, keeper, 'admin', (session) => register(session, rows, update)),
  )
  const funded = await withKey(run, keeper, 'deployer', (session) => fundPool(session, FUNDED))
  return [
    ...registered.map((hash) => ({ kind: 'register' as const, hash })),
    { kind: 'fund', hash: funded },
  ]
}

interface Scene {
  keeper: Keeper
  clock: ScaledClock
  members: readonly Member[]
  passwordFile: string
}

interface Played {
  day: DayReport
  hours: readonly LiveHour[]
}

async function withAgents(run: Run, scene: Scene): Promise<Played> {
  const { keeper, clock, members, passwordFile } = scene
  const service = await startIntakeService(keeper, {
    alerts: logAlerts(run.log),
    clock,
    paceFactor: LIVE_FACTOR,
  })
  const specs = members.map(({ agent }) => agent)
  const agents = openAgents(specs, { intakes: [service.url], passwordFile })
  try {
    await timed(run, 'agents logging in', (update) => gather(run, scene, service, agents, update))
    return await playDay(run, scene, service, agents)
  } finally {
    await agents.stop()
    await service.close()
  }
}

// Ten processes start in two seconds on two free cores.
const GATHER_LIMIT_MS = 60_000
const LOOK_EVERY_MS = 50

/** The day begins when everybody is there who should be. */
async function gather(
  run: Run,
  { members }: Scene,
  { intake }: IntakeService,
  agents: Agents,
  update: (done: number, total: number) => void,
): Promise<void> {
  const first = members.filter(({ outages }) => isUpAtFirst(outages))
  // The one with the wrong key is not waited for: he is never let in.
  const others = members.filter(({ hasWrongKey }) => hasWrongKey)
  for (const { name } of [...first, ...others]) agents.start(name)
  const check = async (): Promise<true | undefined> => {
    const { nodes } = intake.figures()
    update(nodes, first.length)
    return nodes >= first.length ? true : undefined
  }
  await waitFor(check, {
    what: 'the agents',
    timeoutMs: GATHER_LIMIT_MS,
    clock: systemClock,
    signal: run.signal,
    firstDelayMs: LOOK_EVERY_MS,
    maxDelayMs: LOOK_EVERY_MS,
  })
}

async function playDay(
  run: Run,
  { keeper, clock, members }: Scene,
  { evidence, tally }: IntakeService,
  agents: Agents,
): Promise<Played> {
  const show = openShow({ members, agents, clock, tally, note: run.note })
  const moves = members.flatMap(({ name, outages, hasWrongKey }) =>
    hasWrongKey ? [] : movesOf(outages, DEMO_CUT).map((move) => ({ ...move, name })),
  )
  const stop = new AbortController()
  const signal = AbortSignal.any([run.signal, stop.signal])
  const playing = playMoves({
    moves,
    clock,
    signal,
    make: (move) => {
      agents[move.act](move.name)
      show.moved(move)
    },
    countOf: (name) => {
      const member = members.find((each) => each.name === name)
      return member ? tally.countOf(member.node, hourOf(clock.now())) : 0
    },
  })
  try {
    const onHour = (hour: LiveHour): void => show.pushed(hour)
    const day = { keeper, evidence, clock, cycle: DEMO_CYCLE, signal: run.signal, onHour }
    return { day: await liveDay(day), hours: show.hours }
  } finally {
    stop.abort()
    await playing.catch(() => {})
    await show.stop()
  }
}

async function resultOf(
  keeper: Keeper,
  members: readonly Member[],
  { day, hours, sent }: Played & { sent: Sent },
): Promise<Omit<LiveResult, 'seconds'>> {
  const { client } = keeper
  const online = hours.map(({ words }) => new Set(indicesOf(words)))
  const paid = await Promise.all(members.map(({ fund }) => client.balanceOf(fund)))
  const validators = members.map(({ name, about, node }, index): LiveValidator => {
    const mine = online.map((set) => (set.has(index) ? '1' : '0')).join('')
    const amount = paid[index] ?? 0n
    const count = mine.replaceAll('0', '').length
    return { name, about, node, hours: mine, online: count, eligible: amount > 0n, paid: amount }
  })
  const { snapshots, eligible, pool, credited, carried } = day
  return {
    chainId: client.chainId,
    cycle: day.cycle,
    hourSeconds: HOUR_SECONDS / LIVE_FACTOR,
    rule: LIVE_RULE,
    snapshots,
    eligible,
    validators,
    transactions: await receiptsOf(client, sent),
    pool,
    // What the payees really have: they had nothing before.
    paid: sum(paid),
    credited,
    carried,
  }
}

/** The schedule says who was up when; the chain must say the same, and the money must add up. */
function checkLive({ validators, eligible, pool, paid, credited, carried }: LiveResult): void {
  const faults = validators.flatMap(({ name, hours }, index) => {
    const expected = hoursUp(CAST[index]?.outages ?? [])
      .map((isUp) => (isUp ? '1' : '0'))
      .join('')
    return hours === expected ? [] : [`${name} has ${hours} instead of ${expected}`]
  })
  const paidTo = validators.filter((each) => each.eligible).length
  if (paidTo !== eligible) faults.push(`${eligible} are eligible and ${paidTo} were paid`)
  if (pool !== paid + credited + carried) {
    faults.push(`pool ${pool}, paid ${paid}, credited ${credited}, carried ${carried}`)
  }
  if (faults.length > 0) throw new KeeperError('DEMO_WRONG', { faults })
}
