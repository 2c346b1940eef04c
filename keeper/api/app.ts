import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import type { ErrorCode } from '../base/error-catalogue.ts'
import { KeeperError, describe, isKeeperError, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import type { Logger } from '../base/log.ts'
import { redactDeep, redactText } from '../base/redact.ts'

// Nothing is sent to us: a body is a mistake, and a small one is read only to refuse it.
const MAX_BODY_BYTES = 1_024
// Monitors and a few people; each connection costs a file descriptor.
const MAX_CONNECTIONS = 64
// Twice the longest reading (the page of metrics, 5 s); a slow client is cut off.
const REQUEST_TIMEOUT_MS = 10_000
// Prometheus asks every 15 s and keeps its connection.
const KEEP_ALIVE_MS = 30_000
const MAX_PATH_SHOWN = 100

/** What another server than the pages for monitors has of its own. */
export interface AppOptions {
  server?: FastifyServerOptions
  maxConnections?: number
  /** Fastify's own refusals in the catalogue's words. */
  nameOf?: (error: unknown) => unknown
  /** Undefined: it follows from the catalogue's row. */
  statusOf?: (error: unknown) => number | undefined
}

/** The HTTP server: limits, JSON as we write it, and errors from the one catalogue. */
export function createApp(log: Logger, options: AppOptions = {}): FastifyInstance {
  const { nameOf = (error) => error, maxConnections = MAX_CONNECTIONS } = options
  const statusFor = (error: unknown): number => options.statusOf?.(error) ?? statusOf(error)
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A stop does not wait for a monitor that keeps its connection open.
    forceCloseConnections: true,
    ...options.server,
  })
  app.server.maxConnections = maxConnections
  app.setReplySerializer(asJson)
  app.setNotFoundHandler(async (request, reply) => {
    const error = new KeeperError('ROUTE_UNKNOWN', routeOf(request))
    return reply
      .code(statusOf(error))
      .type(JSON_TYPE)
      .serializer(asJson)
      .send({ error: shown(error) })
  })
  app.setErrorHandler(async (given, request, reply) => {
    const error = nameOf(given)
    const status = statusFor(error)
    if (status >= 500) log.error({ ...routeOf(request), ...describe(error) }, 'request-failed')
    return reply
      .code(status)
      .type(JSON_TYPE)
      .serializer(asJson)
      .send({ error: shown(error) })
  })
  return app
}

const JSON_TYPE = 'application/json; charset=utf-8'

function asJson(payload: unknown): string {
  return `${toJson(redactDeep(payload), 2)}\n`
}

function routeOf({ method, url }: FastifyRequest): { method: string; path: string } {
  const path = redactText(url.split('?')[0] ?? '').slice(0, MAX_PATH_SHOWN)
  return { method, path }
}

export function shown(error: unknown): object {
  const { code, message, wayOut } = describe(error)
  return { code, message, wayOut }
}

/** Fastify's own refusals (a body, a header) carry their status; ours follow from the catalogue. */
function statusOf(error: unknown): number {
  if (isKeeperError(error, 'ROUTE_UNKNOWN')) return 404
  if (isKeeperError(error)) return error.row.retry === true ? 503 : 500
  const { statusCode } = error as { statusCode?: number }
  return statusCode ?? 500
}

/** Resolves with the port; the code is thrown when it cannot be had. */
export async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  code: ErrorCode = 'OPS_PORT_TAKEN',
): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw new KeeperError(code, { host, port, reason: messageOf(error) })
  }
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}
