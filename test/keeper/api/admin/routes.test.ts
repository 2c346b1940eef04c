import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { addAdminRoutes } from '../../../../keeper/api/admin/routes.ts'
import { createApp } from '../../../../keeper/api/app.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import { createLogger } from '../../../../keeper/base/log.ts'
import type { OfficeRole } from '../../../../keeper/office/actor.ts'
import { openKeyRing } from '../../../../keeper/office/key-ring.ts'
import { readSecret } from '../../../../keeper/office/secrets.ts'
import { addToken } from '../../../../keeper/office/tokens.ts'
import { readTrail } from '../../../../keeper/office/trail.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { noteSecret } from '../../../helpers/canaries.ts'
import type { TestClock } from '../../../helpers/clock.ts'
import { testClock } from '../../../helpers/clock.ts'
import { NOW, ROOT } from '../../../helpers/office.ts'
import { freshDb } from '../../../helpers/store.ts'

const VALUE = noteSecret('canary-of-a-value-by-http')

interface Answer {
  status: number
  json: Record<string, unknown>
  code: string | undefined
  text: string
}

describe('the admin routes', function () {
  this.timeout(60_000)
  let db: Db
  let dir: string
  let app: FastifyInstance
  let clock: TestClock
  let isOpen: boolean
  let lines: string[]

  beforeEach(async () => {
    db = await freshDb()
    dir = mkdtempSync(join(tmpdir(), 'muster-admin-'))
    writeFileSync(join(dir, 'k1'), '11'.repeat(32))
    clock = testClock(NOW)
    isOpen = true
    lines = []
    const log = createLogger({ level: 'debug', write: (line) => lines.push(line) })
    app = createApp(log)
    const configKeys = [{ id: 'k1', path: join(dir, 'k1') }]
    addAdminRoutes(app, {
      log,
      clock,
      readJobs: async () => ({ lanes: [] }),
      redriveJob: async (_db, id, { actor }) => {
        if (id !== 'known') throw new KeeperError('DEAD_LETTER_UNKNOWN', { id })
        return { lane: 'manual/pay', by: actor.name }
      },
      room: () => (isOpen ? { db, configKeys } : undefined),
    })
    await app.ready()
  })
  afterEach(async () => {
    await app.close()
    await db.close()
    rmSync(dir, { recursive: true, force: true })
    expect(lines.join('')).to.not.include(VALUE).and.not.include('mst_')
  })

  const tokenOf = async (role: OfficeRole, expiresAt?: number): Promise<string> => {
    const { text } = await addToken(db, { name: `the-${role}`, role, expiresAt }, ROOT, NOW)
    return noteSecret(text)
  }

  async function ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    { token, body, type }: { token?: string; body?: unknown; type?: string } = {},
  ): Promise<Answer> {
    const payload = typeof body === 'string' ? body : JSON.stringify(body)
    const response = await app.inject({
      method,
      url,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }),
      },
      ...(body === undefined ? {} : { payload }),
    })
    const json = response.json<Record<string, unknown>>()
    const code = (json['error'] as { code?: string } | undefined)?.code
    return { status: response.statusCode, json, code, text: response.body }
  }

  const ROUTES = [
    ['GET', '/admin/trail', 'viewer'],
    ['GET', '/admin/jobs', 'viewer'],
    ['GET', '/admin/tokens', 'admin'],
    ['POST', '/admin/tokens', 'admin'],
    ['DELETE', '/admin/tokens/x', 'admin'],
    ['PUT', '/admin/secrets/x', 'admin'],
    ['GET', '/admin/programs', 'viewer'],
    ['GET', '/admin/payouts?program=manual', 'viewer'],
    ['GET', '/admin/holds', 'viewer'],
    ['GET', '/admin/denials', 'viewer'],
    ['POST', '/admin/holds', 'operator or finance'],
    ['DELETE', '/admin/holds/1', 'operator or finance'],
    ['POST', '/admin/denials', 'finance'],
    ['DELETE', '/admin/denials/1', 'finance'],
    ['POST', '/admin/jobs/x/redrive', 'operator'],
  ] as const

  it('without a token, with a wrong one or one that is over, every route answers 401', async () => {
    const over = await tokenOf('admin', NOW + 1)
    clock.advance(1)
    for (const [method, url] of ROUTES) {
      for (const token of [undefined, 'mst_wrong', over]) {
        const { status, code } = await ask(method, url, token === undefined ? {} : { token })
        expect([status, code], `${method} ${url}`).to.deep.equal([401, 'TOKEN_REFUSED'])
      }
    }
    // Who is not known cannot fill the trail.
    expect(await readTrail(db, { limit: 9 })).to.have.length(1)
  })

  it('each role reaches its routes alone, and what was refused is in the trail', async () => {
    for (const role of ['viewer', 'operator', 'finance', 'admin'] as const) {
      const token = await tokenOf(role)
      for (const [method, url, needed] of ROUTES) {
        const { status } = await ask(method, url, { token })
        const may = role === 'admin' || needed === 'viewer' || needed.includes(role)
        expect(status === 403, `${role}: ${method} ${url} ${status}`).to.equal(!may)
      }
    }
    const refused = await readTrail(db, { limit: 99, action: 'route.refused' })
    expect(refused).to.have.length(20)
    expect(refused.at(-1)).to.include({ actor: 'token:the-viewer', target: 'GET /admin/tokens' })
  })

  it('an admin makes a token, which is told once, works, and is revoked', async () => {
    const token = await tokenOf('admin')
    const body = { name: 'carol', role: 'viewer', expires: '30d' }
    const made = await ask('POST', '/admin/tokens', { token, body })
    expect(made.status, made.text).to.equal(201)
    const carol = noteSecret(String(made.json['token']))

    expect((await ask('GET', '/admin/trail', { token: carol })).status).to.equal(200)
    const listed = await ask('GET', '/admin/tokens', { token })
    expect(listed.text).to.include('carol').and.not.include(carol.slice(-43))
    expect((await ask('POST', '/admin/tokens', { token, body })).status).to.equal(409)
    expect((await ask('DELETE', '/admin/tokens/carol', { token })).status).to.equal(200)
    expect((await ask('DELETE', '/admin/tokens/carol', { token })).status).to.equal(404)
    expect((await ask('GET', '/admin/trail', { token: carol })).status).to.equal(401)

    const trail = await ask('GET', '/admin/trail?actor=token:the-admin&limit=10', { token })
    const entries = trail.json['entries'] as { action: string; target: string }[]
    expect(entries.map(({ action, target }) => [action, target])).to.deep.equal([
      ['token.revoke', 'carol'],
      ['token.add', 'carol'],
    ])
  })

  it('a secret is set and never told', async () => {
    const token = await tokenOf('admin')
    const set = await ask('PUT', '/admin/secrets/partners.api-key', {
      token,
      body: { value: VALUE },
    })

    expect([set.status, set.json]).to.deep.equal([200, { name: 'partners.api-key', keyId: 'k1' }])
    const ring = await openKeyRing([{ id: 'k1', path: join(dir, 'k1') }])
    expect(await readSecret(db, 'partners.api-key', { ring, by: ROOT, now: NOW })).to.equal(VALUE)
    const trail = await ask('GET', '/admin/trail?action=secret.set', { token })
    expect(trail.text).to.include('partners.api-key').and.not.include(VALUE)
    expect((await ask('GET', '/admin/secrets/partners.api-key', { token })).status).to.equal(404)
  })

  it('an operator holds a payee back and lets go; who is never paid is for finance; all is in the trail', async () => {
    const token = await tokenOf('operator')
    const body = { program: 'manual', payee: 'p7', until: '7d', reason: 'in dispute' }
    const held = await ask('POST', '/admin/holds', { token, body })
    expect([held.status, held.json]).to.deep.equal([201, { id: '1' }])
    const shown = await ask('GET', '/admin/holds', { token })
    expect((shown.json['holds'] as object[])[0]).to.include({ payee: 'p7', reason: 'in dispute' })
    const gone = await ask('DELETE', '/admin/holds/1?reason=settled', { token })
    expect([gone.status, gone.json]).to.deep.equal([200, { removed: '1' }])
    expect((await ask('DELETE', '/admin/holds/1?reason=settled', { token })).status).to.equal(404)

    const finance = await tokenOf('finance')
    const denied = { address: `0x${'ab'.repeat(20)}`, reason: 'a list' }
    expect((await ask('POST', '/admin/denials', { token: finance, body: denied })).status).to.equal(
      201,
    )
    const trail = await readTrail(db, { limit: 9 })
    const acted = trail.filter(({ action }) => !action.startsWith('token'))
    expect(acted.map(({ actor, action }) => [actor, action])).to.deep.equal([
      ['token:the-finance', 'deny.add'],
      ['token:the-operator', 'hold.remove'],
      ['token:the-operator', 'hold.add'],
    ])
  })

  it('payouts are listed by program and state, and a dead letter is tried again by an operator', async () => {
    const token = await tokenOf('operator')
    await db.query(`insert into payout_program (program, number, asset) values ('manual', 1, 'a')`)
    await db.query(
      `insert into payout (key, program, payee, amount, state, effective_from, created_at)
       values ('k1', 'manual', 'p1', 5, 'owed', 0, 0), ('k2', 'manual', 'p2', 7, 'paid', 0, 0)`,
    )
    const owed = await ask('GET', '/admin/payouts?program=manual&state=owed', { token })
    expect((owed.json['payouts'] as object[])[0]).to.include({ key: 'k1', amount: '5' })
    expect(owed.json['payouts']).to.have.length(1)
    const { json } = await ask('GET', '/admin/programs', { token })
    const [program] = json['programs'] as { states: object }[]
    expect(program?.states).to.deep.include({ paid: { payouts: 1, amount: '7' } })

    const again = await ask('POST', '/admin/jobs/known/redrive', { token })
    expect(again.json).to.deep.equal({ lane: 'manual/pay', by: 'token:the-operator' })
    expect((await ask('POST', '/admin/jobs/other/redrive', { token })).status).to.equal(404)
  })

  it('the trail is read page by page', async () => {
    const token = await tokenOf('viewer')
    for (const name of ['a', 'b', 'c']) await addToken(db, { name, role: 'viewer' }, ROOT, NOW)
    const seqs = async (query: string): Promise<unknown[]> => {
      const { json } = await ask('GET', `/admin/trail?${query}`, { token })
      return (json['entries'] as { seq: string }[]).map(({ seq }) => seq)
    }

    expect(await seqs('limit=2')).to.deep.equal(['4', '3'])
    expect(await seqs('limit=2&before=3')).to.deep.equal(['2', '1'])
    expect(await seqs('since=2100-01-01T00:00:00Z')).to.deep.equal([])
  })

  it('what is not understood is refused by the catalogue, and nothing of it is told again', async () => {
    const token = await tokenOf('admin')
    const bad: [Parameters<typeof ask>[0], string, unknown, string?][] = [
      ['POST', '/admin/tokens', { name: 'x', role: 'root' }],
      ['POST', '/admin/tokens', { name: 'x', role: 'viewer', more: 1 }],
      ['POST', '/admin/tokens', { name: 'x', role: 'viewer', expires: 'soon' }],
      ['POST', '/admin/tokens', '{'],
      ['POST', '/admin/tokens', 'x'.repeat(2_000)],
      ['POST', '/admin/tokens', VALUE, 'text/plain'],
      ['PUT', '/admin/secrets/UPPER', { value: VALUE }],
      ['PUT', '/admin/secrets/x', { value: VALUE.slice(0, 3) }],
      ['PUT', '/admin/secrets/x', { value: 'x'.repeat(200_000) }],
      ['GET', '/admin/trail?limit=0', undefined],
      ['GET', '/admin/trail?before=x', undefined],
      ['GET', '/admin/trail?since=yesterday', undefined],
      ['GET', '/admin/payouts', undefined],
      ['GET', '/admin/payouts?program=manual&state=lost', undefined],
      ['POST', '/admin/holds', { payee: 'p7', reason: 'of which program?' }],
      ['POST', '/admin/holds', { program: 'manual' }],
      ['POST', '/admin/denials', { program: 'manual', reason: 'no address' }],
    ]
    for (const [method, url, body, type] of bad) {
      const given = { token, ...(body === undefined ? {} : { body }), ...(type ? { type } : {}) }
      const { status, code, text } = await ask(method, url, given)
      expect([status, code === 'INPUT_INVALID' || code === 'TIME_INVALID'], text).to.deep.equal([
        400,
        true,
      ])
      expect(text).to.not.include(VALUE)
    }
  })

  it('from one address at most 120 requests a minute are answered', async () => {
    const statuses = new Set<number>()
    for (let i = 0; i < 120; i += 1) statuses.add((await ask('GET', '/admin/trail')).status)
    const { status, code } = await ask('GET', '/admin/trail')

    expect([...statuses]).to.deep.equal([401])
    expect([status, code]).to.deep.equal([429, 'RATE_LIMITED'])
  })

  it('while no keeper is open there is nothing to administer', async () => {
    const token = await tokenOf('admin')
    isOpen = false

    const { status, code } = await ask('GET', '/admin/trail', { token })
    expect([status, code]).to.deep.equal([503, 'NOT_READY'])
  })
})
