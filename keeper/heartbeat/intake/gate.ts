import { KeeperError, messageOf } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { systemClock } from '../../base/time.ts'
import { openCheckQueue } from './check-queue.ts'
import type { CheckQueue } from './check-queue.ts'
import type { LoginFrame, SignedBeat } from './frames.ts'
import { Addresses } from './limits.ts'
import type { IntakeLimits } from './limits.ts'
import { openSignatureCheck, originOf } from './login.ts'
import type { HeartbeatHome, SignatureCheck } from './login.ts'

/** Who may beat, as the roster has it. Unknown nodes are looked up anew only now and then. */
export interface Members {
  stateOf(node: Address): Promise<'active' | 'pending' | 'removed' | 'unknown'>
}

export interface GateOptions extends HeartbeatHome {
  audiences: readonly string[]
  members: Members
  log: Logger
}

// Strangers ask as often as they like; the log says once a minute that nobody could answer.
const TELL_EVERY_MS = 60_000

/**
 * What stands before a login and before a single beat, cheapest first: the audience, the address, the
 * roster, and only then 2 ms for the signature.
 */
export class Gate {
  readonly addresses: Addresses
  readonly #home: HeartbeatHome
  readonly #members: Members
  readonly #log: Logger
  readonly #audiences: ReadonlySet<string>
  readonly #check: SignatureCheck
  readonly #queue: CheckQueue

  #toldUnreadMs = -Infinity

  constructor(options: GateOptions, limits: IntakeLimits, intervalMs: number) {
    const { chainId, registry } = options
    this.#home = { chainId, registry }
    this.#members = options.members
    this.#log = options.log
    this.#audiences = new Set(options.audiences.map(originOf))
    this.#check = openSignatureCheck(this.#home)
    this.#queue = openCheckQueue(limits.maxWaiting)
    this.addresses = new Addresses(limits.maxSessionsPerAddress, intervalMs)
  }

  get checks(): number {
    return this.#queue.length
  }

  /** What was signed for another intake is worth nothing here, whoever brings it. */
  refuseAudience(audience: string): void {
    if (this.#audiences.has(audience)) return
    throw new KeeperError('LOGIN_AUDIENCE', { audiences: [...this.#audiences] })
  }

  refuseFlood(address: string, realMs: number): void {
    if (this.addresses.attempt(address, realMs)) return
    throw new KeeperError('RATE_LIMITED', { what: 'logins and single beats of this address' })
  }

  async refuseStranger(node: Address): Promise<void> {
    const state = await this.#stateOf(node)
    if (state === 'removed') throw new KeeperError('NODE_REMOVED', { node, ...this.#home })
    if (state === 'unknown') throw new KeeperError('NODE_UNKNOWN', { node, ...this.#home })
  }

  async #stateOf(node: Address): ReturnType<Members['stateOf']> {
    try {
      return await this.#members.stateOf(node)
    } catch (error) {
      this.#tellUnread(error)
      throw new KeeperError('ROSTER_UNREAD', { node }, error)
    }
  }

  #tellUnread(error: unknown): void {
    const nowMs = systemClock.nowMs()
    if (nowMs - this.#toldUnreadMs < TELL_EVERY_MS) return
    this.#toldUnreadMs = nowMs
    this.#log.warn({ reason: messageOf(error) }, 'roster-unread')
  }

  /** Whoever hung up while the check waited costs nothing more. */
  checkLogin(from: Asked, frame: LoginFrame, challenge: Hex): Promise<void> {
    return this.#queue.run(from.address, () => {
      if (from.isWaiting()) this.#check.checkLogin(frame, challenge)
    })
  }

  checkBeat(address: string, beat: SignedBeat): Promise<void> {
    return this.#queue.run(address, () => this.#check.checkBeat(beat))
  }
}

export interface Asked {
  address: string
  isWaiting(): boolean
}
