// An HTTP proxy in front of a real node that fails on command: per method or for all, for a number
// of requests or until healed. What it does to an answer is what such nodes do in the field.

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  answerIn,
  atBlock,
  changed,
  cutShort,
  hex,
  isFinalTag,
  isHeadTag,
  normal,
  refusal,
  resultOf,
} from './rpc-messages.ts'
import type { Outcome, RpcAnswer, RpcCall } from './rpc-messages.ts'

type Json = Record<string, unknown>

/** The transport fails, or a value is wrong. `down()` is apart: nobody listens then. */
export type Fault =
  | { kind: 'hang' }
  | { kind: 'delay'; ms: number }
  /** 429, 500, 502 …; with `json` the body is a JSON-RPC error, else a line of text. */
  | { kind: 'status'; status: number; json?: boolean }
  | { kind: 'html' }
  | { kind: 'wrong-id' }
  | { kind: 'truncated' }
  /** The connection breaks in the middle of the body. */
  | { kind: 'cut-body' }
  /** The connection breaks before the node hears of it. */
  | { kind: 'reset' }
  /** The connection breaks after the node took it: accepted, but the answer is lost. */
  | { kind: 'lost-answer' }
  /** A JSON-RPC error; with `forward` the node took the request all the same. */
  | { kind: 'refuse'; message: string; code?: number; data?: unknown; forward?: boolean }
  /** That result; the node is not asked unless `forward`. */
  | { kind: 'result'; result: unknown; forward?: boolean }
  | { kind: 'null-receipt' }
  /** Mined, says this one alone; fields win over the made-up ones. */
  | { kind: 'fake-receipt'; fields?: Json }
  /** eth_getTransactionByHash and receipts are null: a node that never heard of the transaction. */
  | { kind: 'no-tx' }
  /** Stale (below zero) or ahead (above zero); of one tag when named. */
  | { kind: 'nonce'; shift: number; tag?: string }
  /** A node that lags: its head, `latest` and receipts are those of `behind` blocks ago. */
  | { kind: 'stale-head'; behind: number }
  /** `finalized` and `safe` are refused, or with `isNull` answered by null. */
  | { kind: 'no-tag'; isNull?: boolean }
  | { kind: 'frozen-tag'; block: number }
  /** finalized = safe = latest - behind; Hardhat's own node says that all three are equal. */
  | { kind: 'final-behind'; behind: number }
  | { kind: 'chain-id'; chainId: number }
  | { kind: 'no-code' }

export interface Scope {
  /** Undefined: every method the fault can concern. */
  method?: string | readonly string[]
  /** Undefined: until healed. */
  times?: number
}

export interface Passed {
  method: string
  params: unknown[]
  /** The kinds of the faults that concerned it, none when it went through untouched. */
  faults: string[]
  isForwarded: boolean
  /** What was sent back; undefined for a hang, a broken connection and a body that is no JSON-RPC. */
  answer: RpcAnswer | undefined
}

