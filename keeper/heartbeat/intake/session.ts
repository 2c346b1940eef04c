import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import type { Counted, NodeStatus } from '../tally/tally.ts'
import { encodeFrame, parseClientFrame } from './frames.ts'
import type { LoginFrame, PingFrame, ServerFrame, StatusFrame } from './frames.ts'
import type { TokenBucket } from './limits.ts'
import { CLOSE_REPLACED, refusalOf } from './refusals.ts'

/** One connection, whatever it is made of. `send` and `close` may be called on one that is gone. */
export interface Peer {
  readonly address: string
  send(text: string): void
  close(code: number, reason: string): void
}

/** What a session asks of the intake. */
export interface SessionHost {
  /** Real milliseconds: limits of connections do not follow a compressed clock. */
  realMs(): number
  /** Resolves when that node may beat here; rejects with the reason. */
  login(session: Session, frame: LoginFrame, challenge: Hex): Promise<void>
  /** The node is known now: it becomes the only session of that node. */
  welcome(session: Session, node: Address): { hour: Hour; count: number }
  /** Every so many pings of a node one is asked for its status, over all its sessions. */
  isAsked(node: Address): boolean
  count(node: Address, status: NodeStatus): Counted
  countOf(node: Address): { hour: Hour; count: number }
  refused(session: Session, error: unknown, code: string): void
  over(session: Session): void
}

type State = 'waiting' | 'checking' | 'in' | 'over'

/** waiting → checking → in → over. Frames are answered at once; only the login takes time. */
export class Session {
  readonly peer: Peer
  readonly openedMs: number
  /** When the last good frame came. */
  lastMs: number
  readonly #host: SessionHost
  readonly #frames: TokenBucket
  #state: State = 'waiting'
  #challenge: Hex | undefined
  #node: Address | undefined
  #asked: number | undefined

  constructor(host: SessionHost, peer: Peer, challenge: Hex, frames: TokenBucket) {
    this.#host = host
    this.peer = peer
    this.#challenge = challenge
    this.#frames = frames
    this.openedMs = host.realMs()
    this.lastMs = this.openedMs
  }

  get state(): State {
    return this.#state
  }

  /** Known only once the login is through. */
  get node(): Address | undefined {
    return this.#node
  }

  /** Throws nothing, whatever arrives: a fault ends this session and no other. */
  receive(text: string): void {
    if (this.#state === 'over') return
    try {
      this.#receive(text)
    } catch (error) {
      this.refuse(error)
    }
  }

  #receive(text: string): void {
    const nowMs = this.#host.realMs()
    if (!this.#frames.take(nowMs)) throw new KeeperError('RATE_LIMITED', { what: 'frames' })
    const frame = parseClientFrame(text)
    if (frame.t === 'login') return this.#login(frame)
    if (this.#node === undefined) {
      throw new KeeperError('FRAME_UNEXPECTED', { frame: frame.t, when: 'before the welcome' })
    }
    this.lastMs = nowMs
    return frame.t === 'ping' ? this.#ping(this.#node, frame) : this.#status(this.#node, frame)
  }

  /** The challenge is gone with the first answer, right or wrong. */
  #login(frame: LoginFrame): void {
    const challenge = this.#challenge
    if (challenge === undefined) throw new KeeperError('CHALLENGE_USED')
    this.#challenge = undefined
    this.#state = 'checking'
    this.#host.login(this, frame, challenge).then(
      () => this.#enter(frame.node),
      (error: unknown) => this.refuse(error),
    )
  }

  /** The connection may have ended while the signature was checked. */
  #enter(node: Address): void {
    if (this.#state !== 'checking') return
    try {
      this.#state = 'in'
      this.#node = node
      this.lastMs = this.#host.realMs()
      this.send({ t: 'welcome', ...this.#host.welcome(this, node) })
    } catch (error) {
      this.refuse(error)
    }
  }

  #ping(node: Address, { n }: PingFrame): void {
    if (!this.#host.isAsked(node)) return this.send({ t: 'pong', n })
    this.#asked = n
    this.send({ t: 'pong', n, ask: true })
  }

  /** Only the answer to what was asked last counts, once: a late one is passed over. */
  #status(node: Address, { t: _kind, n, ...status }: StatusFrame): void {
    if (n !== this.#asked) {
      return this.send({ t: 'counted', ...this.#host.countOf(node), why: 'not-asked' })
    }
    this.#asked = undefined
    const { hour, count, why } = this.#host.count(node, status)
    this.send(
      why === undefined ? { t: 'counted', hour, count } : { t: 'counted', hour, count, why },
    )
  }

  send(frame: ServerFrame): void {
    if (this.#state === 'over') return
    try {
      this.peer.send(encodeFrame(frame))
    } catch {
      // The connection is gone: its end will be reported by whoever holds it.
    }
  }

  /** Says why, then closes. Our own faults go to the log, not to a stranger. */
  refuse(error: unknown): void {
    if (this.#state === 'over') return
    const { closeCode, frame } = refusalOf(error)
    this.#host.refused(this, error, frame.code)
    this.send(frame)
    this.#close(closeCode, frame.code)
  }

  /** The newer login of the same node holds its place from now on. */
  replace(): void {
    this.#close(CLOSE_REPLACED, 'replaced')
  }

  /** The connection ended by itself. */
  ended(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#host.over(this)
  }

  #close(code: number, reason: string): void {
    this.ended()
    try {
      this.peer.close(code, reason)
    } catch {
      // It is gone already, and that is what was wanted.
    }
  }
}
