import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Alerts } from '../../base/alerts.ts'
import { KeeperError, ensure } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { parseWith } from '../../base/schema.ts'
import type { OfficeRole } from '../../office/actor.ts'
import { appendTrail } from '../../office/trail.ts'
import { sourceSchema } from '../../programs/partners/intake/check-rows.ts'
import { tellLanded } from '../../programs/partners/intake/conflicts.ts'
import type { Landed, RowKind } from '../../programs/partners/intake/conflicts.ts'
import { readJsonRows } from '../../programs/partners/intake/json-rows.ts'
import { takeRows } from '../../programs/partners/intake/land.ts'
import { admitting } from './access.ts'
import type { AccessOptions, Admission } from './access.ts'

export interface PartnerRouteOptions extends AccessOptions {
  log: Logger
  alerts: Alerts
  /** Of the program's days. */
  zone: string
}

/** Some 150 bytes a vote as JSON, with room for long keys. */
export const MAX_PARTNERS_BODY = 4 * 1024 * 1024
/** Half a second of the embedded store; a feeder with more sends more often. */
export const MAX_ROWS_A_REQUEST = 10_000

const KINDS: readonly { path: string; kind: RowKind; allowed: readonly OfficeRole[] }[] = [
  { path: '/votes', kind: 'vote', allowed: ['feeder', 'operator'] },
  { path: '/ecc', kind: 'ecc', allowed: ['operator'] },
  { path: '/partners', kind: 'partner', allowed: ['operator'] },
  // What a CC is worth is money.
  { path: '/rates', kind: 'rate', allowed: ['finance'] },
]

/** Systems that send what partners voted, each with a token of its own: an array, or JSON a line (NDJSON). */
export function addPartnerRoutes(app: FastifyInstance, options: PartnerRouteOptions): void {
  app.addContentTypeParser(
    'application/x-ndjson',
    { parseAs: 'string', bodyLimit: MAX_PARTNERS_BODY },
    async (_request: FastifyRequest, text: string) => linesOf(text),
  )
  for (const { path, kind, allowed } of KINDS) {
    const door = admitting(options, allowed)
    app.post(path, { bodyLimit: MAX_PARTNERS_BODY, onRequest: door.open }, (request) =>
      takeIn(options, door.admissionOf(request), kind, request),
    )
  }
}

async function takeIn(
  { clock, log, alerts, zone }: PartnerRouteOptions,
  { room: { db }, actor }: Admission,
  kind: RowKind,
  { body, query }: FastifyRequest,
): Promise<Landed & { rows: number; source: string }> {
  const source = sourceOf(actor, query)
  const now = clock.now()
  const rows = readJsonRows(kind, arrayOf(body), now)
  const landed = await db.begin(async (t) => {
    const taken = await takeRows(t, kind, source, rows, now)
    // A vote says in its own row who sent it; what decides on the worth of all votes is an action of an admin.
    if (kind !== 'vote' && taken.fresh > 0) {
      const note = { actor, action: `partners.${kind}`, target: source, after: { ...taken } }
      await appendTrail(t, note, now)
    }
    return taken
  })
  tellLanded({ db, clock, log, alerts, zone }, kind, source, landed)
  return { source, rows: rows.length, ...landed }
}

/** A feeder’s keys are its own: under another source's name it could take a key before that one's vote comes. */
function sourceOf({ name, role }: Admission['actor'], query: unknown): string {
  const { source } = parseWith(z.object({ source: sourceSchema.optional() }), query, 'query')
  if (source === undefined || source === name) return name
  if (role !== 'feeder') return source
  throw new KeeperError('INPUT_INVALID', {
    what: 'query',
    faults: [`source: a feeder's is its token, ${name}`],
  })
}

function arrayOf(body: unknown): unknown[] {
  if (!Array.isArray(body)) {
    throw new KeeperError('INPUT_INVALID', { what: 'body', faults: ['not an array of rows'] })
  }
  ensure(body.length <= MAX_ROWS_A_REQUEST, 'PARTNERS_TOO_MANY_ROWS', {
    rows: body.length,
    most: MAX_ROWS_A_REQUEST,
  })
  return body as unknown[]
}

/** A line that is no JSON becomes a row that is no object: its fault is told with the others, by its number. */
function linesOf(text: string): unknown[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => {
    try {
      return JSON.parse(line) as unknown
    } catch {
      return undefined
    }
  })
}
