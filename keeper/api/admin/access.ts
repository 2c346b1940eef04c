import type { FastifyReply, FastifyRequest } from 'fastify'
import { KeeperError, ensure } from '../../base/errors.ts'
import type { Clock } from '../../base/time.ts'
import type { MasterKeyFile } from '../../base/settings-office.ts'
import { mayAct } from '../../office/actor.ts'
import type { Actor, OfficeRole } from '../../office/actor.ts'
import { verifyToken } from '../../office/tokens.ts'
import { appendTrail } from '../../office/trail.ts'
import type { Db } from '../../store/db.ts'

/** What the admin routes work on. */
export interface AdminRoom {
  db: Db
  /** Undefined: nothing can be sealed. */
  configKeys: readonly MasterKeyFile[] | undefined
}

/** Who asks, in what, and with whose right. */
export interface Admission {
  room: AdminRoom
  actor: Actor
}

export interface AccessOptions {
  /** Undefined while there is no keeper: a standby has no store of its own to change. */
  room(): AdminRoom | undefined
  clock: Clock
}

type Handler = (
  admission: Admission,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<unknown>

/** The token is looked at before anything of the request is done. */
export function allowing(options: AccessOptions, allowed: readonly OfficeRole[], handle: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
    handle(await admit(options, allowed, request), request, reply)
}

export interface Door {
  /** For onRequest. */
  open(request: FastifyRequest): Promise<void>
  admissionOf(request: FastifyRequest): Admission
}

/** For routes with a large body: nothing of it is read before the token is known. */
export function admitting(options: AccessOptions, allowed: readonly OfficeRole[]): Door {
  const admitted = new WeakMap<FastifyRequest, Admission>()
  return {
    open: async (request) => void admitted.set(request, await admit(options, allowed, request)),
    admissionOf: (request) => {
      const admission = admitted.get(request)
      ensure(admission, 'TOKEN_REFUSED')
      return admission
    },
  }
}

async function admit(
  options: AccessOptions,
  allowed: readonly OfficeRole[],
  request: FastifyRequest,
): Promise<Admission> {
  const room = options.room()
  if (!room) throw new KeeperError('NOT_READY', { reason: 'the keeper is not open here' })
  const now = options.clock.now()
  const actor = await verifyToken(room.db, bearerOf(request), now)
  if (mayAct(actor.role, allowed)) return { room, actor }
  const target = `${request.method} ${request.routeOptions.url ?? ''}`
  const note = { actor, action: 'route.refused', target }
  await room.db.begin((t) => appendTrail(t, note, now))
  throw new KeeperError('ROLE_REFUSED', { role: actor.role, allowed: allowed.join(' or ') })
}

function bearerOf({ headers }: FastifyRequest): string {
  return /^Bearer ([^\s]{1,200})$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
