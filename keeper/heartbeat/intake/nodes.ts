import type { Address } from '../../base/schema.ts'
import { TokenBucket } from './limits.ts'
import type { IntakeLimits } from './limits.ts'
import type { Session } from './session.ts'

/** What the intake remembers of a node over its sessions. */
export interface NodeRecord {
  session: Session | undefined
  /** Since the intake started: a node that reconnects goes on where it was in the three pings. */
  pings: number
  /** Logins that succeeded: nobody else can use them up. */
  logins: TokenBucket
  /** When its last single beat was counted, by the intake's clock, and what time it said. */
  signedMs: number
  signedAt: number
}

/** Only nodes whose signature was checked are in it: as many as the roster has, and no more. */
export class Nodes {
  readonly #records = new Map<Address, NodeRecord>()
  readonly #limits: IntakeLimits

  constructor(limits: IntakeLimits) {
    this.#limits = limits
  }

  find(node: Address): NodeRecord | undefined {
    return this.#records.get(node)
  }

  of(node: Address, realMs: number): NodeRecord {
    const known = this.#records.get(node)
    if (known !== undefined) return known
    const { loginBurst, loginRefillMs } = this.#limits
    const logins = new TokenBucket(loginBurst, loginRefillMs, realMs)
    const fresh = { session: undefined, pings: 0, logins, signedMs: -Infinity, signedAt: -1 }
    this.#records.set(node, fresh)
    return fresh
  }

  forget(node: Address): void {
    this.#records.delete(node)
  }

  all(): Address[] {
    return [...this.#records.keys()]
  }
}
