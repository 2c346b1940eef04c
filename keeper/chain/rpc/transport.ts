import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { KeeperError, messageOf } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import { scrubUrls } from '../../base/redact-url.ts'
import { faultOfMessage } from './rpc-fault.ts'

// The largest honest answer is the log of a 100,000-validator cycle, a few MB.
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
// More at once than a window of transactions asks; beyond it requests queue instead of piling up.
const MAX_SOCKETS = 64

export interface Transport {
  /** For showing: without credentials. */
  url: string
  /** The deadline is the endpoint's own unless a shorter one is given. */
  request(method: string, params: readonly unknown[], timeoutMs?: number): Promise<unknown>
  close?(): void
}

interface RpcAnswer {
  id?: unknown
  result?: unknown
  error?: { code?: number; message?: string; data?: unknown }
}

interface HttpAnswer {
  status: number
  text: string
}

/**
 * One HTTP request a call, each with its own deadline, over connections that stay open; every fault
 * becomes a KeeperError. Not fetch: that takes three times as long for each small answer.
 */
export function httpTransport(rpcUrl: string, timeoutMs: number): Transport {
  const url = scrubUrls(rpcUrl)
  const target = targetOf(rpcUrl)
  let lastId = 0
  return {
    url,
    request: async (method, params, limitMs = timeoutMs) => {
      lastId += 1
      const id = lastId
      const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
      const answer = await postTwice(target, { method, body }, Math.min(limitMs, timeoutMs)).catch(
        (error: unknown) => {
          throw unavailable(url, method, messageOf(error), error)
        },
      )
      return resultOf(parseAnswer(answer, id, url, method), answer.status, url, method)
    },
    close: () => target.agent.destroy(),
  }
}

interface Target {
  send: (options: RequestOptions, onAnswer: (answer: IncomingMessage) => void) => ClientRequest
  agent: HttpAgent
  options: RequestOptions
}

function targetOf(rpcUrl: string): Target {
  const { protocol, hostname, port, pathname, search, username, password } = new URL(rpcUrl)
  const isSecure = protocol === 'https:'
  const keepOpen = { keepAlive: true, noDelay: true, maxSockets: MAX_SOCKETS }
  const agent = isSecure ? new HttpsAgent(keepOpen) : new HttpAgent(keepOpen)
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return {
    send: isSecure ? httpsRequest : httpRequest,
    agent,
    options: {
      method: 'POST',
      // The brackets of an IPv6 address belong to the URL.
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: `${pathname}${search}`,
      ...(username || password ? { auth: plain } : {}),
    },
  }
}

class Broken extends Error {
  /** The connection had been open before and not one byte came: the other side had closed it. */
  readonly isStale: boolean

  constructor(reason: string, isStale = false) {
    super(reason)
    this.isStale = isStale
  }
}

// Asked twice they answer the same. Commands of a test node (evm_mine) do not: they get a fresh connection.
const REPEATABLE = /^(eth|net|web3|debug|trace)_/

/** A kept connection may have been closed by the other side meanwhile: then a new one, once. */
async function postTwice(target: Target, call: Call, timeoutMs: number): Promise<HttpAnswer> {
  if (!REPEATABLE.test(call.method)) return post(target, call, timeoutMs, false)
  const startMs = performance.now()
  try {
    return await post(target, call, timeoutMs)
  } catch (error) {
    if (!(error instanceof Broken) || !error.isStale) throw error
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startMs))
    return post(target, call, leftMs, false)
  }
}

// How it shows that the other side had closed the connection.
const CLOSED_BEFORE = new Set(['ECONNRESET', 'EPIPE'])

interface Call {
  method: string
  body: string
}

function post(
  { send, options, agent }: Target,
  { body }: Call,
  timeoutMs: number,
  mayReuse = true,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    let isBegun = false
    const request = send({ ...options, headers, agent: mayReuse && agent }, (answer) => {
      isBegun = true
      read(answer).then(resolve, reject).finally(done)
    })
    const timer = setTimeout(() => {
      reject(new Broken('no answer in time'))
      request.destroy()
    }, timeoutMs)
    const done = (): void => clearTimeout(timer)
    request.on('error', (error: NodeJS.ErrnoException) => {
      done()
      const isStale = request.reusedSocket && !isBegun && CLOSED_BEFORE.has(error.code ?? '')
      reject(new Broken(reasonOf(error), isStale))
    })
    request.end(body)
  })
}

/** Refused by several addresses of one name, the error of each is inside. */
function reasonOf(error: Error): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error
  return messageOf(inner) || messageOf(error) || 'the connection broke'
}

async function read(answer: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    length += (chunk as Buffer).length
    if (length > MAX_ANSWER_BYTES) throw new Broken('the answer is too long')
    chunks.push(chunk as Buffer)
  }
  const status = answer.statusCode ?? 0
  const text = Buffer.concat(chunks).toString()
  // A refusal may come with status 400 or 500 and a proper JSON-RPC body: the body decides then.
  const isProper = (status >= 200 && status < 300) || text.trimStart().startsWith('{')
  if (!isProper) throw new Broken(`HTTP status ${status}`)
  return { status, text }
}

function parseAnswer({ text }: HttpAnswer, id: number, url: string, method: string): RpcAnswer {
  let answer: RpcAnswer | null
  try {
    answer = JSON.parse(text) as RpcAnswer | null
  } catch {
    throw unavailable(url, method, 'the answer is not JSON')
  }
  const isWhole = answer !== null && ('result' in answer || 'error' in answer)
  if (!isWhole) throw unavailable(url, method, 'the answer is not a JSON-RPC answer')
  const isOurs =
    answer?.id === id ||
    (answer?.error !== undefined && (answer.id === null || answer.id === undefined))
  if (!isOurs) throw unavailable(url, method, 'the answer belongs to another request')
  return answer as RpcAnswer
}

const TOO_MANY_REQUESTS = 429
const SERVER_FAULT = 500

function resultOf(answer: RpcAnswer, status: number, url: string, method: string): unknown {
  // Some nodes send `error: null` beside the result.
  if (answer.error === undefined || answer.error === null) return answer.result
  const message = messageOf(answer.error.message ?? 'no message')
  const data = revertDataOf(answer.error.data)
  const fault = data !== undefined ? 'reverted' : faultOfMessage(message)
  const isBusy = fault === 'rate-limited' || status === TOO_MANY_REQUESTS
  // An endpoint that has no time for us has not answered, in whatever form it says so.
  if (isBusy) throw unavailable(url, method, `rate limited: ${message}`)
  if (fault === 'other' && status >= SERVER_FAULT) {
    throw unavailable(url, method, `HTTP status ${status}: ${message}`)
  }
  throw new KeeperError('RPC_REFUSED', { method, fault, message, ...(data ? { data } : {}) })
}

/** geth and anvil give the bytes, Hardhat an object that holds them. */
function revertDataOf(data: unknown): Hex | undefined {
  if (typeof data === 'string') return /^0x([0-9a-f]{2})*$/i.test(data) ? (data as Hex) : undefined
  if (typeof data !== 'object' || data === null) return undefined
  return revertDataOf((data as { data?: unknown }).data)
}

function unavailable(url: string, method: string, reason: string, cause?: unknown): KeeperError {
  return new KeeperError('RPC_UNAVAILABLE', { url, method, reason }, cause)
}
