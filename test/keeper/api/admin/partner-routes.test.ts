import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import {
  MAX_PARTNERS_BODY,
  MAX_ROWS_A_REQUEST,
} from '../../../../keeper/api/admin/partner-routes.ts'
import { addAdminRoutes } from '../../../../keeper/api/admin/routes.ts'
import { createApp } from '../../../../keeper/api/app.ts'
import { createLogger } from '../../../../keeper/base/log.ts'
import type { OfficeRole } from '../../../../keeper/office/actor.ts'
import { addToken } from '../../../../keeper/office/tokens.ts'
import { readTrail } from '../../../../keeper/office/trail.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { noteSecret } from '../../../helpers/canaries.ts'
import { ROOT } from '../../../helpers/office.ts'
import {
  INTAKE_NOW,
  countOf,
  distributedHour,
  testIntake,
} from '../../../helpers/partner-intake.ts'
import type { TestIntake } from '../../../helpers/partner-intake.ts'
import { freshDb } from '../../../helpers/store.ts'

const VOTES = '/v1/partners/votes'
const JSON_TYPE = 'application/json'
const LINES_TYPE = 'application/x-ndjson'

interface Answer {
  status: number
  json: Record<string, unknown>
  error: { code?: string; faults?: string[]; total?: number }
}