export interface FaultProxy {
  readonly url: string
  readonly port: number
  /** Everything since the start or the last forget(), in order of arrival. */
  readonly passed: readonly Passed[]
  countOf(method: string): number
  /** Connections that clients have opened so far. */
  readonly connections: number
  forget(): void
  /** Faults add up; the answer takes back this one. */
  fail(fault: Fault, scope?: Scope): () => void
  heal(): void
  /** Connections are refused, open ones are broken; the port is kept for up(). */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

type Next = (call: RpcCall) => Promise<Outcome>
interface Rule {
  fault: Fault
  methods: readonly string[] | undefined
  left: number
}

export async function startFaultProxy(nodeUrl: string): Promise<FaultProxy> {
  const passed: Passed[] = []
  const rules = new Set<Rule>()
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy())
  })
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  const port = await listen(server, 0)

  const forward: Next = async ({ id, method, params }) => {
    const answer = await fetch(nodeUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    })
    return { kind: 'answer', answer: (await answer.json()) as RpcAnswer }
  }

  const handle = async (call: RpcCall): Promise<Outcome> => {
    const matching = [...rules].filter((rule) => concerns(rule, call.method))
    const faults = matching.map(({ fault }) => fault.kind)
    const record: Passed = { ...call, faults, isForwarded: false, answer: undefined }
    passed.push(record)
    const toNode: Next = (rewritten) => {
      record.isForwarded = true
      return forward(rewritten)
    }
    const outcome = await matching.map(use(rules)).reduce(wrap, toNode)(call)
    if (outcome.kind === 'answer') record.answer = outcome.answer
    return outcome
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await textOf(request)) as RpcCall | RpcCall[]
    if (!Array.isArray(body)) return reply(response, await handle(normal(body)))
    const outcomes = await Promise.all(body.map((call) => handle(normal(call))))
    const broken = outcomes.find(({ kind }) => kind !== 'answer')
    if (broken) return reply(response, broken)
    const answers = outcomes.map((outcome) => (outcome.kind === 'answer' ? outcome.answer : null))
    return send(response, 200, 'application/json', JSON.stringify(answers))
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    passed,
    get connections() {
      return connections
    },
    countOf: (method) => passed.filter((one) => one.method === method).length,
    forget: () => void passed.splice(0),
    fail: (fault, { method, times = Number.POSITIVE_INFINITY } = {}) => {
      const methods = typeof method === 'string' ? [method] : (method ?? METHODS_OF[fault.kind])
      const rule: Rule = { fault, methods, left: times }
      rules.add(rule)
      return () => void rules.delete(rule)
    },
    heal: () => rules.clear(),
    down: () => stop(server),
    up: async () => void (await listen(server, port)),
    close: () => stop(server),
  }
}

/** What a fault concerns when nobody names methods; those not listed concern every request. */
const METHODS_OF: { [kind in Fault['kind']]?: readonly string[] } = {
  'null-receipt': ['eth_getTransactionReceipt'],
  'fake-receipt': ['eth_getTransactionReceipt'],
  'no-tx': ['eth_getTransactionReceipt', 'eth_getTransactionByHash'],
  nonce: ['eth_getTransactionCount'],
  'no-tag': ['eth_getBlockByNumber'],
  'frozen-tag': ['eth_getBlockByNumber'],
  'final-behind': ['eth_getBlockByNumber'],
  'chain-id': ['eth_chainId', 'net_version'],
  'no-code': ['eth_getCode'],
}

function concerns({ methods, left }: Rule, method: string): boolean {
  return left > 0 && (methods === undefined || methods.includes(method))
}

function use(rules: Set<Rule>): (rule: Rule) => Fault {
  return (rule) => {
    rule.left -= 1
    if (rule.left <= 0) rules.delete(rule)
    return rule.fault
  }
}

/** The fault around what would have happened without it. */
function wrap(next: Next, fault: Fault): Next {
  return (call) => apply(fault, call, next)
}

function apply<Kind extends Fault['kind']>(
  fault: Extract<Fault, { kind: Kind }>,
  call: RpcCall,
  next: Next,
): Promise<Outcome> {
  return ACTS[fault.kind](fault, call, next)
}

