import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { KeeperError, describe, isKeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { hourOf, systemClock } from '../../base/time.ts'
import type { Clock, Hour } from '../../base/time.ts'
import type { Counted, NodeStatus, Tally } from '../tally/tally.ts'
import { MIN_PING_MS, PROTOCOL_VERSION } from './frames.ts'
import type { HelloFacts, LoginFrame, ServerFrame } from './frames.ts'
import { Gate } from './gate.ts'
import type { GateOptions } from './gate.ts'
import { MIN_IDLE_MS, TokenBucket, limitsOf } from './limits.ts'
import type { IntakeLimits } from './limits.ts'
import { Nodes } from './nodes.ts'
import { Session } from './session.ts'
import type { Peer, SessionHost } from './session.ts'
import { acceptBeat } from './single-beat.ts'

// What the intake asks of its caller is met at its door.
export type { Members } from './gate.ts'
export type { Peer } from './session.ts'

export interface IntakeFigures {
  /** Connections, logged in or not. */
  sessions: number
  /** Of these, logged in. */
  nodes: number
  /** Signatures that wait to be checked. */
  checks: number
  counted: number
  refused: Record<string, number>
}

export interface OpenSession {
  receive(text: string): void
  ended(): void
  readonly node: Address | undefined
}

export interface Intake {
  hello(): HelloFacts
  /** Says hello, or refuses and closes; either way the answer may be used like any other. */
  open(peer: Peer): OpenSession
  /** The body of POST /v1/beat. */
  beat(body: unknown, address: string): Promise<{ hour: Hour; count: number }>
  /** False when the node is not connected here. */
  tell(node: Address, frame: ServerFrame): boolean
  /** Ends the sessions of nodes that were removed since their login. */
  recheck(): Promise<void>
  /** Ends sessions that owe their login or have gone quiet; the intake calls it by itself. */
  sweep(): void
  figures(): IntakeFigures
  /** Ends all sessions and takes no new ones. */
  close(): void
}

export interface IntakeOptions extends GateOptions {
  reporter: Address
  tally: Tally
  clock: Clock
  limits?: Partial<IntakeLimits>
  /** How many times faster than real time `clock` runs. */
  paceFactor?: number
  /** Real time, which the limits of connections follow; tests move it. */
  realClock?: Clock
}

// A late login or a dead connection may stay a second longer.
const SWEEP_MS = 1_000
const CHALLENGE_BYTES = 32
// Who has not logged in for so long while places are short is not on the way to do so.
const MIN_WAIT_MS = 2_000
// A login that waits for the roster or for 10,000 others may take so long after its challenge.
const CHECK_MS = 60_000
// Members are looked up in parts, so that pings are answered in between.
const RECHECK_AT_ONCE = 500

export function createIntake(options: IntakeOptions): Intake {
  return new SessionIntake(options)
}

class SessionIntake implements Intake, SessionHost {
  readonly #options: IntakeOptions
  readonly #limits: IntakeLimits
  readonly #real: Clock
  readonly #pingMs: number
  readonly #gate: Gate
  readonly #nodes: Nodes
  readonly #sessions = new Set<Session>()
  /** Who owes the login, in the order of opening. */
  readonly #waiting = new Set<Session>()
  readonly #refused: Record<string, number> = {}
  #counted = 0
  #loggedIn = 0
  #sweeper: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: IntakeOptions) {
    const { rule } = options.tally
    this.#options = options
    this.#limits = limitsOf(options.limits)
    this.#real = options.realClock ?? systemClock
    this.#pingMs = Math.max(MIN_PING_MS, Math.round(rule.pingMs / (options.paceFactor ?? 1)))
    this.#gate = new Gate(options, this.#limits, this.#pingMs * rule.statusEvery)
    this.#nodes = new Nodes(this.#limits)
    this.#sweepLater()
  }

  realMs(): number {
    return this.#real.monotonicMs?.() ?? this.#real.nowMs()
  }

  hello(): HelloFacts {
    const { chainId, registry, reporter, clock, tally } = this.#options
    const at = Math.floor(clock.nowMs())
    const { statusEvery } = tally.rule
    return {
      v: PROTOCOL_VERSION,
      chainId,
      registry,
      reporter,
      at,
      pingMs: this.#pingMs,
      statusEvery,
    }
  }

  open(peer: Peer): OpenSession {
    const { framesPerPing, frameBurst } = this.#limits
    const challenge = `0x${randomBytes(CHALLENGE_BYTES).toString('hex')}` satisfies Hex
    const frames = new TokenBucket(frameBurst, this.#pingMs / framesPerPing, this.realMs())
    const session = new Session(this, peer, challenge, frames)
    try {
      this.#admit(session)
      session.send({ t: 'hello', ...this.hello(), challenge })
    } catch (error) {
      session.refuse(error)
    }
    return session
  }

  #admit(session: Session): void {
    const { maxSessions, maxWaiting, maxSessionsPerAddress } = this.#limits
    if (this.#isClosed) throw new KeeperError('INTAKE_STOPPING')
    if (this.#sessions.size >= maxSessions || this.#waiting.size >= maxWaiting) this.#makeRoom()
    if (!this.#gate.addresses.enter(session.peer.address)) {
      throw new KeeperError('ADDRESS_FULL', { limit: maxSessionsPerAddress })
    }
    this.#sessions.add(session)
    this.#waiting.add(session)
  }

  /** The oldest connection that owes its login gives way: a node logs in within a round trip. */
  #makeRoom(): void {
    const oldest = this.#waiting.values().next().value
    if (oldest === undefined || this.realMs() - oldest.openedMs < MIN_WAIT_MS) {
      throw new KeeperError('INTAKE_FULL', { what: 'sessions' })
    }
    oldest.refuse(new KeeperError('INTAKE_FULL', { what: 'sessions without a login' }))
  }

  async login(session: Session, frame: LoginFrame, challenge: Hex): Promise<void> {
    const { address } = session.peer
    this.#waiting.delete(session)
    if (this.realMs() - session.openedMs > this.#limits.challengeMs) throw this.#loginTimeout()
    this.#gate.refuseAudience(frame.audience)
    this.#gate.refuseFlood(address, this.realMs())
    if (this.#nodes.find(frame.node)?.logins.has(this.realMs()) === false) {
      throw new KeeperError('RATE_LIMITED', { what: `logins of ${frame.node}` })
    }
    await this.#gate.refuseStranger(frame.node)
    const asked = { address, isWaiting: () => session.state === 'checking' }
    await this.#gate.checkLogin(asked, frame, challenge)
  }

  welcome(session: Session, node: Address): { hour: Hour; count: number } {
    const record = this.#nodes.of(node, this.realMs())
    record.logins.take(this.realMs())
    record.session?.replace()
    record.session = session
    this.#loggedIn += 1
    return this.countOf(node)
  }

  isAsked(node: Address): boolean {
    const record = this.#nodes.of(node, this.realMs())
    record.pings += 1
    return record.pings % this.#options.tally.rule.statusEvery === 0
  }

  count(node: Address, status: NodeStatus): Counted {
    const { tally, clock } = this.#options
    const counted = tally.count(node, clock.nowMs(), status)
    if (counted.counted) this.#counted += 1
    return counted
  }

  countOf(node: Address): { hour: Hour; count: number } {
    const { tally, clock } = this.#options
    const hour = hourOf(clock.now())
    return { hour, count: tally.countOf(node, hour) }
  }

  async beat(body: unknown, address: string): Promise<{ hour: Hour; count: number }> {
    try {
      if (this.#isClosed) throw new KeeperError('INTAKE_STOPPING')
      const { clock, tally } = this.#options
      const realMs = (): number => this.realMs()
      const desk = { gate: this.#gate, nodes: this.#nodes, limits: this.#limits }
      const counted = await acceptBeat({ ...desk, tally, clock, realMs }, body, address)
      this.#counted += 1
      return counted
    } catch (error) {
      this.#note(address, error, describe(error).code)
      throw error
    }
  }

  tell(node: Address, frame: ServerFrame): boolean {
    const session = this.#nodes.find(node)?.session
    session?.send(frame)
    return session !== undefined
  }

  async recheck(): Promise<void> {
    for (const [index, node] of this.#nodes.all().entries()) {
      if (index % RECHECK_AT_ONCE === RECHECK_AT_ONCE - 1) await nextTurn()
      try {
        await this.#gate.refuseStranger(node)
      } catch (error) {
        // Unread is not removed: who is in stays in, and the next round asks again.
        if (isKeeperError(error, 'ROSTER_UNREAD')) return
        this.#nodes.find(node)?.session?.refuse(error)
        this.#nodes.forget(node)
      }
    }
  }

  sweep(): void {
    const nowMs = this.realMs()
    const { challengeMs, idlePings } = this.#limits
    const idleMs = Math.max(MIN_IDLE_MS, idlePings * this.#pingMs)
    for (const session of this.#sessions) {
      if (session.state === 'in') {
        if (nowMs - session.lastMs > idleMs) session.refuse(idle(idleMs))
        continue
      }
      const patienceMs = challengeMs + (session.state === 'checking' ? CHECK_MS : 0)
      if (nowMs - session.openedMs > patienceMs) session.refuse(this.#loginTimeout())
    }
  }

  #sweepLater(): void {
    this.#sweeper = setTimeout(() => {
      this.sweep()
      this.#sweepLater()
    }, SWEEP_MS).unref()
  }

  #loginTimeout(): KeeperError {
    return new KeeperError('LOGIN_TIMEOUT', { seconds: this.#limits.challengeMs / 1000 })
  }

  refused(session: Session, error: unknown, code: string): void {
    this.#note(session.peer.address, error, code)
  }

  /** A stranger cannot fill the log: refusals are counted, and written down one by one only for debugging. */
  #note(address: string, error: unknown, code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
    const { log } = this.#options
    if (isKeeperError(error)) log.debug({ address, code }, 'intake-refused')
    else log.error({ address, ...describe(error) }, 'intake-failed')
  }

  over(session: Session): void {
    this.#waiting.delete(session)
    if (this.#sessions.delete(session)) this.#gate.addresses.leave(session.peer.address)
    if (session.node === undefined) return
    this.#loggedIn -= 1
    const record = this.#nodes.find(session.node)
    if (record?.session === session) record.session = undefined
  }

  figures(): IntakeFigures {
    return {
      sessions: this.#sessions.size,
      nodes: this.#loggedIn,
      checks: this.#gate.checks,
      counted: this.#counted,
      refused: { ...this.#refused },
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#sweeper)
    for (const session of this.#sessions) session.refuse(new KeeperError('INTAKE_STOPPING'))
  }
}

function idle(idleMs: number): KeeperError {
  return new KeeperError('SESSION_IDLE', { seconds: Math.round(idleMs / 1000) })
}
