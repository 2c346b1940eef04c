import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import { CLOSED, asked, failed, mayAsk, openMsOf, opened, succeeded } from './circuit.ts'
import type { Circuit, CircuitState } from './circuit.ts'
import type { PoolTime } from './pool-time.ts'
import type { Transport } from './transport.ts'

export interface EndpointStatus {
  /** For showing: without credentials; a number follows where two would look alike. */
  url: string
  state: CircuitState
  /** In a row. */
  failures: number
  /** The block it was last seen at. */
  head?: number
  lastError?: string
}

export interface RequestStats {
  url: string
  method: string
  requests: number
  /** Answered with a JSON-RPC error. */
  refused: number
  /** Not answered, or not properly. */
  failed: number
  totalMs: number
  maxMs: number
}

export interface RequestSample {
  url: string
  method: string
  ms: number
  outcome: 'ok' | 'refused' | 'error'
}

export interface Endpoint {
  readonly url: string
  /** The block it was last seen at; -1 before any. */
  readonly head: number
  /** Closed, or due for its trial. */
  isReady(): boolean
  /** When an open circuit is due, for choosing among several that are open. */
  dueMs(): number
  /** Counts for the circuit whatever happens; an endpoint not known to be on our chain shows that first. */
  request(method: string, params: readonly unknown[], endMs: number): Promise<unknown>
  /** The chain it says it is on; asked at start, before a chain is agreed. */
  identify(endMs: number): Promise<number>
  /** It kept us waiting or told an untruth. */
  distrust(reason: string): void
  hasReached(block: number): void
  status(): EndpointStatus
  stats(): RequestStats[]
  close(): void
}

export interface EndpointOptions {
  transport: Transport
  url: string
  time: PoolTime
  /** Undefined until it is agreed at start. */
  chainId: () => number | undefined
  onRequest: (sample: RequestSample) => void
}

interface EndpointState {
  circuit: Circuit
  /** What it said of itself since its circuit was last closed for good. */
  chainId: Promise<number> | undefined
  head: number
  lastError: string | undefined
  stats: Map<string, RequestStats>
}

// The shortest time in which an answer can be hoped for: below it the deadline has passed.
const MIN_REQUEST_MS = 1

export function openEndpoint(options: EndpointOptions): Endpoint {
  const { transport, url, time } = options
  const state: EndpointState = {
    circuit: CLOSED,
    chainId: undefined,
    head: -1,
    lastError: undefined,
    stats: new Map(),
  }
  const fail = (error: unknown): void => onFailure(options, state, error)
  return {
    url,
    get head() {
      return state.head
    },
    isReady: () => mayAsk(state.circuit, time.nowMs()),
    dueMs: () => state.circuit.openedMs + openMsOf(state.circuit),
    request: (method, params, endMs) => request(options, state, method, params, endMs),
    identify: (endMs) => tracked(options, state, () => identify(options, state, endMs)),
    distrust: (reason) => fail(new KeeperError('RPC_UNAVAILABLE', { url, method: '', reason })),
    hasReached: (block) => {
      state.head = Math.max(state.head, block)
    },
    status: () => statusOf(options, state),
    stats: () => [...state.stats.values()].map((row) => ({ ...row })),
    close: () => transport.close?.(),
  }
}

async function request(
  options: EndpointOptions,
  state: EndpointState,
  method: string,
  params: readonly unknown[],
  endMs: number,
): Promise<unknown> {
  return tracked(options, state, async () => {
    const expected = options.chainId()
    const found = await (state.chainId ?? identify(options, state, endMs))
    if (expected !== undefined && found !== expected) throw wrongChain(options, found, expected)
    const result = await ask(options, state, method, params, endMs)
    noteHead(state, method, params, result)
    return result
  })
}

function wrongChain({ url }: EndpointOptions, found: number, expected: number): KeeperError {
  return new KeeperError('CHAIN_ID_WRONG', { url, found, expected })
}

/** Whatever comes of it is told to the circuit once. */
async function tracked<T>(
  options: EndpointOptions,
  state: EndpointState,
  act: () => Promise<T>,
): Promise<T> {
  state.circuit = asked(state.circuit, options.time.nowMs())
  try {
    const result = await act()
    state.circuit = succeeded(state.circuit)
    return result
  } catch (error) {
    if (isKeeperError(error, 'RPC_REFUSED')) state.circuit = succeeded(state.circuit)
    else onFailure(options, state, error)
    throw error
  }
}

function onFailure({ time }: EndpointOptions, state: EndpointState, error: unknown): void {
  const isElsewhere = isKeeperError(error, 'CHAIN_ID_WRONG')
  const next = (isElsewhere ? opened : failed)(state.circuit, time.nowMs())
  state.circuit = next
  state.lastError = messageOf(error)
  // What comes back after an outage may be another node: it has to show its chain again.
  if (next.state === 'open') state.chainId = undefined
}

/** Asked once, also by many requests at the same time. */
function identify(options: EndpointOptions, state: EndpointState, endMs: number): Promise<number> {
  const answer = ask(options, state, 'eth_chainId', [], endMs).then(Number)
  state.chainId = answer
  answer.catch(() => {
    if (state.chainId === answer) state.chainId = undefined
  })
  return answer
}

async function ask(
  { transport, url, time, onRequest }: EndpointOptions,
  state: EndpointState,
  method: string,
  params: readonly unknown[],
  endMs: number,
): Promise<unknown> {
  const startMs = time.nowMs()
  const count = (outcome: RequestSample['outcome']): void => {
    const sample = { url, method, ms: time.nowMs() - startMs, outcome }
    add(state.stats, sample)
    onRequest(sample)
  }
  try {
    const leftMs = Math.max(MIN_REQUEST_MS, endMs - startMs)
    const result = await transport.request(method, params, leftMs)
    count('ok')
    return result
  } catch (error) {
    count(isKeeperError(error, 'RPC_REFUSED') ? 'refused' : 'error')
    throw error
  }
}

function add(stats: Map<string, RequestStats>, { url, method, ms, outcome }: RequestSample): void {
  const row = stats.get(method) ?? {
    url,
    method,
    requests: 0,
    refused: 0,
    failed: 0,
    totalMs: 0,
    maxMs: 0,
  }
  row.requests += 1
  row.totalMs += ms
  row.maxMs = Math.max(row.maxMs, ms)
  if (outcome === 'refused') row.refused += 1
  if (outcome === 'error') row.failed += 1
  stats.set(method, row)
}

/** Its height is learned from what it answers anyway. */
function noteHead(
  state: EndpointState,
  method: string,
  params: readonly unknown[],
  result: unknown,
): void {
  const isLatest = method === 'eth_getBlockByNumber' && params[0] === 'latest'
  if (!isLatest && method !== 'eth_blockNumber') return
  const head = Number(isLatest ? (result as { number?: unknown } | null)?.number : result)
  // Whatever is no height is told by whoever reads the answer.
  if (Number.isSafeInteger(head)) state.head = head
}

function statusOf({ url }: EndpointOptions, state: EndpointState): EndpointStatus {
  const { circuit, head, lastError } = state
  return {
    url,
    state: circuit.state,
    failures: circuit.failures,
    ...(head < 0 ? {} : { head }),
    ...(lastError === undefined || circuit.failures === 0 ? {} : { lastError }),
  }
}
