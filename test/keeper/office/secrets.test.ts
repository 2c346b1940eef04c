import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { redactText } from '../../../keeper/base/redact.ts'
import { openKeyRing } from '../../../keeper/office/key-ring.ts'
import type { KeyRing } from '../../../keeper/office/key-ring.ts'
import { seal, unseal } from '../../../keeper/office/seal.ts'
import {
  listSecrets,
  readSecret,
  removeSecret,
  rotateSecrets,
  setSecret,
} from '../../../keeper/office/secrets.ts'
import type { Hand } from '../../../keeper/office/secrets.ts'
import { readTrail } from '../../../keeper/office/trail.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import { codeOf, rejectionOf } from '../../helpers/errors.ts'
import { NOW, ROOT } from '../../helpers/office.ts'
import { freshDb } from '../../helpers/store.ts'

const NAME = 'partners.api-key'
const VALUE = noteSecret('canary-of-a-sealed-setting')

describe('sealed settings', function () {
  this.timeout(60_000)
  let db: Db
  let dir: string
  beforeEach(async () => {
    db = await freshDb()
    dir = mkdtempSync(join(tmpdir(), 'muster-keys-'))
    writeFileSync(join(dir, 'k1'), `${'11'.repeat(32)}\n`)
    writeFileSync(join(dir, 'k2'), '22'.repeat(32))
    writeFileSync(join(dir, 'short'), '33'.repeat(31))
  })
  afterEach(async () => {
    await db.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const ringOf = (...ids: string[]): Promise<KeyRing> =>
    openKeyRing(ids.map((id) => ({ id, path: join(dir, id) })))
  const handOf = async (...ids: string[]): Promise<Hand> => ({
    ring: await ringOf(...ids),
    by: ROOT,
    now: NOW,
  })
  const rejection = async (promise: Promise<unknown>): Promise<string> =>
    (await rejectionOf(promise)).code

  it('a value is read as it was set, and neither the store nor the trail nor a list has it', async () => {
    const hand = await handOf('k1')
    await setSecret(db, { name: NAME, value: VALUE }, hand)

    expect(await readSecret(db, NAME, hand)).to.equal(VALUE)
    const told = JSON.stringify(
      [
        await db.query('select * from secure_config'),
        await listSecrets(db),
        await readTrail(db, { limit: 9 }),
      ],
      (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
    )
    expect(told).to.not.include(VALUE)
    expect(told).to.not.include(Buffer.from(VALUE).toString('base64').slice(0, 16))
    expect(redactText(`a library says ${VALUE}`)).to.equal('a library says [redacted]')
  })

  it('every read and write is in the trail, with the key and without the value', async () => {
    const hand = await handOf('k1')
    await setSecret(db, { name: NAME, value: VALUE }, hand)
    await setSecret(db, { name: NAME, value: `${VALUE}2` }, await handOf('k2', 'k1'))
    await readSecret(db, NAME, await handOf('k2'))
    await removeSecret(db, NAME, hand)

    const trail = await readTrail(db, { limit: 9 })
    expect(trail.map(({ action, before, after }) => [action, before, after])).to.deep.equal([
      ['secret.remove', '{"keyId":"k2"}', null],
      ['secret.read', null, '{"keyId":"k2"}'],
      ['secret.set', '{"keyId":"k1"}', '{"keyId":"k2"}'],
      ['secret.set', null, '{"keyId":"k1"}'],
    ])
    expect(await rejection(readSecret(db, NAME, hand))).to.equal('SECRET_NOT_FOUND')
    expect(await rejection(removeSecret(db, NAME, hand))).to.equal('SECRET_NOT_FOUND')
  })

  it('rotating seals all with the first key, after which the old one is not needed', async () => {
    await setSecret(db, { name: NAME, value: VALUE }, await handOf('k1'))
    await setSecret(db, { name: 'other', value: VALUE }, await handOf('k2', 'k1'))
    expect(await rejection(readSecret(db, NAME, await handOf('k2')))).to.equal('CONFIG_KEY_UNKNOWN')

    expect(await rotateSecrets(db, await handOf('k2', 'k1'))).to.deep.equal([NAME])
    expect(await rotateSecrets(db, await handOf('k2', 'k1'))).to.deep.equal([])
    expect(await readSecret(db, NAME, await handOf('k2'))).to.equal(VALUE)
    expect((await listSecrets(db)).map(({ keyId }) => keyId)).to.deep.equal(['k2', 'k2'])
  })

  it('a rotation that cannot open one of them changes none', async () => {
    await setSecret(db, { name: 'a.first', value: VALUE }, await handOf('k1'))
    await setSecret(db, { name: 'b.second', value: VALUE }, await handOf('k1'))
    await db.exec(`update secure_config set sealed = 'AAAA' where key = 'b.second'`)

    const rotation = rotateSecrets(db, await handOf('k2', 'k1'))
    expect(await rejection(rotation)).to.equal('SECRET_UNREADABLE')
    expect((await listSecrets(db)).map(({ keyId }) => keyId)).to.deep.equal(['k1', 'k1'])
  })

  it('a value that was moved to another name does not open', async () => {
    const hand = await handOf('k1')
    await setSecret(db, { name: NAME, value: VALUE }, hand)
    await db.exec(`update secure_config set key = 'public.name'`)

    expect(await rejection(readSecret(db, 'public.name', hand))).to.equal('SECRET_UNREADABLE')
  })

  it('one flipped bit of nonce, text or tag, or another key, is refused; no two nonces are alike', async () => {
    const { first } = await ringOf('k1')
    const whole = seal(NAME, VALUE, first)
    const bytes = Buffer.from(whole.sealed, 'base64')
    for (let i = 0; i < bytes.length; i += 1) {
      const flipped = Buffer.from(bytes)
      flipped[i] = (flipped[i] ?? 0) ^ 1
      const changed = { ...whole, sealed: flipped.toString('base64') }
      expect(codeOf(() => unseal(NAME, changed, first))).to.equal('SECRET_UNREADABLE')
    }
    const nonce = `${whole.nonce.startsWith('0') ? '1' : '0'}${whole.nonce.slice(1)}`
    expect(codeOf(() => unseal(NAME, { ...whole, nonce }, first))).to.equal('SECRET_UNREADABLE')
    const other = (await ringOf('k2')).first
    expect(codeOf(() => unseal(NAME, whole, other))).to.equal('SECRET_UNREADABLE')
    const nonces = Array.from({ length: 1_000 }, () => seal(NAME, VALUE, first).nonce)
    expect(new Set(nonces).size).to.equal(1_000)
    expect(nonces[0]).to.have.length(24)
  })

  it('a cut tag is refused: GCM would take a short one', async () => {
    const { first } = await ringOf('k1')
    const whole = seal(NAME, VALUE, first)
    const bytes = Buffer.from(whole.sealed, 'base64')
    for (const length of [0, 4, 12, bytes.length - 4]) {
      const sealed = bytes.subarray(0, length).toString('base64')
      expect(codeOf(() => unseal(NAME, { ...whole, sealed }, first))).to.equal('SECRET_UNREADABLE')
    }
  })

  it('names and values have limits', async () => {
    const hand = await handOf('k1')
    for (const asked of [
      { name: '', value: VALUE },
      { name: 'A', value: VALUE },
      { name: 'a'.repeat(101), value: VALUE },
      { name: NAME, value: 'short' },
      { name: NAME, value: 'x'.repeat(16 * 1_024 + 1) },
      { name: NAME, value: undefined },
    ]) {
      expect(await rejection(setSecret(db, asked, hand))).to.equal('INPUT_INVALID')
    }
  })

  it('without a key, or with a file that holds none, nothing is sealed', async () => {
    expect(await rejection(openKeyRing(undefined))).to.equal('CONFIG_KEYS_MISSING')
    expect(await rejection(ringOf('short'))).to.equal('FILE_UNREADABLE')
    expect(await rejection(ringOf('missing'))).to.equal('FILE_UNREADABLE')
  })
})
