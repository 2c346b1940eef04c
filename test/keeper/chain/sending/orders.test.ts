import { expect } from 'chai'
import { Transaction, Wallet } from 'ethers'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { TEST_KEYS, countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

describe("an operator's orders", function () {
  this.timeout(60_000)
  let node: TestNode
  let db: Db
  let counter: Address

  beforeEach(async () => {
    node = await startNode({ automine: false })
    db = await freshDb()
    counter = await placeCounter(node)
  })
  afterEach(async () => {
    await node.close()
    await db.close()
  })

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender =>
    openSender(sendingOptions(db, changes.client ?? node.client, changes))

  async function only(): Promise<TxRecord & { attempts: TxAttempt[] }> {
    const [tx, ...others] = await listJournal(db)
    expect(others).to.deep.equal([])
    if (!tx) throw new Error('the journal is empty')
    return { ...tx, attempts: await attemptsOf(db, tx.id) }
  }

  const broadcast = async (sender: Sender, key = 'a'): Promise<TxRecord> =>
    sender.send(intentFor(counter, key), { until: 'broadcast' })

  it('S-08 a cancellation that is mined ends the intent as cancelled, by its hash', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    await sender.cancel(id)
    const { attempts } = await only()
    expect(attempts.map(({ purpose }) => purpose)).to.deep.equal(['send', 'cancel'])
    const [sent, cancel] = attempts.map(({ raw }) => Transaction.from(raw))
    expect(cancel).to.include({ nonce: sent?.nonce, to: sender.address, value: 0n, data: '0x' })
    await mine(node)
    expect((await rejectionOf(sender.resume())).code).to.equal('TX_CANCELLED')
    const tx = await only()
    expect(tx).to.include({ state: 'cancelled', hash: attempts[1]?.hash, nonce: 0 })
    expect(await countOf(node, counter)).to.equal(0)
    expect((await rejectionOf(sender.send(intentFor(counter, 'a')))).code).to.equal('TX_CANCELLED')
  })

  it('S-08 the original that is mined in spite of the cancellation ends it as final, by its hash', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    const [original] = (await only()).attempts
    await sender.cancel(id)
    const cancel = (await only()).attempts[1]
    await node.request('hardhat_dropTransaction', [cancel?.hash])
    await node.client.sendRaw(original?.raw ?? '0x')
    await mine(node)
    const [tx] = await sender.resume()
    expect(tx).to.include({ state: 'final', hash: original?.hash, succeeded: true })
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-08 an intent that nobody signed gives its nonce back when cancelled', async () => {
    const failing = {
      address: senderWith().address,
      signTransaction: () => Promise.reject(new Error('x')),
    }
    const sender = senderWith({ signer: failing })
    await sender.send(intentFor(counter, 'a')).catch(() => {})
    expect(await only()).to.include({ state: 'planned', nonce: 0 })
    await senderWith().cancel((await only()).id)
    expect(await only()).to.include({ state: 'cancelled', nonce: undefined })
    expect((await broadcast(senderWith(), 'a')).nonce).to.equal(0)
  })

  it('S-16 a bump that could not be signed is refused with what stopped it', async () => {
    const { id } = await broadcast(senderWith())
    const mute = {
      address: senderWith().address,
      signTransaction: () => Promise.reject(new KeeperError('SIGNER_UNAVAILABLE', {})),
    }
    const refused = await rejectionOf(senderWith({ signer: mute }).bump(id))
    expect(refused.code).to.equal('SIGNER_UNAVAILABLE')
    expect((await only()).attempts).to.have.length(1)
  })

  it('S-08 while a send waits, a cancellation ends that wait as cancelled', async () => {
    const sender = senderWith()
    const waiting = sender.send(intentFor(counter, 'a'), { until: 'included' })
    const refusal = rejectionOf(waiting)
    const id = await idWhenOut()
    await sender.cancel(id)
    await mine(node)
    expect((await refusal).code).to.equal('TX_CANCELLED')
  })

  async function idWhenOut(): Promise<bigint> {
    for (let i = 0; i < 100; i += 1) {
      const [tx] = await listJournal(db)
      if (tx?.state === 'broadcast') return tx.id
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('it was never broadcast')
  }

  it('S-16 a bump that was ordered raises tip and cap by 12.5 % and a wei, at the same nonce', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    await sender.bump(id)
    const { attempts } = await only()
    expect(attempts.map(({ purpose }) => purpose)).to.deep.equal(['send', 'bump'])
    const [first, second] = attempts
    if (!first || !second) throw new Error('two attempts were expected')
    expect(second.maxFeePerGas).to.equal((first.maxFeePerGas * 1125n + 999n) / 1000n + 1n)
    expect(second.maxPriorityFeePerGas >= (first.maxPriorityFeePerGas * 1125n) / 1000n).to.equal(
      true,
    )
    await mine(node)
    expect((await sender.resume())[0]).to.include({ state: 'final', hash: second.hash })
  })

  it('S-17 a bump that would pass the ceiling is refused at once, and the transaction stays', async () => {
    const sender = senderWith()
    const { id, hash } = await broadcast(sender)
    const poor = senderWith({ fees: { maxFeePerGas: 1n, minTipPerGas: 1n } })
    expect((await rejectionOf(poor.bump(id))).code).to.equal('FEE_OVER_CEILING')
    expect((await only()).attempts).to.have.length(1)
    await mine(node)
    expect((await sender.resume())[0]).to.include({ state: 'final', hash })
  })

  it('an order for what is mined, closed or unknown is refused with its state', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    await mine(node)
    await sender.resume()
    for (const order of [sender.bump(id), sender.cancel(id)]) {
      const refusal = await rejectionOf(order)
      expect(refusal.code).to.equal('TX_NOT_PENDING')
      expect(refusal.facts['state']).to.equal('final')
    }
    expect((await rejectionOf(sender.resolve(id))).code).to.equal('TX_NOT_STOPPED')
  })

  it('S-22 a foreign row is closed by a human, and its purpose gets a new nonce under a new key', async () => {
    const wallet = new Wallet(TEST_KEYS[0])
    const steal = async (): Promise<void> => {
      const fees = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 11n }
      const fields = { type: 2, chainId: 31_337, nonce: 0, gasLimit: 21_000, to: wallet.address }
      const raw = await wallet.signTransaction(Transaction.from({ ...fields, ...fees }))
      await node.client.sendRaw(raw as Hex)
      await mine(node)
    }
    const sender = senderWith({
      onStep: (label) => (label === 'intent-stored' ? steal() : undefined),
      stateOf: async () => 'open',
    })
    expect((await rejectionOf(sender.send(intentFor(counter, 'a')))).code).to.equal('NONCE_FOREIGN')
    const { id } = await only()
    expect(await sender.resolve(id)).to.include({ state: 'cancelled', nonce: 0 })
    const again = senderWith()
    expect((await broadcast(again, 'a#2')).nonce).to.equal(1)
  })

  it('S-15 an unknown row is closed only when a human insists, or found when its receipt is there', async () => {
    const receipt = async (): Promise<undefined> => undefined
    const blind = senderWith({ client: { ...node.client, receipt } })
    const { id } = await broadcast(blind)
    await mine(node)
    expect((await rejectionOf(blind.resume())).code).to.equal('TX_UNKNOWN')
    expect((await rejectionOf(blind.resolve(id))).code).to.equal('TX_UNKNOWN_STILL')
    expect(await senderWith().resolve(id)).to.include({ state: 'final' })
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-15 an abandoned unknown row is closed for good and its nonce stays used', async () => {
    const receipt = async (): Promise<undefined> => undefined
    const blind = senderWith({ client: { ...node.client, receipt } })
    const { id } = await broadcast(blind)
    await mine(node)
    await rejectionOf(blind.resume())
    expect(await blind.resolve(id, { abandon: true })).to.include({ state: 'cancelled', nonce: 0 })
    expect((await broadcast(senderWith(), 'b')).nonce).to.equal(1)
  })

  it('S-10 a drained sender plans nothing new and ends what is on its way', async () => {
    const sender = senderWith()
    const waiting = sender.send(intentFor(counter, 'a'), { until: 'included' })
    await idWhenOut()
    const drained = sender.drain()
    expect((await rejectionOf(sender.send(intentFor(counter, 'b')))).code).to.equal('DRAINING')
    await mine(node)
    expect((await waiting).state).to.equal('included')
    await drained
    expect((await listJournal(db)).map(({ key }) => key)).to.deep.equal(['a'])
    expect(sender.inFlight()).to.equal(0)
  })
})
