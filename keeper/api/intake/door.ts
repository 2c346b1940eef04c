import type { IncomingMessage } from 'node:http'
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
  const app = await createIntakeApp(config, log)
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
  const close = async (reason: string): Promise<void> => {
    served = undefined
    await sockets.endAll(CLOSE_RESTART, reason)
    sockets.close()
    await app.close()
  }
  const port = await listen(app, host, intakePort, 'INTAKE_PORT_TAKEN').catch(
    async (error: unknown) => {
      await close('INTAKE_PORT_TAKEN')
      throw error
    },
  )
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
    close: () => close('INTAKE_STOPPING'),
  }
}

function senderOf({ socket, headers }: IncomingMessage, proxies: Proxies): string {
  const sender = { remote: socket.remoteAddress, forwardedFor: headers['x-forwarded-for'] }
  return addressOf(sender, proxies)
}

function refuseOtherPath({ method, url = '' }: IncomingMessage): void {
  const path = url.split('?')[0]
  if (path !== SESSION_PATH) throw new KeeperError('ROUTE_UNKNOWN', { method, path: 'other' })
}