const ACTS: {
  [Kind in Fault['kind']]: (
    fault: Extract<Fault, { kind: Kind }>,
    call: RpcCall,
    next: Next,
  ) => Promise<Outcome>
} = {
  hang: async () => ({ kind: 'hang' }),
  reset: async () => ({ kind: 'drop' }),
  delay: async ({ ms }, call, next) => {
    await delay(ms, undefined, { ref: false })
    return next(call)
  },
  status: async ({ status, json = false }, call) => {
    const message = `status ${status}`
    const text = json ? JSON.stringify(refusal(call, { message })) : message
    return { kind: 'text', status, type: json ? 'application/json' : 'text/plain', text }
  },
  html: async () => ({
    kind: 'text',
    status: 200,
    type: 'text/html',
    text: '<html>Bad gateway</html>',
  }),
  'lost-answer': async (_fault, call, next) => {
    await next(call)
    return { kind: 'drop' }
  },
  truncated: async (_fault, call, next) => ({
    kind: 'text',
    status: 200,
    type: 'application/json',
    text: cutShort(await next(call)),
  }),
  'cut-body': async (_fault, call, next) => ({
    kind: 'cut-body',
    text: cutShort(await next(call)),
  }),
  'wrong-id': async (_fault, call, next) =>
    changed(await next(call), (answer) => ({ ...answer, id: Number(call.id) + 1_000 })),
  refuse: async (fault, call, next) => {
    if (fault.forward) await next(call)
    return { kind: 'answer', answer: refusal(call, fault) }
  },
  result: async ({ result, forward }, call, next) => {
    if (forward) await next(call)
    return resultOf(call, result)
  },
  'null-receipt': async (_fault, call) => resultOf(call, null),
  'no-tx': async (_fault, call) => resultOf(call, null),
  'fake-receipt': async ({ fields = {} }, call, next) =>
    resultOf(call, await fakeReceipt(call, next, fields)),
  nonce: async ({ shift, tag }, call, next) => {
    const outcome = await next(call)
    if (tag !== undefined && call.params[1] !== tag) return outcome
    const shifted = Math.max(0, Number(answerIn(outcome).result) + shift)
    return changed(outcome, (answer) => ({ ...answer, result: hex(shifted) }))
  },
  'chain-id': async ({ chainId }, call) =>
    resultOf(call, call.method === 'net_version' ? String(chainId) : hex(chainId)),
  'no-code': async (_fault, call) => resultOf(call, '0x'),
  'stale-head': ({ behind }, call, next) => lag(call, next, behind),
  'no-tag': async ({ isNull = false }, call, next) => {
    if (!isFinalTag(call.params[0])) return next(call)
    if (isNull) return resultOf(call, null)
    return { kind: 'answer', answer: refusal(call, { message: 'finalized block not found' }) }
  },
  'frozen-tag': ({ block }, call, next) =>
    next(isFinalTag(call.params[0]) ? atBlock(call, block) : call),
  'final-behind': async ({ behind }, call, next) => {
    if (!isFinalTag(call.params[0])) return next(call)
    return next(atBlock(call, Math.max(0, (await headOf(next)) - behind)))
  },
}

/** Consistent as a real lagging node is: every question about the head is asked of an older block. */
async function lag(call: RpcCall, next: Next, behind: number): Promise<Outcome> {
  const head = Math.max(0, (await headOf(next)) - behind)
  if (call.method === 'eth_blockNumber') return resultOf(call, hex(head))
  const named = call.params.map((param) => (isHeadTag(param) ? hex(head) : param))
  if (call.method === 'eth_getBlockByNumber' && Number(named[0]) > head) return resultOf(call, null)
  const outcome = await next({ ...call, params: named })
  if (!/^eth_getTransaction(Receipt|ByHash)$/.test(call.method)) return outcome
  const { blockNumber } = (answerIn(outcome).result ?? {}) as { blockNumber?: string }
  return Number(blockNumber ?? 0) > head ? resultOf(call, null) : outcome
}

async function fakeReceipt(call: RpcCall, next: Next, fields: Json): Promise<Json> {
  return {
    transactionHash: call.params[0],
    transactionIndex: '0x0',
    blockNumber: hex(await headOf(next)),
    blockHash: `0x${'fa'.repeat(32)}`,
    status: '0x1',
    gasUsed: hex(21_000),
    cumulativeGasUsed: hex(21_000),
    effectiveGasPrice: hex(1_000_000_000),
    logs: [],
    ...fields,
  }
}

async function headOf(next: Next): Promise<number> {
  const outcome = await next({ id: 0, method: 'eth_blockNumber', params: [] })
  return Number(answerIn(outcome).result)
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function reply(response: ServerResponse, outcome: Outcome): void {
  // A hang is no answer at all; the connection stays open.
  if (outcome.kind === 'hang') return
  if (outcome.kind === 'drop') response.destroy()
  if (outcome.kind === 'text') send(response, outcome.status, outcome.type, outcome.text)
  if (outcome.kind === 'answer') {
    send(response, 200, 'application/json', JSON.stringify(outcome.answer))
  }
  if (outcome.kind === 'cut-body') {
    response.writeHead(200, { 'content-length': outcome.text.length + 3 })
    response.write(outcome.text, () => response.destroy())
  }
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type }).end(text)
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    server.closeAllConnections()
    return undefined
  })
}
