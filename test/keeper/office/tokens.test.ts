import { expect } from 'chai'
import { OFFICE_ROLES, mayAct } from '../../../keeper/office/actor.ts'
import { addToken, listTokens, revokeToken, verifyToken } from '../../../keeper/office/tokens.ts'
import { readTrail } from '../../../keeper/office/trail.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import { rejectionOf } from '../../helpers/errors.ts'
import { NOW, ROOT } from '../../helpers/office.ts'
import { freshDb } from '../../helpers/store.ts'

describe('access tokens', function () {
  this.timeout(60_000)
  let db: Db
  beforeEach(async () => {
    db = await freshDb()
  })
  afterEach(() => db.close())

  const add = async (name: string, expiresAt?: number): Promise<string> => {
    const { text } = await addToken(db, { name, role: 'operator', expiresAt }, ROOT, NOW)
    return noteSecret(text)
  }
  const codeOf = async (text: string, now = NOW): Promise<string> =>
    (await rejectionOf(verifyToken(db, text, now))).code

  it('a token names its holder and role, and the store has only its hash', async () => {
    const text = await add('alice')

    expect(await verifyToken(db, text, NOW)).to.deep.equal({
      name: 'token:alice',
      role: 'operator',
    })
    // Of 43 characters, an underscore may be one of them.
    const secret = text.slice(-43)
    const stored = JSON.stringify(await db.query('select id, name, role, hash from office_token'))
    expect(stored).to.not.include(secret)
    const trail = JSON.stringify(await readTrail(db, { limit: 10 }), (_, v: unknown) => String(v))
    expect(trail).to.not.include(secret)
  })

  it('every other text is refused, and nothing tells why', async () => {
    const text = await add('alice')
    const last = text.endsWith('A') ? 'B' : 'A'
    const others = [
      '',
      'x',
      `${text} `,
      text.slice(0, -1),
      `${text.slice(0, -1)}${last}`,
      `mst_${'0'.repeat(16)}_${text.slice(-43)}`,
      text.toUpperCase(),
    ]

    for (const other of others) expect(await codeOf(other), other).to.equal('TOKEN_REFUSED')
  })

  it('a token is taken until the second it expires, and not after it was revoked', async () => {
    const short = await add('short', NOW + 60)
    const long = await add('long')

    expect(await verifyToken(db, short, NOW + 59)).to.include({ name: 'token:short' })
    expect(await codeOf(short, NOW + 60)).to.equal('TOKEN_REFUSED')
    await revokeToken(db, 'long', ROOT, NOW + 1)
    expect(await codeOf(long, NOW + 2)).to.equal('TOKEN_REFUSED')
    expect((await rejectionOf(revokeToken(db, 'long', ROOT, NOW))).code).to.equal('TOKEN_NOT_FOUND')
  })

  it('a name has one token in force; after revoking it there may be another', async () => {
    const first = await add('alice')
    const again = addToken(db, { name: 'alice', role: 'admin' }, ROOT, NOW)
    expect((await rejectionOf(again)).code).to.equal('TOKEN_NAME_TAKEN')
    expect(await readTrail(db, { limit: 10 })).to.have.length(1)

    await revokeToken(db, 'alice', ROOT, NOW)
    const second = await add('alice')
    expect(second).to.not.equal(first)
    expect(await verifyToken(db, second, NOW)).to.include({ role: 'operator' })
    expect((await listTokens(db)).map(({ revokedAt }) => revokedAt !== undefined)).to.have.members([
      true,
      false,
    ])
  })

  const INVALID: object[] = [
    { name: '', role: 'viewer' },
    { name: 'a b', role: 'viewer' },
    { name: 'x'.repeat(65), role: 'viewer' },
    { name: 'alice', role: 'root' },
    { name: 'alice', role: 'viewer', expiresAt: NOW },
  ]
  for (const asked of INVALID) {
    it(`a token ${JSON.stringify(asked)} is refused`, async () => {
      const refusal = await rejectionOf(addToken(db, asked, ROOT, NOW))
      expect(refusal.code).to.equal('INPUT_INVALID')
      expect(await listTokens(db)).to.deep.equal([])
    })
  }

  it('an admin may do what every role may; operator and finance not what the other may; a feeder only what names it', () => {
    const may = OFFICE_ROLES.map((role) => [
      mayAct(role, ['viewer']),
      mayAct(role, ['operator']),
      mayAct(role, ['finance']),
      mayAct(role, ['admin']),
      mayAct(role, ['feeder']),
    ])

    expect(may).to.deep.equal([
      [true, false, false, false, false],
      [true, true, false, false, false],
      [true, false, true, false, false],
      [true, true, true, true, true],
      [false, false, false, false, true],
    ])
  })
})
