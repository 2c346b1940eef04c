import { KeeperError, messageOf } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'
import { scrubUrls } from '../base/redact-url.ts'
import { faultOfMessage } from './rpc-fault.ts'

// The largest honest answer is the log of a 100,000-validator cycle, a few MB.
const MAX_ANSWER_CHARACTERS = 64 * 1024 * 1024

export interface Transport {
  /** For showing: without credentials. */
  url: string
  request(method: string, params: readonly unknown[]): Promise<unknown>
}

interface RpcAnswer {
  id?: unknown
  result?: unknown
  error?: { code?: number; message?: string; data?: unknown }
}

/** One HTTP request a call, each with its own deadline; every fault becomes a KeeperError. */
export function httpTransport(rpcUrl: string, timeoutMs: number): Transport {
  const url = scrubUrls(rpcUrl)
  let lastId = 0
  return {
    url,
    request: async (method, params) => {
      lastId += 1
      const id = lastId
      const text = await post(rpcUrl, { jsonrpc: '2.0', id, method, params }, timeoutMs).catch(
        (error: unknown) => {
          throw unavailable(url, method, reasonOf(error), error)
        },
      )
      return resultOf(parseAnswer(text, id, url, method), method)
    },
  }
}

async function post(rpcUrl: string, body: object, timeoutMs: number): Promise<string> {
  const { username, password, href } = new URL(rpcUrl)
  const target = new URL(href)
  target.username = ''
  target.password = ''
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const answer = await fetch(target, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(username ? { authorization: `Basic ${basic.toString('base64')}` } : {}),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await answer.text()
  // A refusal may come with status 400 or 500 and a proper JSON-RPC body: the body decides then.
  if (!answer.ok && !text.trimStart().startsWith('{')) throw new HttpFault(answer.status)
  return text
}

class HttpFault extends Error {
  constructor(status: number) {
    super(`HTTP status ${status}`)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? messageOf(cause) || messageOf(error) : messageOf(error)
}

function parseAnswer(text: string, id: number, url: string, method: string): RpcAnswer {
  if (text.length > MAX_ANSWER_CHARACTERS) throw unavailable(url, method, 'the answer is too long')
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

function resultOf(answer: RpcAnswer, method: string): unknown {
  if (answer.error === undefined) return answer.result
  const message = messageOf(answer.error.message ?? 'no message')
  const data = revertDataOf(answer.error.data)
  const fault = data !== undefined ? 'reverted' : faultOfMessage(message)
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
