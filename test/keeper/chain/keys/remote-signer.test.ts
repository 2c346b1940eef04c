import { expect } from 'chai'
import { Wallet, SigningKey } from 'ethers'
import { openRemoteSigner } from '../../../../keeper/chain/keys/remote-signer.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { TxSigner } from '../../../../keeper/chain/keys/signer.ts'
import { checkSigned } from '../../../../keeper/chain/keys/unsigned.ts'
import { noteSecret } from '../../../helpers/canaries.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { startService } from '../../../helpers/signer-service.ts'
import type { Mood } from '../../../helpers/signer-service.ts'
import { SAMPLE_STATEMENT, SAMPLE_TX } from '../../../helpers/signers.ts'
import { startWeb3Signer } from '../../../helpers/web3signer.ts'
import type { Web3SignerDouble } from '../../../helpers/web3signer.ts'

const [key, otherKey] = TEST_KEYS
const { address } = new Wallet(key)
const TIMEOUT_MS = 150
const TOKEN = noteSecret('canary-signer-token')
const PASSWORD = noteSecret('canary-signer-password')

describe('a remote signer (Web3Signer)', () => {
  let service: Web3SignerDouble
  beforeEach(async () => {
    service = await startWeb3Signer(key, { token: TOKEN, wrongKey: otherKey })
  })
  afterEach(() => service.close())

  const open = (changes: object = {}): Promise<TxSigner> => {
    const ordinary = { url: service.url, timeoutMs: TIMEOUT_MS, token: TOKEN }
    return openRemoteSigner({ ...ordinary, key: service.publicKey, ...changes })
  }

  it('Z-46 it is asked for its keys at the start and for a signature at each transaction', async () => {
    const signer = await open()
    expect(signer.address).to.equal(address)
    checkSigned(await signer.signTransaction(SAMPLE_TX), SAMPLE_TX, signer.address)
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'GET /api/v1/eth1/publicKeys',
      `POST /api/v1/eth1/sign/${service.publicKey}`,
    ])
  })

  it('a statement is signed as the same key in a file signs it, and the signer sees it whole', async () => {
    const signer = await open()
    const signature = await signer.signTypedData(SAMPLE_STATEMENT)
    expect(signature).to.equal(await walletSigner(key).signTypedData(SAMPLE_STATEMENT))
    const { data } = JSON.parse(service.requests[1]?.body ?? '{}') as { data: string }
    expect(data).to.match(/^0x1901[0-9a-f]{128}$/)
  })

  for (const mood of ['wrong-key', 'other-bytes', 'high-s', 'garbage'] as const) {
    it(`S-25 a statement signed in the mood "${mood}" is refused`, async () => {
      const signer = await open()
      service.mood = mood
      const refusal = await rejectionOf(signer.signTypedData(SAMPLE_STATEMENT))
      expect(refusal.code).to.equal('SIGNATURE_WRONG')
    })
  }

  it('the key may be named by its address or in any form of its public key', async () => {
    const { publicKey, compressedPublicKey } = new SigningKey(key)
    for (const named of [address, publicKey, compressedPublicKey]) {
      expect((await open({ key: named })).address).to.equal(address)
    }
  })

  it('a path before the API, as a proxy has it, is kept', async () => {
    await open({ url: `${service.url}/signer/` })
    expect(service.requests[0]?.path).to.equal('/signer/api/v1/eth1/publicKeys')
  })

  it('S-25 a key that it does not have is refused at the start', async () => {
    const refusal = await rejectionOf(open({ key: new Wallet(otherKey).address }))
    expect(refusal.code).to.equal('SIGNER_KEY_UNKNOWN')
    expect(refusal.exitCode).to.equal(78)
  })

  it('S-25 S-48 a wrong token is refused, and neither token nor password is told', async () => {
    const url = service.url.replace('//', `//user:${PASSWORD}@`)
    const refusal = await rejectionOf(open({ url, token: noteSecret('canary-wrong-token') }))
    expect([refusal.code, refusal.exitCode]).to.deep.equal(['SIGNER_REFUSED', 77])
    expect(refusal.message + JSON.stringify(refusal)).not.to.include('canary')
  })

  const answers: [Mood, string][] = [
    ['hangs', 'SIGNER_UNAVAILABLE'],
    ['breaks', 'SIGNER_UNAVAILABLE'],
    ['fails', 'SIGNER_UNAVAILABLE'],
    ['refuses', 'SIGNER_REFUSED'],
    ['garbage', 'SIGNATURE_WRONG'],
  ]
  for (const [mood, code] of answers) {
    it(`S-25 when it is in the mood "${mood}" at a signature the code is ${code}`, async () => {
      const signer = await open()
      service.mood = mood
      expect((await rejectionOf(signer.signTransaction(SAMPLE_TX))).code).to.equal(code)
    })
  }

  for (const mood of ['hangs', 'breaks', 'fails', 'garbage'] as const) {
    it(`S-25 when it is in the mood "${mood}" at the start it is unavailable, and trying later may help`, async () => {
      service.mood = mood
      const started = performance.now()
      const refusal = await rejectionOf(open())
      expect([refusal.code, refusal.exitCode]).to.deep.equal(['SIGNER_UNAVAILABLE', 69])
      expect(refusal.row.retry).to.equal(true)
      expect(performance.now() - started).to.be.below(20 * TIMEOUT_MS)
    })
  }

  it('S-25 when it is away it is unavailable', async () => {
    const away = await startWeb3Signer(key)
    await away.close()
    expect((await rejectionOf(open({ url: away.url }))).code).to.equal('SIGNER_UNAVAILABLE')
  })

  it('S-25 a signer that was restarted is asked once more, over a new connection', async () => {
    const signer = await open()
    service.mood = 'restarted'
    checkSigned(await signer.signTransaction(SAMPLE_TX), SAMPLE_TX, signer.address)
    expect(service.requests.map(({ method }) => method)).to.deep.equal(['GET', 'POST'])
  })

  it('S-25 an answer longer than any list of keys is cut off', async () => {
    const long = await startService(() => ({ status: 200, body: `[${'"0x00",'.repeat(200_000)}]` }))
    const refusal = await rejectionOf(open({ url: long.url, timeoutMs: 5_000 }))
    await long.close()
    expect(refusal.code).to.equal('SIGNER_UNAVAILABLE')
    expect(String(refusal.facts['reason'])).to.include('more than')
  })
})
