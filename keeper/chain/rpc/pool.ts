import { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import { collect } from './collect.ts'
import type { CollectRule } from './collect.ts'
import { openEndpoint } from './endpoint.ts'
import type { Endpoint, EndpointStatus, RequestSample, RequestStats } from './endpoint.ts'
import { failOver } from './fail-over.ts'
import { steadyTime } from './pool-time.ts'
import type { PoolTime } from './pool-time.ts'
import { hasAnswered, mostTelling, quorumOf, reachedBy } from './quorum.ts'
import type { Voice } from './quorum.ts'
import type { Transport } from './transport.ts'

// A healthy endpoint on the other side of the world answers in a third of a second.
const MAX_HEDGE_MS = 1_000
// Endpoints of one chain differ by a network's way; who needs longer is not missed in a vote.
const VOTE_GRACE_MS = 150
// One has the bytes: the others get as long as a way round the world before we go on.
const SEND_GRACE_MS = 150
// A refusal is no hurry: another endpoint may still take it.
const REFUSAL_GRACE_MS = 1_000
// At start a wrong chain or an absent contract is worth a wait; a hanging endpoint is not.
const START_GRACE_MS = 1_000

export interface PoolOptions {
  /** The longest that any call takes, however many endpoints it asks. */
  timeoutMs: number
  time?: PoolTime
}

/** Several endpoints of one chain as one: reads fail over, votes need a quorum, a send goes to all. */
export interface Pool {
  readonly chainId: number
  readonly quorum: number
  /** A read from the first that answers and is not behind what we have seen; other methods go to one only. */
  request(method: string, params: readonly unknown[]): Promise<unknown>
  /** What a quorum and whoever is quick enough say; fewer voices when the others do not answer. */
  vote(
    method: string,
    params: readonly unknown[],
    isEnough?: CollectRule['isEnough'],
  ): Promise<Voice[]>
  /** What every endpoint says, also those given up for now; with a short grace for the silent ones at start. */
  each(method: string, params: readonly unknown[], isStart?: boolean): Promise<Voice[]>
  /** Resolves once one has taken it, else throws the most telling refusal. */
  broadcast(raw: Hex, hash: Hex): Promise<void>
  /** These endpoints have shown the block, so none that is behind it is asked for state. */
  sawBlock(block: number, urls: readonly string[]): void
  endpoints(): EndpointStatus[]
  stats(): RequestStats[]
  observe(listener: Listener): void
  close(): void
}

type Listener = (sample: RequestSample) => void

interface PoolState {
  endpoints: readonly Endpoint[]
  quorum: number
  time: PoolTime
  timeoutMs: number
  listeners: Set<Listener>
  /** Without an id until it is agreed at start. */
  chain: { id: number | undefined }
  /** Blocks that we act upon: an endpoint below would show us the past. */
  floor: number
}

/** CHAIN_ID_WRONG when any that answers is elsewhere; who is silent has to show its chain before it is used. */
export async function openPool(
  transports: readonly Transport[],
  { chainId, ...options }: PoolOptions & { chainId?: number | undefined },
): Promise<Pool> {
  const state = stateOf(transports, options)
  const agreed = await agreeOnChain(state, chainId).catch((error: unknown) => {
    closeAll(state)
    throw error
  })
  return poolOf(state, agreed)
}

/** Asks nothing yet: each endpoint has to show its chain at its first request. */
export function poolOver(
  transports: readonly Transport[],
  chainId: number,
  options: PoolOptions,
): Pool {
  return poolOf(stateOf(transports, options), chainId)
}

function stateOf(
  transports: readonly Transport[],
  { timeoutMs, time = steadyTime }: PoolOptions,
): PoolState {
  const listeners = new Set<Listener>()
  const onRequest = (sample: RequestSample): void => {
    for (const listener of listeners) listener(sample)
  }
  const chain: PoolState['chain'] = { id: undefined }
  const urls = distinct(transports.map(({ url }) => url))
  const endpoints = transports.map((transport, i) =>
    openEndpoint({
      transport,
      url: urls[i] ?? transport.url,
      time,
      onRequest,
      chainId: () => chain.id,
    }),
  )
  const quorum = quorumOf(transports.length)
  return { endpoints, quorum, time, timeoutMs, listeners, chain, floor: 0 }
}

function poolOf(state: PoolState, chainId: number): Pool {
  const { endpoints, quorum, chain, listeners } = state
  chain.id = chainId
  return {
    chainId,
    quorum,
    request: (method, params) => request(state, method, params),
    vote: (method, params, isEnough) => vote(state, method, params, isEnough),
    each: (method, params, isStart = false) => each(state, method, params, isStart),
    broadcast: (raw, hash) => broadcast(state, raw, hash),
    sawBlock: (block, urls) => sawBlock(state, block, urls),
    endpoints: () => endpoints.map((endpoint) => endpoint.status()),
    stats: () => endpoints.flatMap((endpoint) => endpoint.stats()),
    observe: (listener) => void listeners.add(listener),
    close: () => closeAll(state),
  }
}

function closeAll({ endpoints }: PoolState): void {
  for (const endpoint of endpoints) endpoint.close()
}

/** Two endpoints of one provider look alike once their keys are hidden. */
function distinct(urls: readonly string[]): string[] {
  return urls.map((url, i) => {
    const before = urls.slice(0, i).filter((other) => other === url).length
    return before === 0 ? url : `${url} #${before + 1}`
  })
}

async function agreeOnChain(state: PoolState, configured: number | undefined): Promise<number> {
  const { endpoints, time } = state
  const endMs = endOf(state)
  const voices = await collect(endpoints, time, (endpoint) => endpoint.identify(endMs), {
    graceMs: graceAfterAnswers(1, START_GRACE_MS),
  })
  const found = voices.filter(hasAnswered).map(({ url, answer }) => ({ url, id: Number(answer) }))
  const expected = configured ?? found[0]?.id
  if (expected === undefined || found.length === 0) throw told(voices)
  const other = found.find(({ id }) => id !== expected)
  if (!other) return expected
  throw new KeeperError('CHAIN_ID_WRONG', { url: other.url, found: other.id, expected })
}

function graceAfterAnswers(count: number, graceMs: number): NonNullable<CollectRule['graceMs']> {
  return (voices) => (voices.filter(hasAnswered).length >= count ? graceMs : undefined)
}

function told(voices: readonly Voice[]): Error {
  return mostTelling(voices.map(({ error }) => error).filter((error) => error !== undefined))
}

function endOf({ time, timeoutMs }: PoolState): number {
  return time.nowMs() + timeoutMs
}

// What may be asked twice: of several nodes, or again. All else goes to one node, once.
const READ =
  /^(eth_(get|call|block|chain|max|gas|fee|estimate|syncing)|net_|web3_|debug_trace|trace_)/
// An endpoint that does not have it may only not have it yet.
const MAY_BE_ELSEWHERE = /^eth_get(Transaction|Block)(Receipt|By)/
// Not about the state of a block, so an endpoint that is behind answers as well as any.
const ANY_HEIGHT = /^(eth_(blockNumber|chainId)|net_|web3_)/

async function request(
  state: PoolState,
  method: string,
  params: readonly unknown[],
): Promise<unknown> {
  const endMs = endOf(state)
  const [only, another] = state.endpoints
  if (only && !another) return only.request(method, params, endMs)
  const ordered = byReadiness(state)
  if (!READ.test(method)) return ordered[0]?.request(method, params, endMs)
  const hedgeMs = Math.min(MAX_HEDGE_MS, state.timeoutMs / state.endpoints.length)
  const ask = async (endpoint: Endpoint): Promise<unknown> => {
    if (!ANY_HEIGHT.test(method)) await requireHeight(state, endpoint, endMs)
    return endpoint.request(method, params, endMs)
  }
  const isWeak = (answer: unknown): boolean => answer === null && MAY_BE_ELSEWHERE.test(method)
  return failOver(ordered, { time: state.time, hedgeMs, ask, isWeak })
}

/** In configured order those that are high enough, then those that may be; those given up last. */
function byReadiness({ endpoints, floor }: PoolState): Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady())
  const open = endpoints.filter((endpoint) => !ready.includes(endpoint))
  return [
    ...ready.filter(({ head }) => head >= floor),
    ...ready.filter(({ head }) => head < floor),
    ...open.toSorted((a, b) => a.dueMs() - b.dueMs()),
  ]
}

