import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { KeeperError } from '../../base/errors.ts'
import { addressSchema, parseWith } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import type { Actor, OfficeRole } from '../../office/actor.ts'
import { readExpiry } from '../../office/token-view.ts'
import {
  PAYOUT_STATES,
  listPayouts,
  listPrograms,
  readProgramBooks,
} from '../../payouts/standing.ts'
import { liftHold, placeHold, publicHold } from '../../payouts/wallets/hold-hand.ts'
import { listHolds } from '../../payouts/wallets/holds.ts'
import type { HoldList } from '../../payouts/wallets/holds.ts'
import { payeeSchema, programSchema } from '../../payouts/wallets/link-message.ts'
import type { Db } from '../../store/db.ts'
import { allowing } from './access.ts'
import type { AccessOptions } from './access.ts'

export interface PayoutRouteOptions extends AccessOptions {
  /** A dead letter of the programs' jobs is tried again. */
  redriveJob(db: Db, id: string, hand: { actor: Actor; now: UnixSeconds }): Promise<object>
}

const USUAL_PAGE = 100
const MAX_PAGE = 1_000
// A sentence, not a document: as the command has it.
const MAX_REASON_LENGTH = 500
// JSON writes a character of it with six bytes at most.
const MAX_HOLD_BODY = 4_096

/** What programs owe, and who is not paid for now. Whoever holds back money is an operator; for good, finance. */
export function addPayoutRoutes(admin: FastifyInstance, options: PayoutRouteOptions): void {
  addStandingRoutes(admin, options)
  addHoldRoutes(admin, options, 'hold', ['operator', 'finance'])
  addHoldRoutes(admin, options, 'deny', ['finance'])
  const redrive = allowing(options, ['operator'], ({ room, actor }, request) => {
    const { id } = request.params as { id: string }
    return options.redriveJob(room.db, id, { actor, now: options.clock.now() })
  })
  admin.post('/jobs/:id/redrive', redrive)
}

const numberOf = z.string().regex(/^\d{1,18}$/, 'not a number')

const payoutsQuery = z.object({
  program: programSchema,
  state: z.enum(PAYOUT_STATES).optional(),
  after: numberOf.default('0'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(USUAL_PAGE),
})

function addStandingRoutes(admin: FastifyInstance, options: PayoutRouteOptions): void {
  const programs = allowing(options, ['viewer'], async ({ room: { db } }) => {
    const ids = await listPrograms(db)
    const all = []
    for (const id of ids) all.push(await readProgramBooks(db, id))
    return { programs: all }
  })
  const payouts = allowing(options, ['viewer'], async ({ room }, request) => {
    const { after, ...query } = parseWith(payoutsQuery, request.query, 'query')
    const rows = await listPayouts(room.db, { ...query, after: BigInt(after) })
    return { payouts: rows }
  })
  admin.get('/programs', programs)
  admin.get('/payouts', payouts)
}

const holdBody = z
  .object({
    program: programSchema.optional(),
    payee: payeeSchema.optional(),
    address: addressSchema.optional(),
    until: z.string().optional(),
    reason: z.string().trim().min(1).max(MAX_REASON_LENGTH),
  })
  .strict()

const liftQuery = z.object({ reason: holdBody.shape.reason })

function addHoldRoutes(
  admin: FastifyInstance,
  options: PayoutRouteOptions,
  list: HoldList,
  allowed: readonly OfficeRole[],
): void {
  const { clock } = options
  const path = list === 'hold' ? '/holds' : '/denials'
  const show = allowing(options, ['viewer'], async ({ room }, request) => {
    const { after } = parseWith(z.object({ after: numberOf.default('0') }), request.query, 'query')
    const holds = await listHolds(room.db, list, { now: clock.now(), after: BigInt(after) })
    return { [path.slice(1)]: holds.map(publicHold) }
  })
  const add = allowing(options, allowed, async ({ room, actor }, request, reply) => {
    const { until, ...hold } = parseWith(holdBody, request.body, list)
    refuseOtherTarget(list, hold)
    const ends = readExpiry(until, clock.now())
    if (ends !== undefined && ends <= clock.now()) throw invalid(list, 'until is over already')
    const id = await placeHold({ db: room.db, clock, actor }, list, { ...hold, until: ends })
    return reply.code(201).send({ id })
  })
  const lift = allowing(options, allowed, async ({ room, actor }, request) => {
    const { id } = request.params as { id: string }
    const { reason } = parseWith(liftQuery, request.query, 'query')
    const number = BigInt(parseWith(numberOf, id, 'number'))
    await liftHold({ db: room.db, clock, actor }, { id: number, list, reason })
    return { removed: id }
  })
  admin.get(path, show)
  admin.post(path, { bodyLimit: MAX_HOLD_BODY }, add)
  admin.delete(`${path}/:id`, lift)
}

/** An address, or a payee of a program, or a program; a denial is of an address. */
function refuseOtherTarget(
  list: HoldList,
  { program, payee, address }: Pick<z.output<typeof holdBody>, 'program' | 'payee' | 'address'>,
): void {
  if (address !== undefined && payee === undefined) return
  if (list === 'hold' && address === undefined && program !== undefined) return
  const what = list === 'hold' ? 'an address, or a program, or a program and a payee' : 'an address'
  throw invalid(list, `name ${what}`)
}

function invalid(what: string, fault: string): KeeperError {
  return new KeeperError('INPUT_INVALID', { what, faults: [fault] })
}
