import { isIPv6 } from 'node:net'

/** What one node, one address and all together may ask of an intake. */
export interface IntakeLimits {
  /** Sessions in all, logged in or not. */
  maxSessions: number
  /** Of these, how many may still owe their login. */
  maxWaiting: number
  maxSessionsPerAddress: number
  /** How long a challenge may be answered; real time. */
  challengeMs: number
  /** How far the time of a single signed beat may be from ours; in the time of the intake's clock. */
  skewMs: number
  /** Frames that a session may send for each ping that is due. */
  framesPerPing: number
  frameBurst: number
  /** Logins of one node that succeeded, at once and afterwards each so many ms. */
  loginBurst: number
  loginRefillMs: number
  /** A session is closed when nothing came for so many pings (and at least MIN_IDLE_MS). */
  idlePings: number
}

export const DEFAULT_LIMITS: IntakeLimits = {
  // The 10,000 nodes of the goal twice: while they reconnect, the old connections may still linger.
  maxSessions: 20_000,
  // Half: who never logs in can take at most the places that 10,000 known nodes leave.
  maxWaiting: 10_000,
  // The nodes behind one router of a data centre; 64 of 32 agents each restarted once.
  maxSessionsPerAddress: 64,
  challengeMs: 30_000,
  // Machines without time synchronisation are off by seconds a week; a minute hides no replay.
  skewMs: 60_000,
  // A ping and every third time a status are 4/3; three times that for a node that catches up.
  framesPerPing: 4,
  frameBurst: 32,
  // An agent that flaps reconnects every few seconds at worst; two agents with one key fight for hours.
  loginBurst: 20,
  loginRefillMs: 5_000,
  // Three lost pings are a bad network, the fourth is a connection that is gone.
  idlePings: 4,
}

/** With fewer places in all, the half of them that owe their login are fewer, too. */
export function limitsOf(given: Partial<IntakeLimits> = {}): IntakeLimits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  const maxWaiting = given.maxWaiting ?? Math.ceil(limits.maxSessions / 2)
  return { ...limits, maxWaiting }
}

// Compressed clocks make pings of milliseconds; a connection is not dead after four of them.
export const MIN_IDLE_MS = 10_000
// About 100 bytes each: 7 MB at worst.
export const MAX_ADDRESSES = 65_536
// An address may try twice as often as it may have sessions: each reconnects once in an interval.
export const ATTEMPTS_PER_SESSION = 2

/** Tokens that come back with time: `burst` at once, then one every refillMs. Real time. */
export class TokenBucket {
  readonly #burst: number
  readonly #refillMs: number
  #tokens: number
  #atMs: number

  constructor(burst: number, refillMs: number, nowMs: number) {
    this.#burst = burst
    this.#refillMs = refillMs
    this.#tokens = burst
    this.#atMs = nowMs
  }

  take(nowMs: number): boolean {
    if (!this.has(nowMs)) return false
    this.#tokens -= 1
    return true
  }

  has(nowMs: number): boolean {
    // A clock that goes back gives nothing and takes nothing.
    const gained = Math.max(0, nowMs - this.#atMs) / this.#refillMs
    this.#tokens = Math.min(this.#burst, this.#tokens + gained)
    this.#atMs = nowMs
    return this.#tokens >= 1
  }
}

/** Who asks from where: sessions held and attempts made. Both lists are bounded. */
export class Addresses {
  // At most maxSessions of the intake: only who holds one is in it.
  readonly #sessions = new Map<string, number>()
  // In the order of use: the longest unused is forgotten first.
  readonly #attempts = new Map<string, TokenBucket>()
  readonly #maxSessions: number
  readonly #refillMs: number

  /** Attempts come back so that all sessions of an address can come back in an interval, twice. */
  constructor(maxSessions: number, intervalMs: number) {
    this.#maxSessions = maxSessions
    this.#refillMs = intervalMs / (ATTEMPTS_PER_SESSION * maxSessions)
  }

  enter(address: string): boolean {
    const key = addressKey(address)
    const held = this.#sessions.get(key) ?? 0
    if (held >= this.#maxSessions) return false
    this.#sessions.set(key, held + 1)
    return true
  }

  leave(address: string): void {
    const key = addressKey(address)
    const held = this.#sessions.get(key) ?? 0
    if (held > 1) this.#sessions.set(key, held - 1)
    else this.#sessions.delete(key)
  }

  /** A login or a single beat: each may cost the recovery of a key. */
  attempt(address: string, nowMs: number): boolean {
    const key = addressKey(address)
    const bucket = this.#attempts.get(key) ?? this.#fresh(nowMs)
    this.#attempts.delete(key)
    this.#attempts.set(key, bucket)
    return bucket.take(nowMs)
  }

  #fresh(nowMs: number): TokenBucket {
    // Whoever has 65,536 addresses gains nothing by one of them being forgotten.
    const oldest = this.#attempts.keys().next().value
    if (this.#attempts.size >= MAX_ADDRESSES && oldest !== undefined) this.#attempts.delete(oldest)
    return new TokenBucket(ATTEMPTS_PER_SESSION * this.#maxSessions, this.#refillMs, nowMs)
  }
}

const MAX_KEY = 64

/** An IPv6 customer has 2^64 addresses: the first half names it. Written as IPv4 where it is one. */
export function addressKey(address: string): string {
  const plain = address.replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)
  if (mapped?.[1] !== undefined) return mapped[1]
  return isIPv6(plain) ? networkOf(plain) : plain.slice(0, MAX_KEY)
}

const GROUPS = 8
const NETWORK_GROUPS = 4

function networkOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : GROUPS - before.length - after.length
  const groups = [...before, ...Array<string>(Math.max(0, gap)).fill('0'), ...after]
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`
}
