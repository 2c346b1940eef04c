import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createKeystore,
  openKeystore,
  readKeystoreAddress,
} from '../../../../keeper/chain/keys/signer.ts'
import { signerOf } from '../../../../keeper/chain/keys/typed-data.ts'
import { checkSigned } from '../../../../keeper/chain/keys/unsigned.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { noteSecret } from '../../../helpers/canaries.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { SAMPLE_STATEMENT, SAMPLE_TX as unsigned } from '../../../helpers/signers.ts'

const GOOD = noteSecret('canary of a good password')
const WRONG = noteSecret('canary of a bad password')

describe('the keystore signer', function () {
  this.timeout(30_000)
  let dir: string
  let file: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'muster-keys-'))
    file = join(dir, 'keys', 'keeper.json')
    await createKeystore({ file, password: GOOD, light: true })
  })
  after(() => rm(dir, { recursive: true }))

  it('Z-46 a created keystore opens with its password and signs with its address', async () => {
    const signer = await openKeystore({ file, password: GOOD })
    expect(await readKeystoreAddress(file)).to.equal(signer.address)
    const { hash } = checkSigned(await signer.signTransaction(unsigned), unsigned, signer.address)
    expect(hash).to.match(/^0x[0-9a-f]{64}$/)
  })

  it('a statement carries the signature of its address, and of this statement alone', async () => {
    const signer = await openKeystore({ file, password: GOOD })
    const signature = await signer.signTypedData(SAMPLE_STATEMENT)
    expect(signerOf(SAMPLE_STATEMENT, signature)).to.equal(signer.address)
    const { domain, value } = SAMPLE_STATEMENT
    for (const change of [
      { domain: { ...domain, chainId: 1 } },
      { domain: { ...domain, verifyingContract: signer.address } },
      { value: { ...value, hour: 489_001 } },
    ]) {
      expect(signerOf({ ...SAMPLE_STATEMENT, ...change }, signature)).not.to.equal(signer.address)
    }
  })

  it('the file is readable by its owner alone, holds no key, and is never overwritten', async () => {
    expect((await stat(file)).mode & 0o777).to.equal(0o600)
    const privateKey = TEST_KEYS[0]
    const other = join(dir, 'other.json')
    await createKeystore({ file: other, password: GOOD, privateKey, light: true })
    expect(await readFile(other, 'utf8')).not.to.include(privateKey.slice(2))
    const again = createKeystore({ file, password: GOOD, light: true })
    expect((await rejectionOf(again)).code).to.equal('KEYSTORE_EXISTS')
  })

  it('S-48 a wrong password is refused without being told', async () => {
    const refusal = await rejectionOf(openKeystore({ file, password: WRONG }))
    expect(refusal.code).to.equal('PASSWORD_WRONG')
    expect(refusal.exitCode).to.equal(77)
    expect(JSON.stringify(refusal) + refusal.message).not.to.include(WRONG)
  })

  it('a missing file and one that is no keystore are unreadable', async () => {
    const text = join(dir, 'text.json')
    await writeFile(text, '{"hello": 1}')
    for (const path of [text, join(dir, 'none.json')]) {
      const refusal = await rejectionOf(openKeystore({ file: path, password: 'x' }))
      expect(refusal.code).to.equal('KEYSTORE_UNREADABLE')
    }
  })
})
