import { expect } from 'chai'
import { Transaction, Wallet } from 'ethers'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import type { TxRecord, TxAttempt } from '../../../../keeper/chain/journal/journal-rows.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { TEST_KEYS } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { signer } from '../../../helpers/journaling.ts'
import { useBench } from '../../../helpers/sending.ts'

describe("an operator's orders", function () {
  this.timeout(60_000)
  const bench = useBench({ automine: false })
  const { senderWith, intent, mine, executions, rows, attemptsOf, request } = bench

  async function only(): Promise<TxRecord & { attempts: TxAttempt[] }> {
    const [tx, ...others] = await rows()
    expect(others).to.deep.equal([])
    if (!tx) throw new Error('the journal is empty')
    return { ...tx, attempts: await attemptsOf(tx.id) }
  }

  const broadcast = async (sender: Sender, key = 'a'): Promise<TxRecord> =>
    sender.send(intent(key), { until: 'broadcast' })

  it('S-08 a cancellation that is mined ends the intent as cancelled, by its hash', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    await sender.cancel(id)
    const { attempts } = await only()
    expect(attempts.map(({ purpose }) => purpose)).to.deep.equal(['send', 'cancel'])
    const [sent, cancel] = attempts.map(({ raw }) => Transaction.from(raw))
    expect(cancel).to.include({ nonce: sent?.nonce, to: sender.address, value: 0n, data: '0x' })
    await mine()
    expect((await rejectionOf(sender.resume())).code).to.equal('TX_CANCELLED')
    const tx = await only()
    expect(tx).to.include({ state: 'cancelled', hash: attempts[1]?.hash, nonce: 0 })
    expect(await executions()).to.equal(0)
    expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('TX_CANCELLED')
  })

  it('S-08 the original that is mined in spite of the cancellation ends it as final, by its hash', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    const [original] = (await only()).attempts
    await sender.cancel(id)
    const cancel = (await only()).attempts[1]
    await request('hardhat_dropTransaction', [cancel?.hash])
    await bench.node.client.sendRaw(original?.raw ?? '0x')
    await mine()
    const [tx] = await sender.resume()
    expect(tx).to.include({ state: 'final', hash: original?.hash, succeeded: true })
    expect(await executions()).to.equal(1)
  })

  it('S-08 an intent that nobody signed gives its nonce back when cancelled', async () => {
    const failing = {
      ...walletSigner(TEST_KEYS[0]),
      signTransaction: () => Promise.reject(new Error('x')),
    }
    const sender = senderWith({ signer: failing })
    await sender.send(intent('a')).catch(() => {})
    expect(await only()).to.include({ state: 'planned', nonce: 0 })
    await senderWith().cancel((await only()).id)
    expect(await only()).to.include({ state: 'cancelled', nonce: undefined })
    expect((await broadcast(senderWith(), 'a')).nonce).to.equal(0)
  })

  it('S-16 a bump that could not be signed is refused with what stopped it', async () => {
    const { id } = await broadcast(senderWith())
    const mute = {
      ...walletSigner(TEST_KEYS[0]),
      signTransaction: () => Promise.reject(new KeeperError('SIGNER_UNAVAILABLE', {})),
    }
    const refused = await rejectionOf(senderWith({ signer: mute }).bump(id))
    expect(refused.code).to.equal('SIGNER_UNAVAILABLE')
    expect((await only()).attempts).to.have.length(1)
  })

  it('S-08 while a send waits, a cancellation ends that wait as cancelled', async () => {
    const sender = senderWith()
    const waiting = sender.send(intent('a'), { until: 'included' })
    const refusal = rejectionOf(waiting)
    const id = await idWhenOut()
    await sender.cancel(id)
    await mine()
    expect((await refusal).code).to.equal('TX_CANCELLED')
  })

  async function idWhenOut(): Promise<bigint> {
    for (let i = 0; i < 100; i += 1) {
      const [tx] = await rows()
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
    await mine()
    expect((await sender.resume())[0]).to.include({ state: 'final', hash: second.hash })
  })

  it('S-17 a bump that would pass the ceiling is refused at once, and the transaction stays', async () => {
    const sender = senderWith()
    const { id, hash } = await broadcast(sender)
    const poor = senderWith({ fees: { maxFeePerGas: 1n, minTipPerGas: 1n } })
    expect((await rejectionOf(poor.bump(id))).code).to.equal('FEE_OVER_CEILING')
    expect((await only()).attempts).to.have.length(1)
    await mine()
    expect((await sender.resume())[0]).to.include({ state: 'final', hash })
  })

  it('an order for what is mined, closed or unknown is refused with its state', async () => {
    const sender = senderWith()
    const { id } = await broadcast(sender)
    await mine()
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
      await bench.node.client.sendRaw(raw as Hex)
      await mine()
    }
    const sender = senderWith({
      onStep: (label) => (label === 'intent-stored' ? steal() : undefined),
      stateOf: async () => 'open',
    })
    expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('NONCE_FOREIGN')
    const { id } = await only()
    expect(await sender.resolve(id)).to.include({ state: 'cancelled', nonce: 0 })
    const again = senderWith()
    expect((await broadcast(again, 'a#2')).nonce).to.equal(1)
  })

  it('S-15 an unknown row is closed only when a human insists, or found when its receipt is there', async () => {
    const receipt = async (): Promise<undefined> => undefined
    const blind = senderWith({ client: { ...bench.node.client, receipt } })
    const { id } = await broadcast(blind)
    await mine()
    expect((await rejectionOf(blind.resume())).code).to.equal('TX_UNKNOWN')
    expect((await rejectionOf(blind.resolve(id))).code).to.equal('TX_UNKNOWN_STILL')
    expect(await senderWith().resolve(id)).to.include({ state: 'final' })
    expect(await executions()).to.equal(1)
  })

  it('S-15 an abandoned unknown row is closed for good and its nonce stays used', async () => {
    const receipt = async (): Promise<undefined> => undefined
    const blind = senderWith({ client: { ...bench.node.client, receipt } })
    const { id } = await broadcast(blind)
    await mine()
    await rejectionOf(blind.resume())
    expect(await blind.resolve(id, { abandon: true })).to.include({ state: 'cancelled', nonce: 0 })
    expect((await broadcast(senderWith(), 'b')).nonce).to.equal(1)
  })

  it('S-10 a drained sender plans nothing new and ends what is on its way', async () => {
    const sender = senderWith()
    const waiting = sender.send(intent('a'), { until: 'included' })
    await idWhenOut()
    const drained = sender.drain()
    expect((await rejectionOf(sender.send(intent('b')))).code).to.equal('DRAINING')
    await mine()
    expect((await waiting).state).to.equal('included')
    await drained
    expect((await rows()).map(({ key }) => key)).to.deep.equal(['a'])
    expect(sender.inFlight()).to.equal(0)
  })

  it('S-25 an order that the signer refuses is not answered as if it had been carried out', async () => {
    const sender = senderWith()
    const { id } = await sender.send(intent('a'), { until: 'broadcast' })
    const signTransaction = async (): Promise<Hex> => {
      throw new KeeperError('SIGNER_UNAVAILABLE', { reason: 'a test' })
    }
    const broken = senderWith({ signer: { ...signer, signTransaction } })
    expect((await rejectionOf(broken.cancel(id))).code).to.equal('SIGNER_UNAVAILABLE')
    expect((await rejectionOf(broken.bump(id))).code).to.equal('SIGNER_UNAVAILABLE')
    expect(await attemptsOf(id)).to.have.length(1)
    expect(broken.inFlight()).to.equal(0)
    await mine()
    await sender.resume()
  })
})
