import type { Alerts } from '../../base/alerts.ts'
import { describe } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { hourOf, systemClock } from '../../base/time.ts'
import type { Clock, Hour } from '../../base/time.ts'
import type { Evidence } from '../../heartbeat/evidence.ts'
import type { BeatRule } from '../../heartbeat/hour-rule.ts'
import { createIntake } from '../../heartbeat/intake/intake.ts'
import type { Intake, IntakeOptions } from '../../heartbeat/intake/intake.ts'
import type { IntakeLimits } from '../../heartbeat/intake/limits.ts'
import { signHour } from '../../heartbeat/receipts/sign-hour.ts'
import { receiptsOf } from '../../heartbeat/receipts/stored.ts'
import type { ClosedHour } from '../../heartbeat/tally/closed-hours.ts'
import { openTally } from '../../heartbeat/tally/tally.ts'
import type { RunningTally, TallyFigures } from '../../heartbeat/tally/tally.ts'
import type { Keeper } from '../../keeper.ts'
import { blockTime } from '../../validators/room.ts'
import { openDoor } from './door.ts'
import type { Door } from './door.ts'
import { openMembers } from './members.ts'
import type { RosterMembers } from './members.ts'
import { deliverReceipts } from './receipts.ts'

/** The intake of heartbeats, open: what nodes send is counted, closed hours are signed and may be pushed. */
export interface IntakeService {
  readonly port: number
  /** The first of the origins: what a node on this machine may be told. */
  readonly url: string
  readonly evidence: Evidence
  readonly intake: Intake
  readonly tally: RunningTally
  figures(): ServiceFigures
  close(): Promise<void>
}

/** For monitors and `muster intake status`. */
export interface ServiceFigures {
  origins: readonly string[]
  sessions: number
  /** Of these, logged in. */
  nodes: number
  counted: number
  /** By code, also what never became a session. */
  refused: Record<string, number>
  tally: TallyFigures
}

export interface IntakeServiceOptions {
  alerts: Alerts
  clock?: Clock
  /** How many times faster than real time the clock runs. */
  paceFactor?: number
  /** Of sessions and beats, where the settings do not have them. */
  limits?: Partial<IntakeLimits>
  /** A door that is open already, and stays open after us. */
  door?: Door
  /** An hour is closed and signed: it may be pushed. */
  onHour?: (closed: ClosedHour) => void
}

// How soon a validator that was added may beat at the latest, and one that was removed is sent away.
const ROSTER_EVERY_MS = 60_000

/** For as long as this process may write for the reporter's key: its lease is held by the keeper given. */
export async function startIntakeService(
  keeper: Keeper,
  options: IntakeServiceOptions,
): Promise<IntakeService> {
  const { config, log } = keeper
  const { clock = keeper.clock, paceFactor = 1 } = options
  const door = options.door ?? (await openDoor({ config, log, paceFactor }))
  try {
    const members = await openMembers({ room: keeper, clock, log })
    // An hour that a former process left is closed before anybody can be connected.
    const open: { intake?: Intake } = {}
    const onClosed = (hour: ClosedHour): Promise<void> =>
      closeHour(keeper, open.intake, hour, options)
    const tally = await openTallyOf(keeper, options, { clock, members, onClosed })
    const intake = createIntake(
      intakeOptions(keeper, options, { tally, members, clock, door, paceFactor }),
    )
    open.intake = intake
    const hourNow = (): Hour => hourOf(clock.now())
    await door.serve({ intake, receiptsOf: receiptReader(keeper), hourNow })
    const stop = new AbortController()
    const watching = watchRoster(members, intake, log, stop.signal)
    const close = async (): Promise<void> => {
      stop.abort()
      // Sessions hear why before the door stands by.
      intake.close()
      await door.serve(undefined)
      await watching
      await tally.stop()
      if (!options.door) await door.close()
    }
    const { port, origins } = door
    const url = origins[0] ?? ''
    const figures = (): ServiceFigures => figuresOf(door, intake, tally)
    return { port, url, evidence: tally.evidence, intake, tally, figures, close }
  } catch (error) {
    await door.serve(undefined)
    if (!options.door) await door.close()
    throw error
  }
}

function figuresOf(door: Door, intake: Intake, tally: RunningTally): ServiceFigures {
  const { sessions, nodes, counted, refused: bySessions } = intake.figures()
  const refused = { ...bySessions }
  for (const [code, count] of Object.entries(door.refused())) {
    refused[code] = (refused[code] ?? 0) + count
  }
  return { origins: door.origins, sessions, nodes, counted, refused, tally: tally.figures() }
}

/** The origin's numbers, or the operator's. */
export function ruleOf({ beatPingMs, beatStatusEvery, beatLeast }: Keeper['config']): BeatRule {
  return { pingMs: beatPingMs, statusEvery: beatStatusEvery, least: beatLeast }
}

interface TallyParts {
  clock: Clock
  members: RosterMembers
  onClosed(hour: ClosedHour): Promise<void>
}

function openTallyOf(
  keeper: Keeper,
  { alerts, paceFactor = 1 }: IntakeServiceOptions,
  { clock, members, onClosed }: TallyParts,
): ReturnType<typeof openTally> {
  const { db, log, config } = keeper
  return openTally({
    db,
    clock,
    log,
    rule: ruleOf(config),
    graceMs: config.intakeGraceMs,
    keepDays: config.tallyDays,
    validators: members.validators,
    onClosed,
    chainTime: () => blockTime(keeper),
    alerts,
    paceFactor,
  })
}

interface Parts {
  tally: RunningTally
  members: RosterMembers
  clock: Clock
  door: Door
  paceFactor: number
}

function intakeOptions(
  keeper: Keeper,
  { limits }: IntakeServiceOptions,
  { door, ...parts }: Parts,
): IntakeOptions {
  const { config, client, contracts, log, reporter } = keeper
  return {
    ...parts,
    log,
    chainId: client.chainId,
    registry: contracts.deployment.registry,
    reporter: reporter.address,
    audiences: door.origins,
    limits: {
      maxSessions: config.intakeMaxNodes,
      maxSessionsPerAddress: config.intakePerAddress,
      skewMs: config.intakeSkewMs,
      ...limits,
    },
  }
}

/** Signed, then told: the push comes first, the receipts are handed out beside it. */
async function closeHour(
  keeper: Keeper,
  intake: Intake | undefined,
  closed: ClosedHour,
  { onHour }: IntakeServiceOptions,
): Promise<void> {
  const { db, client, contracts, signers, clock, log } = keeper
  const { chainId } = client
  const { registry } = contracts.deployment
  onHour?.(closed)
  if (!signers.reporter) return
  const signing = { chainId, registry, signer: signers.reporter, clock }
  const signed = await signHour(db, closed, signing)
  const { hour, root } = signed
  log.info({ hour, root, validators: closed.rows.length }, 'hour-signed')
  if (intake) deliverReceipts(intake, signed, log)
}

function receiptReader({ db, client, contracts }: Keeper) {
  const home = { chainId: client.chainId, registry: contracts.deployment.registry }
  return (...[node, hours]: [Parameters<typeof receiptsOf>[2], Parameters<typeof receiptsOf>[3]]) =>
    receiptsOf(db, home, node, hours)
}

async function watchRoster(
  members: RosterMembers,
  intake: Intake,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(ROSTER_EVERY_MS, signal).catch(() => {})
    if (signal.aborted) return
    await members.refresh()
    await intake.recheck().catch((error: unknown) => log.warn(describe(error), 'recheck-failed'))
  }
}
