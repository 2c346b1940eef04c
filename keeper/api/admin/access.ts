import type { FastifyReply, FastifyRequest } from 'fastify'
import { KeeperError } from '../../base/errors.ts'
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

/** The token is looked at before anything of the request is. */
export function allowing(options: AccessOptions, allowed: readonly OfficeRole[], handle: Handler) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const room = options.room()
    if (!room) throw new KeeperError('NOT_READY', { reason: 'the keeper is not open here' })
    const now = options.clock.now()
    const actor = await verifyToken(room.db, bearerOf(request), now)
    if (!mayAct(actor.role, allowed)) {
      const target = `${request.method} ${request.routeOptions.url ?? ''}`
      const note = { actor, action: 'route.refused', target }
      await room.db.begin((t) => appendTrail(t, note, now))
      throw new KeeperError('ROLE_REFUSED', { role: actor.role, allowed: allowed.join(' or ') })
    }
    return handle({ room, actor }, request, reply)
  }
}

function bearerOf({ headers }: FastifyRequest): string {
  return /^Bearer ([^\s]{1,200})$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
