import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'

export interface Call {
  method: string
  path: string
  body: Record<string, unknown>
}

/** A real HTTP server that keeps what it is sent; answers 200 unless told otherwise. */
export interface Receiver {
  url: string
  calls: Call[]
  /** Statuses for the next requests, in order. */
  answers: (number | 'hang' | 'reset')[]
  /** Resolves when so many calls have come. */
  until(count: number): Promise<void>
  close(): Promise<void>
}

const PATIENCE_MS = 15_000

export async function startReceiver(): Promise<Receiver> {
  const calls: Call[] = []
  const answers: Receiver['answers'] = []
  let wake = (): void => {}
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = (text === '' ? {} : JSON.parse(text)) as Call['body']
      calls.push({ method: request.method ?? '', path: request.url ?? '', body })
      const answer = answers.shift() ?? 200
      if (answer === 'reset') request.socket.destroy()
      else if (answer !== 'hang') response.writeHead(answer).end('ok')
      wake()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    answers,
    until: async (count) => {
      const late = AbortSignal.timeout(PATIENCE_MS)
      while (calls.length < count) {
        late.throwIfAborted()
        await new Promise<void>((resolve) => {
          wake = resolve
          late.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
