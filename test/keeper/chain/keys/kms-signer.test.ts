import { expect } from 'chai'
import { Wallet } from 'ethers'
import { openKmsSigner } from '../../../../keeper/chain/keys/kms-signer.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { TxSigner } from '../../../../keeper/chain/keys/signer.ts'
import { CURVE_ORDER, checkSigned } from '../../../../keeper/chain/keys/unsigned.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { AWS_CANARIES, KMS_KEY_ID, startKms, withAwsCanaries } from '../../../helpers/kms.ts'
import type { Mood, Service } from '../../../helpers/signer-service.ts'
import { SAMPLE_STATEMENT, SAMPLE_TX, signatureOf } from '../../../helpers/signers.ts'

const [key, otherKey] = TEST_KEYS
const { address } = new Wallet(key)
const TIMEOUT_MS = 2_000

describe('a key in AWS KMS (a fake of its API)', function () {
  this.timeout(20_000)
  let kms: Service
  beforeEach(async () => {
    kms = await startKms(key, { wrongKey: otherKey })
  })
  afterEach(() => kms.close())

  const open = (changes: object = {}): Promise<TxSigner> =>
    withAwsCanaries(() =>
      openKmsSigner({
        keyId: KMS_KEY_ID,
        endpoint: kms.url,
        timeoutMs: TIMEOUT_MS,
        ...changes,
      }),
    )
  const sign = (signer: TxSigner, tx = SAMPLE_TX): Promise<`0x${string}`> =>
    withAwsCanaries(() => signer.signTransaction(tx))

  it('Z-46 the address comes from its public key and the parity is found', async () => {
    const signer = await open()
    expect(signer.address).to.equal(address)
    const parities = new Set<number>()
    for (let nonce = 0; nonce < 8; nonce += 1) {
      const tx = { ...SAMPLE_TX, nonce }
      checkSigned(await sign(signer, tx), tx, address as `0x${string}`)
      parities.add(signatureOf(key, tx).yParity)
    }
    expect(parities.size).to.equal(2)
    expect(kms.requests.slice(0, 2).map(({ headers }) => headers['x-amz-target'])).to.deep.equal([
      'TrentService.GetPublicKey',
      'TrentService.Sign',
    ])
    expect(JSON.parse(kms.requests[1]?.body ?? '{}')).to.include({
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
    })
  })

  it('a statement is signed as the same key in a file signs it, high s or not', async () => {
    const signer = await open()
    const expected = await walletSigner(key).signTypedData(SAMPLE_STATEMENT)
    const found = withAwsCanaries(() => signer.signTypedData(SAMPLE_STATEMENT))
    expect(await found).to.equal(expected)
    kms.mood = 'high-s'
    expect(await withAwsCanaries(() => signer.signTypedData(SAMPLE_STATEMENT))).to.equal(expected)
  })

  it('S-25 a statement signed with another key is refused', async () => {
    const signer = await open()
    kms.mood = 'wrong-key'
    const refusal = await rejectionOf(withAwsCanaries(() => signer.signTypedData(SAMPLE_STATEMENT)))
    expect(refusal.code).to.equal('SIGNATURE_WRONG')
  })

  it('S-25 the high s that KMS may return is turned into the low one (EIP-2)', async () => {
    const signer = await open()
    const plain = await sign(signer)
    kms.mood = 'high-s'
    expect(await sign(signer)).to.equal(plain)
    expect(signatureOf(key, SAMPLE_TX).s <= CURVE_ORDER / 2n).to.equal(true)
  })

  it('the region of an ARN is taken, and a configured one wins over it', async () => {
    const keyId = `arn:aws:kms:eu-west-3:111122223333:key/${KMS_KEY_ID}`
    await open({ keyId })
    await open({ keyId, region: 'us-east-2' })
    const [first, second] = kms.requests.map(({ headers }) => headers.authorization)
    expect(first).to.include('/eu-west-3/kms/')
    expect(second).to.include('/us-east-2/kms/')
  })

  it('S-25 a key of another kind, an unknown one and one with another address are refused', async () => {
    expect((await open({ key: address })).address).to.equal(address)
    const other = await rejectionOf(open({ key: new Wallet(otherKey).address }))
    expect([other.code, other.exitCode]).to.deep.equal(['SIGNER_KEY_UNKNOWN', 78])
    const unknown = await rejectionOf(open({ keyId: 'alias/nobody' }))
    expect(unknown.code).to.equal('SIGNER_REFUSED')
    const rsa = await startKms(key, { keySpec: 'ECC_NIST_P256' })
    const spec = await rejectionOf(open({ endpoint: rsa.url }))
    await rsa.close()
    expect(spec.code).to.equal('SIGNER_KEY_UNKNOWN')
  })

  const answers: [Mood, string][] = [
    ['hangs', 'SIGNER_UNAVAILABLE'],
    ['breaks', 'SIGNER_UNAVAILABLE'],
    ['fails', 'SIGNER_UNAVAILABLE'],
    ['garbage', 'SIGNER_UNAVAILABLE'],
    ['refuses', 'SIGNER_REFUSED'],
    ['wrong-key', 'SIGNATURE_WRONG'],
    ['other-bytes', 'SIGNATURE_WRONG'],
    ['no-der', 'SIGNATURE_WRONG'],
  ]
  for (const [mood, code] of answers) {
    it(`S-25 when it is in the mood "${mood}" at a signature the code is ${code}`, async () => {
      const signer = await open({ timeoutMs: mood === 'hangs' ? 300 : TIMEOUT_MS })
      kms.mood = mood
      const refusal = await rejectionOf(sign(signer))
      expect(refusal.code).to.equal(code)
      const told = refusal.message + JSON.stringify(refusal)
      expect(told).not.to.include(AWS_CANARIES.AWS_SECRET_ACCESS_KEY)
    })
  }
})
