import { STATUS_CODES } from 'node:http'
import type { ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { KeeperError, messageOf } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Logger } from '../../base/log.ts'
import type { Config } from '../../config.ts'
import { createApp, shown } from '../app.ts'
import { MAX_BODY_BYTES, nameOf, statusOf } from './routes.ts'

// A slow client has this long for the head of its request, and for the whole of it.
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 1_000
// An agent that beats by HTTP sends one every 45 s: keeping the connection costs more than a new one.
const KEEP_ALIVE_MS = 5_000
// Node's default is 16 KB; ours have five headers, and proxies add some.
const MAX_HEADER_BYTES = 8_192
// Beside the sessions: requests, and connections that are not sessions yet.
const SPARE_CONNECTIONS = 1_024

/** HTTP or HTTPS as the settings say, with the limits of a server that strangers reach. */
export async function createIntakeApp(config: Config, log: Logger): Promise<FastifyInstance> {
  return createApp(log, {
    server: await serverOptions(config),
    maxConnections: config.intakeMaxNodes + SPARE_CONNECTIONS,
    nameOf,
    statusOf,
  })
}

async function serverOptions(config: Config): Promise<FastifyServerOptions> {
  const server: ServerOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: LOOK_EVERY_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  }
  const tls = await readTls(config)
  const options: FastifyServerOptions = {
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    clientErrorHandler: (error, socket) => refuseUpgrade(socket, unreadable(error)),
  }
  // One of them is taken: https where there is a certificate.
  return { ...options, ...(tls ? { https: { ...server, ...tls } } : { http: server }) }
}

interface Tls {
  cert: Buffer
  key: Buffer
  handshakeTimeout: number
}

async function readTls({ intakeTlsCert, intakeTlsKey }: Config): Promise<Tls | undefined> {
  if (intakeTlsCert === undefined && intakeTlsKey === undefined) return undefined
  if (intakeTlsCert === undefined || intakeTlsKey === undefined) {
    const fault = 'MUSTER_INTAKE_TLS_CERT and MUSTER_INTAKE_TLS_KEY: one needs the other'
    throw new KeeperError('SETTING_INVALID', { faults: [fault] })
  }
  const [cert, key] = [await readPem(intakeTlsCert), await readPem(intakeTlsKey)]
  return { cert, key, handshakeTimeout: HEADERS_TIMEOUT_MS }
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  }
}

/** What broke off before it was a request: too slow, too long, or no HTTP at all. */
function unreadable({ code }: NodeJS.ErrnoException): KeeperError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new KeeperError('DEADLINE_PASSED', {
      what: 'the request',
      timeoutMs: REQUEST_TIMEOUT_MS,
    })
  }
  const isLong = code === 'HPE_HEADER_OVERFLOW'
  const reason = isLong ? `its head is longer than ${MAX_HEADER_BYTES} bytes` : 'it is not HTTP'
  return new KeeperError('FRAME_INVALID', { reason })
}

/** Without a session yet: an answer of HTTP, and the end of the connection. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const status = statusOf(error) ?? 500
  const body = `${toJson({ error: shown(error) })}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.on('error', () => socket.destroy())
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  else socket.destroy()
}
