import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { KeeperError, isKeeperError } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import { addressSchema, hourSchema, parseWith } from '../../base/schema.ts'
import type { Address } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import { inTurn } from './in-turn.ts'
import type { Intake } from '../../heartbeat/intake/intake.ts'
import { MAX_CLIENT_FRAME } from '../../heartbeat/intake/frames.ts'
import { refusalOf } from '../../heartbeat/intake/refusals.ts'

/** What answers while this process leads. */
export interface Answering {
  intake: Intake
  receiptsOf(node: Address, hours: { from: Hour; to: Hour }): Promise<unknown[]>
  hourNow(): Hour
}

export interface RouteOptions {
  /** Throws INTAKE_STANDBY while another one leads. */
  answering(): Answering
  addressOf(request: FastifyRequest): string
  /** Of one network address in a minute. */
  requestsPerMinute: number
}

/** Signed beats are as long as frames. */
export const MAX_BODY_BYTES = MAX_CLIENT_FRAME
// A day: what a validator fetches each morning; who wants more says from where on.
const USUAL_HOURS = 24
// Addresses whose requests are counted; a stranger with more of them gains little by each.
const MAX_COUNTED_ADDRESSES = 20_000
const MINUTE_MS = 60_000

const receiptQuery = z.object({ from: hourSchema.optional(), to: hourSchema.optional() })

export async function addIntakeRoutes(app: FastifyInstance, options: RouteOptions): Promise<void> {
  const { answering, addressOf, requestsPerMinute } = options
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: MINUTE_MS,
    cache: MAX_COUNTED_ADDRESSES,
    keyGenerator: addressOf,
    errorResponseBuilder: () => new KeeperError('RATE_LIMITED', { what: 'requests' }),
  })
  app.get('/v1/hello', async () => answering().intake.hello())
  app.post('/v1/beat', (request) => answering().intake.beat(request.body, addressOf(request)))
  const turn = inTurn('requests for receipts')
  app.get('/v1/receipts/:node', async (request, reply) => {
    const { receiptsOf, hourNow } = answering()
    const node = parseWith(addressSchema, (request.params as { node: string }).node, 'node')
    const hours = hoursOf(request.query, hourNow())
    const isGone = (): boolean => request.raw.socket.destroyed
    const receipts = await turn(() => receiptsOf(node, hours), isGone)
    // Hashes and signatures: nothing in them is to be kept from anybody, and looking takes long.
    return reply.serializer(toJson).send({ receipts })
  })
}

/** The day that ends with the last closed hour, unless it is said otherwise. */
function hoursOf(query: unknown, now: Hour): { from: Hour; to: Hour } {
  const asked = parseWith(receiptQuery, query, 'query')
  // Who has all of them asks from the hour that runs: there is nothing yet, and that is no mistake.
  const to = asked.to ?? Math.max(now - 1, asked.from ?? 0)
  const from = asked.from ?? Math.max(0, to - USUAL_HOURS + 1)
  if (from <= to) return { from, to }
  const faults = [`from ${from} is after to ${to}`]
  throw new KeeperError('INPUT_INVALID', { what: 'query', faults })
}

const REQUEST_STATUS = 400

/** As a session would close: its code less 4000. */
export function statusOf(error: unknown): number | undefined {
  if (isKeeperError(error, 'ROUTE_UNKNOWN')) return 404
  if (isKeeperError(error, 'INPUT_INVALID')) return REQUEST_STATUS
  if (isKeeperError(error, 'DEADLINE_PASSED')) return 408
  return refusalOf(error).status
}

const BODY_TOO_LARGE = 413

/** Fastify's own refusals of a body, as the same fault of a frame is named. */
export function nameOf(error: unknown): unknown {
  const { statusCode = 500 } = error as { statusCode?: number }
  if (isKeeperError(error) || statusCode >= 500) return error
  if (statusCode === BODY_TOO_LARGE) {
    return new KeeperError('FRAME_TOO_LARGE', { size: 'more', limit: MAX_BODY_BYTES })
  }
  return new KeeperError('FRAME_INVALID', { reason: 'the request is not one with a JSON body' })
}