async function requireHeight(state: PoolState, endpoint: Endpoint, endMs: number): Promise<void> {
  if (endpoint.head >= state.floor) return
  const head = Number(await endpoint.request('eth_blockNumber', [], endMs))
  if (head >= state.floor) return
  const { url } = endpoint
  const reason = `it is at block ${head}, others are at ${state.floor}`
  forgetFloorOfReorg(state)
  throw new KeeperError('RPC_UNAVAILABLE', { url, method: 'eth_blockNumber', reason })
}

/** Everybody is lower: the chain itself went back, and what they have is all there is. */
function forgetFloorOfReorg(state: PoolState): void {
  const { endpoints, quorum, floor } = state
  if (endpoints.some(({ head }) => head >= floor)) return
  const heads = endpoints.map(({ head }) => head)
  state.floor = Math.max(0, reachedBy(heads, quorum, (head) => head) ?? 0)
}

async function vote(
  state: PoolState,
  method: string,
  params: readonly unknown[],
  isEnough?: CollectRule['isEnough'],
): Promise<Voice[]> {
  const endMs = endOf(state)
  const { time, quorum } = state
  const ask = (endpoint: Endpoint): Promise<unknown> => endpoint.request(method, params, endMs)
  return collect(electorate(state), time, ask, {
    ...(isEnough ? { isEnough } : {}),
    graceMs: graceAfterAnswers(quorum, VOTE_GRACE_MS),
  })
}

