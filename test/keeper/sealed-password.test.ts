import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KeeperError } from '../../keeper/base/errors.ts'
import type { KeySource } from '../../keeper/chain/keys/open-key.ts'
import { PAYER_PASSWORD, orSealed } from '../../keeper/keeper.ts'
import { openKeyRing } from '../../keeper/office/key-ring.ts'
import { setSecret } from '../../keeper/office/secrets.ts'
import { readTrail } from '../../keeper/office/trail.ts'
import type { Db } from '../../keeper/store/db.ts'
import { noteSecret } from '../helpers/canaries.ts'
import { testClock } from '../helpers/clock.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { NOW, ROOT } from '../helpers/office.ts'
import { freshDb } from '../helpers/store.ts'

const VALUE = noteSecret('canary-of-a-sealed-password')
const MISSING: KeySource = {
  signer: { kind: 'keystore' },
  keystore: 'payer.json',
  password: async () => {
    throw new KeeperError('PASSWORD_MISSING', { role: 'payer', env: 'MUSTER_PAYER' })
  },
}

describe("the payer's password", function () {
  this.timeout(60_000)
  let db: Db
  let dir: string
  beforeEach(async () => {
    db = await freshDb()
    dir = mkdtempSync(join(tmpdir(), 'muster-sealed-'))
    writeFileSync(join(dir, 'k1'), '11'.repeat(32))
  })
  afterEach(async () => {
    await db.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const keysOf = () => [{ id: 'k1', path: join(dir, 'k1') }]
  const open = (source: KeySource, configKeys = keysOf()): Promise<string> =>
    orSealed(
      source,
      { configKeys },
      { store: Promise.resolve(db), clock: testClock(NOW) },
    ).password()

  it('is taken sealed from the store where it is set nowhere else, and the trail says so', async () => {
    const hand = { ring: await openKeyRing(keysOf()), by: ROOT, now: NOW }
    await setSecret(db, { name: PAYER_PASSWORD, value: VALUE }, hand)
    expect(await open(MISSING)).to.equal(VALUE)
    const [read] = await readTrail(db, { limit: 1 })
    expect(read).to.include({ actor: 'keeper', action: 'secret.read', target: PAYER_PASSWORD })
  })

  it('of the environment comes first, and the store is not asked', async () => {
    expect(await open({ ...MISSING, password: async () => 'given' })).to.equal('given')
    expect(await readTrail(db, { limit: 1 })).to.deep.equal([])
  })

  it('that is nowhere is told as missing', async () => {
    const without = orSealed(
      MISSING,
      { configKeys: undefined },
      { store: Promise.resolve(db), clock: testClock(NOW) },
    )
    expect((await rejectionOf(without.password())).code).to.equal('PASSWORD_MISSING')
    expect((await rejectionOf(open(MISSING))).code).to.equal('SECRET_NOT_FOUND')
  })
})
