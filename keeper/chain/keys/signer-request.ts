import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { KeeperError, messageOf } from '../../base/errors.ts'
import { scrubUrls } from '../../base/redact-url.ts'

/** PEM texts: our certificate with its key, and the authority that signed the signer's own. */
export interface ClientTls {
  cert?: string
  key?: string
  ca?: string
}

export interface SignerEndpoint {
  /** May hold a user and a password; they are never shown. */
  url: string
  timeoutMs: number
  token?: string
  tls?: ClientTls
}

export interface SignerRequest {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
}

// Room for a list of 1,000 public keys of 135 bytes, seven times over.
const MAX_ANSWER_BYTES = 1_048_576
// What a busy or restarting service answers; everything else below 500 stays as it is when repeated.
const TEMPORARY = new Set([408, 425, 429])

/** The body of a good answer, whole and within the deadline; redirects are not followed. */
export async function askSigner(endpoint: SignerEndpoint, ask: SignerRequest): Promise<string> {
  const { status, body } = await exchange(endpoint, ask).catch((error: unknown) => {
    throw unavailable(endpoint, reasonOf(error, endpoint))
  })
  if (status === 200) return body
  const reason = `${ask.method} ${ask.path.replace(/0x\w{20,}/, '<key>')} answers ${status}`
  if (status >= 500 || TEMPORARY.has(status)) throw unavailable(endpoint, reason)
  throw new KeeperError('SIGNER_REFUSED', { signer: nameOf(endpoint), reason })
}

export function unavailable(endpoint: SignerEndpoint, reason: string): KeeperError {
  return new KeeperError('SIGNER_UNAVAILABLE', { signer: nameOf(endpoint), reason })
}

export function nameOf({ url }: SignerEndpoint): string {
  return scrubUrls(url)
}

interface Answer {
  status: number
  body: string
}

async function exchange(endpoint: SignerEndpoint, ask: SignerRequest): Promise<Answer> {
  const signal = AbortSignal.timeout(endpoint.timeoutMs)
  const kept = open(endpoint, ask, { signal })
  const response = await answerOf(kept).catch((error: unknown) => {
    // A signer that was restarted has closed the connection we kept; it never saw the question.
    const isStale = kept.reusedSocket && (error as { code?: string }).code === 'ECONNRESET'
    if (!isStale) throw error
    return answerOf(open(endpoint, ask, { signal, agent: false }))
  })
  return { status: response.statusCode ?? 0, body: await read(response) }
}

function open(
  { url, token, tls = {} }: SignerEndpoint,
  { method, path, body }: SignerRequest,
  connection: RequestOptions,
): ClientRequest {
  const target = new URL(`${url.replace(/\/+$/, '')}${path}`)
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = {
    accept: '*/*',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const request = send(target, { method, headers, ...connection, ...tls })
  request.end(body === undefined ? undefined : JSON.stringify(body))
  return request
}

async function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  // From here on a fault reaches the reader of the response, too.
  request.on('error', () => {})
  return response
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError(`more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function reasonOf(error: unknown, { timeoutMs }: SignerEndpoint): string {
  const { name, code } = error as { name?: string; code?: string }
  const isLate = name === 'AbortError' || name === 'TimeoutError' || code === 'ABORT_ERR'
  if (isLate) return `no answer within ${timeoutMs} ms`
  return code ?? messageOf(error)
}