/** Those that are ready; when they are too few, those given up as well. */
function electorate({ endpoints, quorum }: PoolState): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady())
  return ready.length >= quorum ? ready : endpoints
}

async function each(
  state: PoolState,
  method: string,
  params: readonly unknown[],
  isStart: boolean,
): Promise<Voice[]> {
  const endMs = endOf(state)
  const ask = (endpoint: Endpoint): Promise<unknown> => endpoint.request(method, params, endMs)
  const rule = isStart ? { graceMs: graceAfterAnswers(1, START_GRACE_MS) } : {}
  const voices = await collect(state.endpoints, state.time, ask, rule)
  const order = state.endpoints.map(({ url }) => url)
  return voices.toSorted((a, b) => order.indexOf(a.url) - order.indexOf(b.url))
}

async function broadcast(state: PoolState, raw: Hex, hash: Hex): Promise<void> {
  const endMs = endOf(state)
  const ask = (endpoint: Endpoint): Promise<unknown> => submit(endpoint, raw, hash, endMs)
  const voices = await collect(electorate(state), state.time, ask, { graceMs: sendGraceMs })
  if (!voices.some(hasAnswered)) throw told(voices)
}

async function submit(endpoint: Endpoint, raw: Hex, hash: Hex, endMs: number): Promise<void> {
  const answered = await endpoint.request('eth_sendRawTransaction', [raw], endMs)
  if (String(answered).toLowerCase() === hash) return
  const { url } = endpoint
  endpoint.distrust('it answered a hash that is not of the transaction')
  throw new KeeperError('RPC_HASH_MISMATCH', { url, answered, hash })
}

function sendGraceMs(voices: readonly Voice[]): number | undefined {
  if (voices.some(hasAnswered)) return SEND_GRACE_MS
  const isRefused = voices.some(
    ({ error }) => error instanceof KeeperError && error.code === 'RPC_REFUSED',
  )
  return isRefused ? REFUSAL_GRACE_MS : undefined
}

function sawBlock(state: PoolState, block: number, urls: readonly string[]): void {
  state.floor = Math.max(state.floor, block)
  for (const endpoint of state.endpoints) {
    if (urls.includes(endpoint.url)) endpoint.hasReached(block)
  }
}
