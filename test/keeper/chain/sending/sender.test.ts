import { expect } from 'chai'
import { Interface, Transaction, Wallet } from 'ethers'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { recordStopped } from '../../../../keeper/chain/journal/journal-moves.ts'
import { openIntent } from '../../../../keeper/chain/journal/journal.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { UnsignedTx } from '../../../../keeper/chain/keys/unsigned.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import type { StepLabel } from '../../../../keeper/chain/sending/send-context.ts'
import { placeReverter, TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { journalOf, signer } from '../../../helpers/journaling.ts'
import { expectExactlyOnce, expectJournalWhole } from '../../../helpers/oracle.ts'
import { intentFor, useBench } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

const errors = new Interface(['error TooEarly(uint256 cycle, uint256 at)'])
const TOO_EARLY = errors.encodeErrorResult('TooEarly', [3, 1_000]) as Hex

describe('the sender', function () {
  this.timeout(60_000)

  describe('on a node that mines at once', () => {
    const bench = useBench()
    const { senderWith, intent, executions, rows, attemptsOf, request } = bench

    /** The node's client with one method of its own. */
    const clientWith = (changes: Partial<ChainClient>): ChainClient => ({
      ...bench.node.client,
      ...changes,
    })

    it('Z-46 Z-48 sends in the order planned, signed, broadcast, included, final and logs the hash', async () => {
      const labels: StepLabel[] = []
      const tx = await senderWith({ onStep: (label) => void labels.push(label) }).send(intent('a'))
      expect(labels).to.deep.equal([
        'intent-stored',
        'signed-stored',
        'broadcast-accepted',
        'mined',
        'receipt-stored',
        'final',
      ])
      expect(tx).to.include({ state: 'final', nonce: 0, succeeded: true })
      expect((await bench.node.client.receipt(tx.hash ?? '0x'))?.blockHash).to.equal(tx.blockHash)
      expect(await executions()).to.equal(1)
      await expectJournalWhole(bench.db)
    })

    it('Z-49 the same key is sent once, also at the same time and by another sender', async () => {
      const sender = senderWith()
      const same = intent('a')
      const both = await Promise.all([sender.send(same), sender.send(same)])
      const later = await senderWith().send(same)
      expect(new Set([...both, later].map(({ hash }) => hash)).size).to.equal(1)
      expect(await executions()).to.equal(1)
    })

    it('Z-47 ten transactions use ten nonces in a row, without a gap', async () => {
      const sender = senderWith()
      const keys = Array.from({ length: 10 }, (_, index) => `k${index}`)
      const sent = await Promise.all(
        keys.map((key) => sender.send(intent(key), { until: 'included' })),
      )
      expect(sent.map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(await executions()).to.equal(10)
    })

    it('S-23 a call that would revert is refused with its decoded error and costs no nonce', async () => {
      const bad = intentFor(await placeReverter(bench.node), 'a', { data: TOO_EARLY })
      const refusal = await rejectionOf(senderWith().send(bad, { errors }))
      expect(refusal.code).to.equal('TX_WOULD_REVERT')
      expect(refusal.facts).to.deep.include({ error: 'TooEarly', args: ['3', '1000'] })
      expect(await rows()).to.deep.equal([])
      expect((await senderWith().send(intent('b'))).nonce).to.equal(0)
    })

    it('S-24 Z-48 one mined with status 0 is reverted with its decoded reason, and stays so', async () => {
      const client = clientWith({
        call: async (fields, tag) =>
          tag === 'latest' ? '0x' : bench.node.client.call(fields, tag),
      })
      const sender = senderWith({ client, errors: [errors] })
      const bad = intentFor(await placeReverter(bench.node), 'a', { data: TOO_EARLY })
      const refusal = await rejectionOf(sender.send(bad, { until: 'included' }))
      expect(refusal.code).to.equal('TX_REVERTED')
      expect(refusal.facts['reason']).to.equal('TooEarly(3, 1000)')
      const [tx] = await rows()
      expect(tx).to.include({ state: 'reverted', succeeded: false, reason: 'TooEarly(3, 1000)' })
      expect((await rejectionOf(sender.send(bad))).code).to.equal('TX_REVERTED')
      expect(await bench.node.client.nonceOf(sender.address)).to.equal(1)
    })

    it('S-21 without coin nothing is signed and no nonce is used; after a top-up it goes on', async () => {
      const { privateKey, address } = Wallet.createRandom()
      const sender = senderWith({ signer: walletSigner(privateKey) })
      const refusal = await rejectionOf(sender.send(intent('a')))
      expect(refusal.code).to.equal('INSUFFICIENT_FUNDS')
      expect(await rows()).to.deep.equal([])
      await request('hardhat_setBalance', [address, '0xde0b6b3a7640000'])
      expect((await sender.send(intent('a'))).nonce).to.equal(0)
    })

    it('S-17 above the ceiling nothing is planned', async () => {
      const sender = senderWith({ fees: { maxFeePerGas: 1n, minTipPerGas: 1n } })
      expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('FEE_OVER_CEILING')
      expect(await rows()).to.deep.equal([])
    })

    it('S-25 what a signer changed is not stored and not sent; the nonce stays with the intent', async () => {
      const honest = walletSigner(TEST_KEYS[0])
      const signTransaction = (unsigned: UnsignedTx): Promise<Hex> =>
        honest.signTransaction({ ...unsigned, value: 1n })
      const thief = senderWith({ signer: { ...honest, signTransaction } })
      expect((await rejectionOf(thief.send(intent('a')))).code).to.equal('SIGNATURE_WRONG')
      const [tx] = await rows()
      expect(tx).to.include({ state: 'planned', nonce: 0 })
      expect(await attemptsOf(tx?.id ?? 0n)).to.deep.equal([])
      expect((await senderWith().send(intent('a'))).nonce).to.equal(0)
    })

    it('S-13 S-35 an answer lost after acceptance leads to the same bytes and one execution', async () => {
      const raws: Hex[] = []
      const sendRaw = async (raw: Hex): Promise<Hex> => {
        raws.push(raw)
        await bench.node.client.sendRaw(raw)
        throw new KeeperError('RPC_UNAVAILABLE', { reason: 'connection reset' })
      }
      const tx = await senderWith({ client: clientWith({ sendRaw }) }).send(intent('a'))
      expect(tx.state).to.equal('final')
      expect(new Set(raws).size).to.equal(1)
      expect(await executions()).to.equal(1)
    })

    it('S-33 a receipt that is missing for a while is waited for', async () => {
      let asked = 0
      const receipt: ChainClient['receipt'] = async (hash) =>
        (asked += 1) < 4 ? undefined : bench.node.client.receipt(hash)
      const tx = await senderWith({ client: clientWith({ receipt }) }).send(intent('a'))
      expect(tx.state).to.equal('final')
      expect(await attemptsOf(tx.id)).to.have.length(1)
    })

    it('S-15 a used nonce without any receipt of ours is unknown and stops the queue', async () => {
      const receipt = async (): Promise<undefined> => undefined
      const blind = senderWith({ client: clientWith({ receipt }) })
      expect((await rejectionOf(blind.send(intent('a')))).code).to.equal('TX_UNKNOWN')
      expect((await rejectionOf(blind.send(intent('b')))).code).to.equal('QUEUE_STOPPED')
      const seeing = senderWith()
      expect((await seeing.resume()).map(({ state }) => state)).to.deep.equal(['final'])
      expect((await seeing.send(intent('b'))).nonce).to.equal(1)
    })

    it('S-22 a reserved nonce that a stranger with the key used is foreign and stops the queue', async () => {
      const wallet = new Wallet(TEST_KEYS[0])
      const steal = async (): Promise<void> => {
        const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 1n }
        const raw = await wallet.signTransaction(
          Transaction.from({
            type: 2,
            chainId: 31_337,
            nonce: 0,
            gasLimit: 21_000,
            ...fees,
            to: wallet.address,
          }),
        )
        await bench.node.client.sendRaw(raw as Hex)
      }
      const sender = senderWith({
        onStep: (label) => (label === 'intent-stored' ? steal() : undefined),
        stateOf: async () => 'open',
      })
      expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('NONCE_FOREIGN')
      expect((await rejectionOf(senderWith().resume())).code).to.equal('QUEUE_STOPPED')
      expect((await rejectionOf(senderWith().send(intent('b')))).code).to.equal('QUEUE_STOPPED')
      expect(await executions()).to.equal(0)
    })

    it('S-23 a planned call that would revert by now gives the last nonce back', async () => {
      const reverter = await placeReverter(bench.node)
      const { chainId } = bench.node.client
      const given = { chainId, sender: signer.address, chainNonce: 0, at: systemClock.now() }
      await openIntent(journalOf(bench.db), { ...given, intent: intentFor(reverter, 'bad') })
      expect((await rejectionOf(senderWith().resume())).code).to.equal('TX_WOULD_REVERT')
      expect((await rows())[0]).to.include({ state: 'cancelled', nonce: undefined })
      expect((await senderWith().send(intent('next'))).nonce).to.equal(0)
    })

    it('a fresh store begins at the nonce of the chain', async () => {
      await senderWith().send(intent('a'))
      const db = await freshDb()
      const fresh = senderWith({ journal: journalOf(db) })
      expect((await fresh.send(intent('b'))).nonce).to.equal(1)
      await db.close()
    })
  })

  describe('on a node that mines when told', () => {
    const bench = useBench({ automine: false })
    const { senderWith, intent, mine, executions, rows, attemptsOf, request } = bench

    it('Z-47 the next one is not built before the chain has counted the nonce; the wait is bounded', async () => {
      const sender = senderWith({ nonceWaitMs: 200 })
      const first = await rejectionOf(sender.send(intent('a')))
      const second = await rejectionOf(sender.send(intent('b')))
      expect([first.code, second.code]).to.deep.equal(['NONCE_WAIT_TIMEOUT', 'NONCE_WAIT_TIMEOUT'])
      expect(first.exitCode).to.equal(75)
      expect((await rows()).map(({ key }) => key)).to.deep.equal(['a'])
      await mine()
      expect(await sender.send(intent('b'), { until: 'included' }).catch(() => 0)).to.equal(0)
      await mine()
      expect((await sender.send(intent('b'))).nonce).to.equal(1)
    })

    it('S-18 a stuck one is bumped at the same nonce, and the payload stays', async () => {
      const sender = senderWith({ bumpAfterMs: 1, nonceWaitMs: 2_500 })
      await rejectionOf(sender.send(intent('a')))
      const [tx] = await rows()
      const attempts = await attemptsOf(tx?.id ?? 0n)
      expect(attempts.length).to.be.greaterThan(1)
      const parsed = attempts.map(({ raw }) => Transaction.from(raw))
      expect(new Set(parsed.map(({ nonce, to, data }) => `${nonce}${to}${data}`)).size).to.equal(1)
      await mine()
      expect((await sender.resume())[0]).to.include({ state: 'final', succeeded: true })
      expect(await executions()).to.equal(1)
    })

    it('S-19 one that the node dropped is broadcast again with the same bytes', async () => {
      const sender = senderWith({ nonceWaitMs: 200 })
      await rejectionOf(sender.send(intent('a')))
      const [tx] = await rows()
      await request('hardhat_dropTransaction', [tx?.hash])
      await bench.db.query('update tx_attempt set broadcast_at = 0')
      await rejectionOf(sender.resume())
      await mine()
      expect((await sender.resume())[0]).to.include({ state: 'final', hash: tx?.hash })
      expect(await attemptsOf(tx?.id ?? 0n)).to.have.length(1)
    })

    it('S-27 a reorg that removes it sends the same bytes again; it is counted once', async () => {
      const sender = senderWith({ finality: 3, nonceWaitMs: 300, finalWaitMs: 300 })
      await rejectionOf(sender.send(intent('a')))
      const snapshot = await request('evm_snapshot')
      await mine()
      expect((await rejectionOf(sender.resume())).code).to.equal('RECEIPT_TIMEOUT')
      const [before] = await rows()
      await request('evm_revert', [snapshot])
      await mine(2)
      await bench.db.query('update tx_attempt set broadcast_at = 0')
      await sender.resume().catch(() => [])
      await mine(4)
      const [after] = await sender.resume().then((found) => (found.length ? found : rows()))
      expect(after).to.include({ state: 'final', hash: before?.hash })
      expect(await attemptsOf(after?.id ?? 0n)).to.have.length(1)
      expect(await executions()).to.equal(1)
    })

    it('S-22 a foreign row whose receipt is found after all is followed to its end', async () => {
      const tx = await senderWith().send(intent('a'), { until: 'broadcast' })
      await recordStopped(journalOf(bench.db), tx, 'foreign', 'a test', systemClock.now())
      await mine()
      const [done] = await senderWith().resume()
      expect(done?.state).to.equal('final')
      await expectExactlyOnce(bench.db, { keys: ['a'], executions: await executions() })
    })
  })
})
