import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { KeeperError, describe, isKeeperError } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { parseWith } from '../../base/schema.ts'
import { parseIso } from '../../base/time.ts'
import { OFFICE_ROLES } from '../../office/actor.ts'
import { openKeyRing } from '../../office/key-ring.ts'
import { MAX_VALUE, setSecret } from '../../office/secrets.ts'
import { publicToken, readExpiry } from '../../office/token-view.ts'
import { addToken, listTokens, revokeToken } from '../../office/tokens.ts'
import { publicEntry, readTrail } from '../../office/trail.ts'
import type { Db } from '../../store/db.ts'
import { shown } from '../app.ts'
import { allowing } from './access.ts'
import { addPartnerRoutes } from './partner-routes.ts'
import type { PartnerRouteOptions } from './partner-routes.ts'
import { addPayoutRoutes } from './payout-routes.ts'
import type { PayoutRouteOptions } from './payout-routes.ts'
import { adminRefusal, adminStatus } from './refusals.ts'

export interface AdminOptions extends PayoutRouteOptions {
  log: Logger
  /** What the programs' jobs are at. */
  readJobs(db: Db): Promise<object>
  /** Undefined: there is no program of partners, and nothing is taken in for it. */
  partners?: Pick<PartnerRouteOptions, 'alerts' | 'zone'>
}

// A person with a script; a token cannot be guessed, so this only keeps the store free for its work.
const REQUESTS_PER_MINUTE = 120
const MINUTE_MS = 60_000
// Addresses whose requests are counted: the port is for a few machines inside.
const MAX_COUNTED_ADDRESSES = 1_000
// JSON writes a character of a value with six bytes at most.
const MAX_SECRET_BODY = 7 * MAX_VALUE
// A page of the trail; the next one begins before its last entry.
const USUAL_PAGE = 50
const MAX_PAGE = 1_000

/** People and their scripts, each with a token of a role; all that they change is in the trail. */
export function addAdminRoutes(app: FastifyInstance, options: AdminOptions): void {
  app.register(
    async (admin) => {
      await guard(admin, options.log)
      addTrailRoute(admin, options)
      addTokenRoutes(admin, options)
      addSecretRoute(admin, options)
      addPayoutRoutes(admin, options)
      admin.get(
        '/jobs',
        allowing(options, ['viewer'], ({ room }) => options.readJobs(room.db)),
      )
    },
    { prefix: '/admin' },
  )
  const { partners } = options
  if (!partners) return
  app.register(
    async (feed) => {
      await guard(feed, options.log)
      addPartnerRoutes(feed, { ...options, ...partners })
    },
    { prefix: '/v1/partners' },
  )
}

async function guard(routes: FastifyInstance, log: Logger): Promise<void> {
  answerInWords(routes, log)
  await routes.register(rateLimit, {
    max: REQUESTS_PER_MINUTE,
    timeWindow: MINUTE_MS,
    cache: MAX_COUNTED_ADDRESSES,
    errorResponseBuilder: () => new KeeperError('RATE_LIMITED', { what: 'requests' }),
  })
}

function answerInWords(admin: FastifyInstance, log: Logger): void {
  admin.setErrorHandler(async (given, { method, routeOptions }, reply) => {
    const error = adminRefusal(given)
    const status = isKeeperError(error) ? adminStatus(error) : 500
    const route = { method, path: routeOptions.url ?? '' }
    if (status >= 500) log.error({ ...route, ...describe(error) }, 'request-failed')
    if (status === 401 || status === 403) log.warn({ ...route, status }, 'admin-refused')
    return reply.code(status).send({ error: { ...shown(error), ...faultsOf(error) } })
  })
}

/** Who sends rows by a program finds the bad ones by it. */
function faultsOf(error: unknown): object {
  if (!isKeeperError(error, 'PARTNERS_ROWS_INVALID')) return {}
  const { faults, total } = error.facts
  return { faults, total }
}

const trailQuery = z.object({
  actor: z.string().max(MAX_PAGE).optional(),
  action: z.string().max(MAX_PAGE).optional(),
  since: z.string().optional(),
  before: z
    .string()
    .regex(/^\d{1,18}$/, 'not the number of an entry')
    .optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(USUAL_PAGE),
})

function addTrailRoute(admin: FastifyInstance, options: AdminOptions): void {
  const handler = allowing(options, ['viewer'], async ({ room }, request) => {
    const { since, before, actor, action, limit } = parseWith(trailQuery, request.query, 'query')
    const entries = await readTrail(room.db, {
      limit,
      ...(actor === undefined ? {} : { actor }),
      ...(action === undefined ? {} : { action }),
      ...(since === undefined ? {} : { since: parseIso(since) }),
      ...(before === undefined ? {} : { beforeSeq: BigInt(before) }),
    })
    return { entries: entries.map(publicEntry) }
  })
  admin.get('/trail', handler)
}

const tokenBody = z
  .object({ name: z.string(), role: z.enum(OFFICE_ROLES), expires: z.string().optional() })
  .strict()

function addTokenRoutes(admin: FastifyInstance, options: AdminOptions): void {
  const { clock } = options
  const list = allowing(options, ['admin'], async ({ room }) => {
    const tokens = await listTokens(room.db)
    return { tokens: tokens.map((token) => publicToken(token, clock.now())) }
  })
  const add = allowing(options, ['admin'], async ({ room, actor }, request, reply) => {
    const now = clock.now()
    const { name, role, expires } = parseWith(tokenBody, request.body, 'token')
    const asked = { name, role, expiresAt: readExpiry(expires, now) }
    const { token, text } = await addToken(room.db, asked, actor, now)
    // The only time that it is told.
    return reply.code(201).send({ ...publicToken(token, now), token: text })
  })
  const revoke = allowing(options, ['admin'], async ({ room, actor }, request) => {
    const now = clock.now()
    const { name } = request.params as { name: string }
    return { revoked: publicToken(await revokeToken(room.db, name, actor, now), now) }
  })
  admin.get('/tokens', list)
  admin.post('/tokens', add)
  admin.delete('/tokens/:name', revoke)
}

const secretBody = z.object({ value: z.string() }).strict()

function addSecretRoute(admin: FastifyInstance, options: AdminOptions): void {
  const handler = allowing(options, ['admin'], async ({ room, actor }, request) => {
    const { name } = request.params as { name: string }
    const { value } = parseWith(secretBody, request.body, 'secret')
    const ring = await openKeyRing(room.configKeys)
    const hand = { ring, by: actor, now: options.clock.now() }
    const { keyId } = await setSecret(room.db, { name, value }, hand)
    return { name, keyId }
  })
  admin.put('/secrets/:name', { bodyLimit: MAX_SECRET_BODY }, handler)
}
