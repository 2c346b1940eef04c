import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

/** What a double of a signing service does at its next requests. */
export type Mood =
  | 'well'
  /** Takes the request and never answers. */
  | 'hangs'
  /** Closes a connection that was used before: it has been restarted since. */
  | 'restarted'
  /** Closes the connection in the middle of the answer. */
  | 'breaks'
  /** 500: the vault behind it is away. */
  | 'fails'
  /** It has the key and will not use it. */
  | 'refuses'
  /** 200 with a page of HTML. */
  | 'garbage'
  /** Signs with another key. */
  | 'wrong-key'
  /** Signs other bytes than it was given. */
  | 'other-bytes'
  /** KMS: bytes that are no DER. */
  | 'no-der'
  /** The larger of the two values of s. */
  | 'high-s'

export interface Request {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Answer {
  status: number
  body: string
  type?: string
}

export interface Service {
  url: string
  /** All that was asked, in order. */
  requests: Request[]
  mood: Mood
  close(): Promise<void>
}

/** The moods that any HTTP service can be in; `answer` is asked for the others. */
export async function startService(
  answer: (request: Request, mood: Mood) => Answer,
  tls?: ServerOptions,
): Promise<Service> {
  const requests: Request[] = []
  const used = new WeakSet<object>()
  const listener: RequestListener = (incoming, response) => {
    const serve = async (): Promise<void> => {
      const isKept = used.has(incoming.socket)
      used.add(incoming.socket)
      const request = await receive(incoming)
      if (service.mood === 'restarted' && isKept) return void incoming.socket.destroy()
      requests.push(request)
      behave(response, service.mood, () => answer(request, service.mood))
    }
    // A client that gave up in the middle of its request is no fault of ours.
    serve().catch(() => response.destroy())
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const service: Service = {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    mood: 'well',
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return service
}

async function receive(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
  const { method = '', url: path = '', headers } = incoming
  return { method, path, headers, body: Buffer.concat(chunks).toString() }
}

function behave(response: ServerResponse, mood: Mood, answer: () => Answer): void {
  if (mood === 'hangs') return
  if (mood === 'breaks') {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half')
    setTimeout(() => response.destroy(), 5)
    return
  }
  if (mood === 'fails') return reply(response, { status: 500, body: 'Internal server error' })
  if (mood === 'garbage') return reply(response, { status: 200, body: '<html>Welcome</html>' })
  return reply(response, answer())
}

function reply(response: ServerResponse, { status, body, type = 'text/plain' }: Answer): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}