describe('the routes that take in what partners voted', function () {
  this.timeout(60_000)
  let db: Db
  let app: FastifyInstance
  let room: TestIntake
  let lines: string[]

  async function open(isOn = true): Promise<void> {
    const log = createLogger({ level: 'debug', write: (line) => lines.push(line) })
    const { alerts = { raise: () => {}, clear: () => {}, active: () => [] }, zone, clock } = room
    app = createApp(log)
    addAdminRoutes(app, {
      log,
      clock,
      readJobs: async () => ({}),
      redriveJob: async () => ({}),
      room: () => ({ db, configKeys: undefined }),
      ...(isOn ? { partners: { alerts, zone } } : {}),
    })
    await app.ready()
  }

  beforeEach(async () => {
    db = await freshDb()
    room = testIntake(db)
    lines = []
    await open()
  })
  afterEach(async () => {
    await app.close()
    await db.close()
    expect(lines.join('')).to.not.include('mst_')
  })

  const tokenOf = async (role: OfficeRole, name = `the-${role}`): Promise<string> => {
    const { text } = await addToken(db, { name, role }, ROOT, INTAKE_NOW)
    return noteSecret(text)
  }

  async function send(
    token: string | undefined,
    body: unknown,
    { url = VOTES, type = JSON_TYPE }: { url?: string; type?: string } = {},
  ): Promise<Answer> {
    const response = await app.inject({
      method: 'POST',
      url,
      headers: {
        'content-type': type,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    })
    const json = response.json<Record<string, unknown> & { error?: Answer['error'] }>()
    return { status: response.statusCode, json, error: json.error ?? {} }
  }

  const vote = (key: string, rest: object = {}): object => {
    return { key, partner: 'p-1', cc: 1, type: 'up', at: INTAKE_NOW - 60, ...rest }
  }

  it('D-01 votes of a feeder are taken in once, under its own name', async () => {
    const token = await tokenOf('feeder')
    const body = [vote('a'), vote('b', { cc: '5', at: '2024-10-15T07:59:00Z' })]
    const first = await send(token, body)
    expect(first.status).to.equal(200)
    expect(first.json).to.deep.equal({
      source: 'token:the-feeder',
      rows: 2,
      fresh: 2,
      known: 0,
      late: 0,
      conflicts: 0,
    })
    const again = await send(token, [...body, vote('c')])
    expect(again.json).to.deep.include({ fresh: 1, known: 2 })
    expect(await db.query('select source, key, cc from partner_vote order by key')).to.deep.equal([
      { source: 'token:the-feeder', key: 'a', cc: 1n },
      { source: 'token:the-feeder', key: 'b', cc: 5n },
      { source: 'token:the-feeder', key: 'c', cc: 1n },
    ])
    expect(await readTrail(db, { limit: 9, action: 'partners.vote' })).to.deep.equal([])
  })

  it('NDJSON is taken in as an array is, a row a line', async () => {
    const token = await tokenOf('feeder')
    const text = `${JSON.stringify(vote('a'))}\n\n${JSON.stringify(vote('b'))}\r\n`
    const { json } = await send(token, text, { type: LINES_TYPE })
    expect(json).to.deep.include({ rows: 2, fresh: 2 })
  })

  it('late votes and conflicts are in the answer, and raise their alerts', async () => {
    const token = await tokenOf('feeder')
    await distributedHour(db, Math.floor(INTAKE_NOW / 3_600) - 1)
    const { json } = await send(token, [vote('a'), vote('a', { cc: 2 })])
    expect(json).to.deep.include({ fresh: 1, late: 1, conflicts: 1 })
    expect(room.notices.map(({ kind }) => kind)).to.deep.equal([
      'partners-late-votes',
      'partners-conflict',
    ])
  })

  it('one bad row refuses the request with every row’s faults, and takes in nothing', async () => {
    const token = await tokenOf('feeder')
    const rows = [
      vote('ok'),
      vote('b', { cc: 1.5 }),
      vote('c', { cc: '1e3' }),
      vote('d', { cc: -1 }),
      vote('e', { cc: 1e21 }),
      vote('f', { cc: '9'.repeat(1_000) }),
      vote('g', { partner: 'a b' }),
      vote('h\u0000'),
      vote('i', { type: '\ud800' }),
      vote('j', { at: INTAKE_NOW + 3_600 }),
      vote('k', { at: 'yesterday' }),
      vote('l', { surprise: 1 }),
      { key: 'm' },
      'n',
      null,
      [],
      vote('o', { partner: { $ne: 1 } }),
    ]
    const { status, error } = await send(token, rows)
    expect(status).to.equal(400)
    expect(error.code).to.equal('PARTNERS_ROWS_INVALID')
    const named = new Set(error.faults?.map((fault) => fault.split(':')[0]))
    expect([...named]).to.deep.equal(rows.slice(1).map((_, n) => `row ${n + 2}`))
    expect(JSON.stringify(error)).to.have.length.below(6_000)
    expect(await countOf(db, 'partner_vote')).to.equal(0)
  })

  it('a line that is no JSON, a body that is no array, and other types are refused', async () => {
    const token = await tokenOf('feeder')
    const broken = await send(token, `${JSON.stringify(vote('a'))}\n{"key":`, { type: LINES_TYPE })
    expect(broken.status).to.equal(400)
    expect(broken.error.faults).to.deep.equal(['row 2: not an object'])
    for (const body of ['{', '{}', '"x"', '', '['.repeat(500_000), '[{"__proto__": 1}]']) {
      const { status, error } = await send(token, body)
      expect(status, body.slice(0, 20)).to.equal(400)
      expect(error.code).to.match(/^(INPUT_INVALID|PARTNERS_ROWS_INVALID)$/)
    }
    expect((await send(token, 'a,b', { type: 'text/csv' })).status).to.equal(400)
    expect(await countOf(db, 'partner_vote')).to.equal(0)
  })

  it('more rows or bytes than a request may have are refused', async () => {
    const token = await tokenOf('feeder')
    const many = Array.from({ length: MAX_ROWS_A_REQUEST + 1 }, () => 0)
    expect((await send(token, many)).error.code).to.equal('PARTNERS_TOO_MANY_ROWS')
    const long = Buffer.alloc(MAX_PARTNERS_BODY + 1, ' ')
    expect((await send(token, long)).status).to.equal(400)
    expect((await send(token, long, { type: LINES_TYPE })).status).to.equal(400)
  })

  it('a feeder sends votes under its own name and can do nothing else', async () => {
    const token = await tokenOf('feeder')
    const other = await send(token, [vote('a')], { url: `${VOTES}?source=mysql-main` })
    expect(other.error.code).to.equal('INPUT_INVALID')
    for (const path of ['ecc', 'partners', 'rates']) {
      const { status } = await send(token, [], { url: `/v1/partners/${path}` })
      expect(status, path).to.equal(403)
    }
    for (const path of ['programs', 'payouts', 'holds', 'trail', 'tokens', 'jobs']) {
      const { statusCode } = await app.inject({
        method: 'GET',
        url: `/admin/${path}`,
        headers: { authorization: `Bearer ${token}` },
      })
      expect(statusCode, path).to.equal(403)
    }
    expect(await readTrail(db, { limit: 20, action: 'route.refused' })).to.have.length(9)
  })

  it('without a token, with an unknown one or one of a viewer nothing of the body is read', async () => {
    const broken = '{'
    expect((await send(undefined, broken)).status).to.equal(401)
    expect((await send('mst_none', broken)).status).to.equal(401)
    expect((await send(await tokenOf('viewer'), broken)).status).to.equal(403)
    expect((await send(await tokenOf('finance'), broken)).status).to.equal(403)
  })

  it('an operator may send for another source, coefficients and partners, and finance rates: in the trail', async () => {
    const operator = await tokenOf('operator')
    const named = await send(operator, [vote('a')], { url: `${VOTES}?source=mysql-main` })
    expect(named.json).to.deep.include({ source: 'mysql-main', fresh: 1 })
    const ecc = [{ partner: 'p', day: '2024-10-15', ecc: '2.11e-16' }]
    expect((await send(operator, ecc, { url: '/v1/partners/ecc' })).json).to.include({ fresh: 1 })
    expect(await db.one('select ecc from partner_ecc')).to.deep.equal({ ecc: '211' })
    const rounded = [{ partner: 'p', day: '2024-10-15', ecc: 0.1 }]
    expect((await send(operator, rounded, { url: '/v1/partners/ecc' })).status).to.equal(400)
    const partners = [{ partner: 'p', special: true }]
    const flagged = await send(operator, partners, { url: '/v1/partners/partners' })
    expect(flagged.json).to.include({ fresh: 1 })
    const rates = [{ from: '2024-10-16T00:00:00Z', unitsPerCc: `${10n ** 18n}` }]
    expect((await send(operator, rates, { url: '/v1/partners/rates' })).status).to.equal(403)
    const finance = await tokenOf('finance')
    const set = await send(finance, rates, { url: '/v1/partners/rates' })
    expect(set.json).to.include({ fresh: 1 })
    const trail = await readTrail(db, { limit: 20 })
    const done = trail.filter(({ action }) => action.startsWith('partners.'))
    expect(done.map(({ actor, action }) => `${actor} ${action}`).toReversed()).to.deep.equal([
      'token:the-operator partners.ecc',
      'token:the-operator partners.partner',
      'token:the-finance partners.rate',
    ])
  })

  it('where there is no program of partners there are no such routes', async () => {
    await app.close()
    await open(false)
    expect((await send(await tokenOf('feeder'), [])).status).to.equal(404)
  })
})
