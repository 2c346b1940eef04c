import { expect } from 'chai'
import type { Address } from '../../../../keeper/base/schema.ts'
import type { TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import { openKmsSigner } from '../../../../keeper/chain/keys/kms-signer.ts'
import { openRemoteSigner } from '../../../../keeper/chain/keys/remote-signer.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { TxSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { TEST_KEYS, countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { AWS_CANARIES, KMS_KEY_ID, startKms } from '../../../helpers/kms.ts'
import { expectJournalWhole } from '../../../helpers/oracle.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import type { Mood, Service } from '../../../helpers/signer-service.ts'
import { CHANGES } from '../../../helpers/signers.ts'
import { freshDb } from '../../../helpers/store.ts'
import { startWeb3Signer } from '../../../helpers/web3signer.ts'

const [key, otherKey] = TEST_KEYS
// Long enough for a signature on a busy machine, short enough to wait for.
const TIMEOUT_MS = 1_000

describe('a signer that fails or lies, seen by the sender', function () {
  this.timeout(60_000)
  let node: TestNode
  let db: Db
  let counter: Address

  before(async () => {
    node = await startNode()
    db = await freshDb()
  })
  after(async () => {
    await db.close()
    await node.close()
  })
  beforeEach(async () => {
    counter = await placeCounter(node)
  })

  const senderWith = (signer: TxSigner, changes: Partial<SenderOptions> = {}): Sender =>
    openSender(sendingOptions(db, node.client, { signer, nonceWaitMs: 3_000, ...changes }))

  /** Every test has a counter of its own. */
  const onlyRow = async (): Promise<TxRecord> => {
    const rows = (await listJournal(db)).filter(({ contract }) => contract === counter)
    expect(rows).to.have.lengthOf(1)
    return rows[0] as TxRecord
  }

  /** Nothing was written but the intent, and nothing reached the node. */
  async function expectUntouched(nonce: number): Promise<void> {
    const row = await onlyRow()
    expect(row).to.include({ state: 'planned', nonce })
    expect(await attemptsOf(db, row.id)).to.deep.equal([])
    expect(await countOf(node, counter)).to.equal(0)
    expect(await node.client.nonceOf(row.sender)).to.equal(nonce)
  }

  async function expectSentOnce(nonce: number): Promise<void> {
    const row = await onlyRow()
    expect(row).to.include({ state: 'final', nonce })
    expect(await attemptsOf(db, row.id)).to.have.lengthOf(1)
    expect(await countOf(node, counter)).to.equal(1)
    expect(await node.client.nonceOf(row.sender)).to.equal(nonce + 1)
    await expectJournalWhole(db)
  }

  /** The bad moment, then a good one: refused before the journal, and the same nonce afterwards. */
  async function refuseThenSend(bad: TxSigner, recover: () => TxSigner): Promise<unknown[]> {
    const nonce = await node.client.nonceOf(bad.address)
    const refusal = await rejectionOf(senderWith(bad).send(intentFor(counter, 'a')))
    await expectUntouched(nonce)
    await senderWith(recover()).send(intentFor(counter, 'a'))
    await expectSentOnce(nonce)
    return refusal.code === 'SIGNATURE_WRONG'
      ? [refusal.code, refusal.facts['field']]
      : [refusal.code]
  }

  /** While its service is in that mood, and never again when it is well. */
  async function expectRefused(
    service: Service,
    signer: TxSigner,
    { mood, told }: { mood: Mood; told: unknown[] },
  ): Promise<void> {
    service.mood = mood
    const recover = (): TxSigner => {
      service.mood = 'well'
      return signer
    }
    expect(await refuseThenSend(signer, recover)).to.deep.equal(told)
  }

  describe('Web3Signer', () => {
    let service: Service
    let signer: TxSigner
    beforeEach(async () => {
      const double = await startWeb3Signer(key, { wrongKey: otherKey })
      const { url, publicKey } = double
      signer = await openRemoteSigner({ url, key: publicKey, timeoutMs: TIMEOUT_MS })
      service = double
    })
    afterEach(() => service.close())

    const moods: [Mood, string, ...unknown[]][] = [
      ['hangs', 'times out', 'SIGNER_UNAVAILABLE'],
      ['breaks', 'breaks off its answer', 'SIGNER_UNAVAILABLE'],
      ['fails', 'answers 500', 'SIGNER_UNAVAILABLE'],
      ['refuses', 'refuses', 'SIGNER_REFUSED'],
      ['garbage', 'answers garbage', 'SIGNATURE_WRONG', 'encoding'],
      ['wrong-key', 'signs with another address', 'SIGNATURE_WRONG', 'sender'],
      [
        'other-bytes',
        'signs other bytes, of another chain for instance',
        'SIGNATURE_WRONG',
        'sender',
      ],
      ['high-s', 'signs with a high s', 'SIGNATURE_WRONG', 's'],
    ]
    for (const [mood, what, ...told] of moods) {
      it(`S-25 a remote signer that ${what} is refused before the journal and the nonce is kept`, () =>
        expectRefused(service, signer, { mood, told }))
    }

    it('S-25 a signer that fails at a bump leaves the first attempt, which still counts', async () => {
      const held = await startNode({ automine: false })
      const heldDb = await freshDb()
      counter = await placeCounter(held)
      const options = sendingOptions(heldDb, held.client, {
        signer,
        bumpAfterMs: 50,
        onStep: (step) => {
          if (step === 'broadcast-accepted') service.mood = 'refuses'
        },
      })
      const sender = openSender(options)
      const refusal = await rejectionOf(sender.send(intentFor(counter, 'a')))
      expect(refusal.code).to.equal('SIGNER_REFUSED')
      await mine(held)
      const sent = await sender.send(intentFor(counter, 'a'))
      const attempts = await attemptsOf(heldDb, sent.id)
      expect(attempts.map(({ hash, purpose }) => [hash, purpose])).to.deep.equal([
        [sent.hash, 'send'],
      ])
      expect(await countOf(held, counter)).to.equal(1)
      await heldDb.close()
      await held.close()
    })
  })

  describe('AWS KMS', () => {
    const env = process.env
    let service: Service
    let signer: TxSigner
    beforeEach(async () => {
      Object.assign(env, AWS_CANARIES)
      service = await startKms(key, { wrongKey: otherKey })
      const options = { keyId: KMS_KEY_ID, endpoint: service.url, timeoutMs: TIMEOUT_MS }
      signer = await openKmsSigner(options)
    })
    afterEach(async () => {
      for (const name of Object.keys(AWS_CANARIES)) delete env[name]
      await service.close()
    })

    const moods: [Mood, string, ...unknown[]][] = [
      ['hangs', 'times out', 'SIGNER_UNAVAILABLE'],
      ['breaks', 'breaks off its answer', 'SIGNER_UNAVAILABLE'],
      ['fails', 'answers 500', 'SIGNER_UNAVAILABLE'],
      ['garbage', 'answers garbage', 'SIGNER_UNAVAILABLE'],
      ['refuses', 'refuses', 'SIGNER_REFUSED'],
      ['no-der', 'answers half a signature', 'SIGNATURE_WRONG', 'encoding'],
      ['wrong-key', 'signs with another address', 'SIGNATURE_WRONG', 'sender'],
      [
        'other-bytes',
        'signs other bytes, of another chain for instance',
        'SIGNATURE_WRONG',
        'sender',
      ],
    ]
    for (const [mood, what, ...told] of moods) {
      it(`S-25 a KMS that ${what} is refused before the journal and the nonce is kept`, () =>
        expectRefused(service, signer, { mood, told }))
    }

    it('S-25 a KMS that signs with a high s is sent with the low one', async () => {
      service.mood = 'high-s'
      const nonce = await node.client.nonceOf(signer.address)
      await senderWith(signer).send(intentFor(counter, 'a'))
      await expectSentOnce(nonce)
    })
  })

  describe('a signer that returns whole transactions', () => {
    const honest = walletSigner(key)

    for (const { field, change } of CHANGES) {
      it(`S-25 that changes ${field} is refused before the journal and the nonce is kept`, async () => {
        const liar: TxSigner = {
          ...honest,
          signTransaction: (tx) => honest.signTransaction({ ...tx, ...change(tx) }),
        }
        const told = await refuseThenSend(liar, () => honest)
        expect(told).to.deep.equal(['SIGNATURE_WRONG', field])
      })
    }

    it('S-25 that says another address than it signs with is refused, too', async () => {
      const address = walletSigner(otherKey).address
      const liar: TxSigner = { ...honest, address }
      const told = await refuseThenSend(liar, () => walletSigner(otherKey))
      expect(told).to.deep.equal(['SIGNATURE_WRONG', 'sender'])
    })
  })
})
