import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { openKey, placeOf } from '../../../../keeper/chain/keys/open-key.ts'
import type { KeySource } from '../../../../keeper/chain/keys/open-key.ts'
import { createKeystore } from '../../../../keeper/chain/keys/signer.ts'
import { makeCertificate } from '../../../helpers/certificate.ts'
import { noteSecret } from '../../../helpers/canaries.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { startWeb3Signer } from '../../../helpers/web3signer.ts'
import type { Web3SignerDouble } from '../../../helpers/web3signer.ts'

const [key] = TEST_KEYS
const { address } = new Wallet(key)
const SETTINGS = { signerTimeoutMs: 2_000 }

describe('the way to a key', function () {
  this.timeout(20_000)
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'muster-open-key-'))
  })
  after(() => rm(dir, { recursive: true }))

  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(dir, name), text)
    return join(dir, name)
  }
  const sourceOf = (signer: KeySource['signer']): KeySource => ({
    signer,
    keystore: join(dir, 'keeper.json'),
    password: async () => noteSecret('canary of the way to a key'),
  })

  it('opens a keystore', async () => {
    const source = sourceOf({ kind: 'keystore' })
    const password = await source.password()
    await createKeystore({ file: source.keystore, password, privateKey: key, light: true })
    expect((await openKey(source, SETTINGS)).address).to.equal(address)
    expect(placeOf(source)).to.equal(source.keystore)
  })

  it('S-48 shows the place of a key without what may be secret', () => {
    const url = 'https://user:password@signer.example/keys'
    const place = placeOf(sourceOf({ kind: 'web3signer', url, key: address }))
    expect(place).to.equal('https://***@signer.example/keys')
    expect(placeOf(sourceOf({ kind: 'aws-kms', keyId: 'alias/a' }))).to.equal('aws-kms:alias/a')
  })

  describe('behind TLS that asks for a certificate', () => {
    const [server, client, stranger] = ['server', 'client', 'stranger'].map(makeCertificate)
    let service: Web3SignerDouble
    let source: KeySource
    before(async () => {
      const tls = { ...server, ca: client?.cert, requestCert: true, rejectUnauthorized: true }
      service = await startWeb3Signer(key, { tls })
      source = sourceOf({ kind: 'web3signer', url: service.url, key: service.publicKey })
    })
    after(() => service.close())

    const settingsWith = async (ours: typeof client, ca = server): Promise<typeof SETTINGS> =>
      ({
        ...SETTINGS,
        signerTlsCert: await write('client.pem', ours?.cert ?? ''),
        signerTlsKey: await write('client.key', ours?.key ?? ''),
        signerTlsCa: await write('ca.pem', ca?.cert ?? ''),
      }) as typeof SETTINGS

    it('opens a key with the certificate that the signer knows', async () => {
      expect((await openKey(source, await settingsWith(client))).address).to.equal(address)
    })

    it('S-25 is not let in with another certificate or none', async () => {
      for (const ours of [stranger, undefined]) {
        const refusal = await rejectionOf(openKey(source, await settingsWith(ours)))
        expect(refusal.code).to.equal('SIGNER_UNAVAILABLE')
      }
      expect(service.requests).to.have.lengthOf(1)
    })

    it('S-25 asks nothing of a signer whose own certificate is not known', async () => {
      const settings = await settingsWith(client, stranger)
      expect((await rejectionOf(openKey(source, settings))).code).to.equal('SIGNER_UNAVAILABLE')
      expect(service.requests).to.have.lengthOf(1)
    })

    it('a file of the certificate that is not there is named', async () => {
      const settings = { ...SETTINGS, signerTlsKey: join(dir, 'none.key') }
      expect((await rejectionOf(openKey(source, settings))).code).to.equal('FILE_UNREADABLE')
    })
  })
})
