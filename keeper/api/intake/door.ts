import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../../base/error-catalogue.ts'
import { KeeperError } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { SESSION_PATH } from '../../heartbeat/intake/frames.ts'
import type { Config } from '../../config.ts'
import { listen } from '../app.ts'
import { limitConnections } from './connections.ts'
import { originsOf } from './origins.ts'
import { addressOf, parseProxies } from './remote-address.ts'
import type { Proxies } from './remote-address.ts'
import { addIntakeRoutes } from './routes.ts'
import type { Answering } from './routes.ts'
import { openSockets } from './sockets.ts'
import type { Sockets } from './sockets.ts'
import { createIntakeApp, refuseUpgrade } from './web-server.ts'

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

// 64 nodes behind one address that beat by HTTP make 86 requests a minute; the rest is for questions.
const REQUESTS_PER_SESSION = 4
// RFC 6455, 7.4.1: the server restarts, come back.
const CLOSE_RESTART = 1_012

/** What the parts of an open door share. */
interface Hall {
  proxies: Proxies
  served: Answering | undefined
  refusals: Map<ErrorCode, number>
}

export async function openDoor(options: DoorOptions): Promise<Door> {
  const { config, log } = options
  const proxies = parseProxies(config.intakeTrustProxy)
  const hall: Hall = { proxies, served: undefined, refusals: new Map() }
  const app = await createIntakeApp(config, log)
  const sockets = openSockets({ log, onRefused: (code) => note(hall, code) })
  await connectApp(app, sockets, hall, options)
  const close = async (reason: string): Promise<void> => {
    hall.served = undefined
    await sockets.endAll(CLOSE_RESTART, reason)
    sockets.close()
    await app.close()
  }
  try {
    const { intakeHost: host, intakePort = 0, intakeTlsCert } = config
    const port = await listen(app, host, intakePort, 'INTAKE_PORT_TAKEN')
    const origins = originsOf(config, port)
    log.info({ host, port, origins, isTls: intakeTlsCert !== undefined }, 'intake-listening')
    const refused = (): Record<string, number> => Object.fromEntries(hall.refusals)
    const serve = async (next: Answering | undefined): Promise<void> => {
      hall.served = next
      if (!next) await sockets.endAll(CLOSE_RESTART, 'INTAKE_STANDBY')
    }
    return { port, origins, refused, serve, close: () => close('INTAKE_STOPPING') }
  } catch (error) {
    await close('INTAKE_STOPPING')
    throw error
  }
}

async function connectApp(
  app: FastifyInstance,
  sockets: Sockets,
  hall: Hall,
  { config, paceFactor = 1 }: DoorOptions,
): Promise<void> {
  const { proxies } = hall
  await addIntakeRoutes(app, {
    answering: () => answering(hall),
    addressOf: ({ raw }) => senderOf(raw, proxies),
    requestsPerMinute: config.intakePerAddress * REQUESTS_PER_SESSION * paceFactor,
  })
  app.server.on('upgrade', (request, socket, head) => {
    try {
      refuseOtherPath(request)
      const { intake } = answering(hall)
      sockets.take(request, socket, head, { address: senderOf(request, proxies), intake })
    } catch (error) {
      refuseUpgrade(socket, error)
    }
  })
  limitConnections(app.server, config.intakePerAddress, proxies, () => note(hall, 'ADDRESS_FULL'))
}

function note({ refusals }: Hall, code: ErrorCode): void {
  refusals.set(code, (refusals.get(code) ?? 0) + 1)
}

function answering({ served }: Hall): Answering {
  if (served) return served
  throw new KeeperError('INTAKE_STANDBY')
}

function senderOf({ socket, headers }: IncomingMessage, proxies: Proxies): string {
  const sender = { remote: socket.remoteAddress, forwardedFor: headers['x-forwarded-for'] }
  return addressOf(sender, proxies)
}

function refuseOtherPath({ method, url = '' }: IncomingMessage): void {
  const path = url.split('?')[0]
  if (path !== SESSION_PATH) throw new KeeperError('ROUTE_UNKNOWN', { method, path: 'other' })
}
