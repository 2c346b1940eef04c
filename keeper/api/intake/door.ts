import { STATUS_CODES } from 'node:http'
import type { IncomingMessage, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { readFile } from 'node:fs/promises'
import type { FastifyServerOptions } from 'fastify'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import { KeeperError, messageOf } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Logger } from '../../base/log.ts'
import { SESSION_PATH } from '../../heartbeat/intake/frames.ts'
import type { Config } from '../../config.ts'
import { createApp, listen, shown } from '../app.ts'
import { limitConnections } from './connections.ts'
import { originsOf } from './origins.ts'
import { addressOf, parseProxies } from './remote-address.ts'
import type { Proxies } from './remote-address.ts'
import { MAX_BODY_BYTES, addIntakeRoutes, nameOf, statusOf } from './routes.ts'
import type { Answering } from './routes.ts'
import { openSockets } from './sockets.ts'

/** Where nodes come in. It is open from the start; until somebody serves, all are told to wait. */
export interface Door {
  readonly port: number
  /** The origins that a node may have signed. */
  readonly origins: readonly string[]
  /** Undefined: it stands by, and the sessions that it had end. */
  serve(answering: Answering | undefined): Promise<void>
  /** What was refused before a session was asked, by code, since the start. */
  refused(): Record<string, number>
  close(): Promise<void>
}

export interface DoorOptions {
  config: Config
  log: Logger
  /** Of a compressed clock: more beats of a node in a minute. */
  paceFactor?: number
}

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
// 64 nodes behind one address that beat by HTTP make 86 requests a minute; the rest is for questions.
const REQUESTS_PER_SESSION = 4
// RFC 6455, 7.4.1: the server restarts, come back.
const CLOSE_RESTART = 1_012

export async function openDoor({ config, log, paceFactor = 1 }: DoorOptions): Promise<Door> {
  const proxies = parseProxies(config.intakeTrustProxy)
  const refusals = new Map<string, number>()
  const onRefused = (code: ErrorCode): void => {
    refusals.set(code, (refusals.get(code) ?? 0) + 1)
  }
  let served: Answering | undefined
  const answering = (): Answering => {
    if (served) return served
    throw new KeeperError('INTAKE_STANDBY')
  }
  const app = createApp(log, {
    server: await serverOptions(config),
    maxConnections: config.intakeMaxNodes + SPARE_CONNECTIONS,
    nameOf,
    statusOf,
  })
  await addIntakeRoutes(app, {
    answering,
    addressOf: ({ raw }) => senderOf(raw, proxies),
    requestsPerMinute: config.intakePerAddress * REQUESTS_PER_SESSION * paceFactor,
  })
  const sockets = openSockets({ log, onRefused })
  app.server.on('upgrade', (request, socket, head) => {
    try {
      refuseOtherPath(request)
      const { intake } = answering()
      sockets.take(request, socket, head, { address: senderOf(request, proxies), intake })
    } catch (error) {
      refuseUpgrade(socket, error)
    }
  })
  limitConnections(app.server, config.intakePerAddress, proxies, () => onRefused('ADDRESS_FULL'))
  const { intakeHost: host, intakePort = 0 } = config
  const port = await listen(app, host, intakePort, 'INTAKE_PORT_TAKEN')
  const origins = originsOf(config, port)
  log.info({ host, port, origins, isTls: config.intakeTlsCert !== undefined }, 'intake-listening')
  return {
    port,
    origins,
    refused: () => Object.fromEntries(refusals),
    serve: async (next) => {
      served = next
      if (!next) await sockets.endAll(CLOSE_RESTART, 'INTAKE_STANDBY')
    },
    close: async () => {
      served = undefined
      await sockets.endAll(CLOSE_RESTART, 'INTAKE_STOPPING')
      sockets.close()
      await app.close()
    },
  }
}

function senderOf({ socket, headers }: IncomingMessage, proxies: Proxies): string {
  const sender = { remote: socket.remoteAddress, forwardedFor: headers['x-forwarded-for'] }
  return addressOf(sender, proxies)
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

function refuseOtherPath({ method, url = '' }: IncomingMessage): void {
  const path = url.split('?')[0]
  if (path !== SESSION_PATH) throw new KeeperError('ROUTE_UNKNOWN', { method, path: 'other' })
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
function refuseUpgrade(socket: Duplex | Socket, error: unknown): void {
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
