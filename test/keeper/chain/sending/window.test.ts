import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import type { TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import { openIntent } from '../../../../keeper/chain/journal/journal.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { placeReverter } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { faultyDb } from '../../../helpers/faulty-db.ts'
import { journalOf, signer } from '../../../helpers/journaling.ts'
import { intentFor, useBench } from '../../../helpers/sending.ts'

describe('a window of three transactions', function () {
  this.timeout(60_000)
  const bench = useBench({ automine: false })
  const { intent, mine, executions, rows, attemptsOf, request } = bench

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender =>
    bench.senderWith({ window: 3, ...changes })

  const sendAll = (sender: Sender, keys: string[]): Promise<TxRecord>[] =>
    keys.map((key) => sender.send(intent(key), { until: 'included' }))

  /** So many are on their way, of so many that were planned. */
  async function untilOut(count: number, planned = count): Promise<TxRecord[]> {
    for (let i = 0; i < 200; i += 1) {
      const all = await rows()
      const out = all.filter(({ state }) => state === 'broadcast')
      if (out.length === count && all.length === planned) return all
      await delay(20)
    }
    const states = (await rows()).map(({ state }) => state).join(', ')
    throw new Error(`not ${count} are on their way: ${states}`)
  }

  async function expectOnce(keys: number): Promise<void> {
    const all = await rows()
    expect(await executions()).to.equal(keys)
    expect(all.map(({ nonce }) => nonce)).to.deep.equal(Array.from({ length: keys }, (_, n) => n))
    for (const { id } of all) expect(await attemptsOf(id)).to.have.length(1)
  }

  it('has three on their way and builds the fourth when the first is mined', async () => {
    const sent = sendAll(senderWith(), ['a', 'b', 'c', 'd', 'e'])
    await untilOut(3)
    await delay(100)
    expect(await rows()).to.have.length(3)
    await mine()
    await untilOut(2, 5)
    await mine()
    const done = await Promise.all(sent)
    expect(done.map(({ nonce }) => nonce)).to.deep.equal([0, 1, 2, 3, 4])
    await expectOnce(5)
  })

  it('S-20 of a lost nonce and a later one in the pool only the lost one is sent again', async () => {
    const sender = senderWith({ nonceWaitMs: 300 })
    // Listened to from the start: each may be refused while another is waited for.
    const refused = Promise.all(sendAll(sender, ['a', 'b', 'c']).map((sent) => rejectionOf(sent)))
    const [first] = await untilOut(3)
    await request('hardhat_dropTransaction', [first?.hash])
    await refused
    await bench.db.query('update tx_attempt set broadcast_at = 0 where tx_id = $1', [first?.id])
    const raws: string[] = []
    const client = {
      ...bench.node.client,
      sendRaw: async (raw: `0x${string}`) => {
        raws.push(raw)
        return bench.node.client.sendRaw(raw)
      },
    }
    const again = senderWith({ client, nonceWaitMs: 300 })
    await rejectionOf(again.resume())
    expect(raws).to.deep.equal([(await attemptsOf(first?.id ?? 0n))[0]?.raw])
    await mine()
    expect((await again.resume()).map(({ state }) => state)).to.deep.equal([
      'final',
      'final',
      'final',
    ])
    await expectOnce(3)
  })

  it('S-24 one that fails in the middle does not stop those on their way', async () => {
    const sender = senderWith({ nonceWaitMs: 1_000 })
    const good = sendAll(sender, ['a', 'b'])
    await untilOut(2)
    // Too little gas for the counter: mined with status 0, which no simulation of ours foresaw.
    const call = async (): Promise<'0x'> => '0x'
    const blind = senderWith({ client: { ...bench.node.client, call }, nonceWaitMs: 1_000 })
    const bad = rejectionOf(blind.send(intent('bad', { gasLimit: 21_100n })))
    await untilOut(3)
    await mine()
    expect((await Promise.all(good)).map(({ succeeded }) => succeeded)).to.deep.equal([true, true])
    expect((await bad).code).to.equal('TX_REVERTED')
    expect(await executions()).to.equal(2)
  })

  it('S-21 coin that suffices for two is not promised to a third', async () => {
    const sender = senderWith()
    const sent = sendAll(sender, ['a', 'b'])
    const all = await untilOut(2)
    const attempts = await attemptsOf(all[0]?.id ?? 0n)
    const cost = (attempts[0]?.maxFeePerGas ?? 0n) * 100_000n
    const enough = `0x${((cost * 5n) / 2n).toString(16)}`
    await request('hardhat_setBalance', [sender.address, enough])
    await delay(1_100)
    const refusal = await rejectionOf(sender.send(intent('c')))
    expect(refusal.code).to.equal('INSUFFICIENT_FUNDS')
    expect(await rows()).to.have.length(2)
    await mine()
    await Promise.all(sent)
  })

  describe('on a node that mines at once', () => {
    beforeEach(() => request('evm_setAutomine', [true]))

    const states = async (): Promise<string[]> =>
      (await rows()).map(({ state, nonce }) => `${nonce} ${state}`)

    it('S-20 an intent whose commit was not answered is carried out before the next one', async () => {
      const faulty = faultyDb(bench.db)
      const journal = journalOf(faulty.db)
      const sender = senderWith({ journal, nonceWaitMs: 2_000 })
      await sender.send(intent('a'))
      faulty.fail(/journal_open/, { times: 1, kind: 'lost' })
      const lost = rejectionOf(sender.send(intent('b')))
      const next = sender.send(intent('c'))
      expect((await lost).code).to.equal('STORE_UNAVAILABLE')
      expect((await next).nonce).to.equal(2)
      await sender.send(intent('b'))
      expect(await states()).to.deep.equal(['0 final', '1 final', '2 final'])
      expect(await executions()).to.equal(3)
    })

    it('S-20 a planned call that would revert by now leaves no gap below one that is on its way', async () => {
      const reverter = await placeReverter(bench.node)
      const journal = journalOf(bench.db)
      const { chainId } = bench.node.client
      const given = { chainId, sender: signer.address, chainNonce: 0, at: systemClock.now() }
      await openIntent(journal, { ...given, intent: intentFor(reverter, 'bad') })
      const later = await openIntent(journal, { ...given, intent: intent('good') })
      const sender = senderWith({ window: 2, nonceWaitMs: 2_000 })
      const waiting = sender.carryOut(later)
      expect((await rejectionOf(sender.resume())).code).to.equal('TX_CANCELLED')
      expect((await waiting).state).to.equal('final')
      expect(await states()).to.deep.equal(['0 cancelled', '1 final'])
      expect((await sender.send(intent('next'))).nonce).to.equal(2)
    })

    it('S-25 of two in a window the second is not built while the first cannot be signed', async () => {
      const signTransaction = async (): Promise<Hex> => {
        throw new KeeperError('SIGNER_UNAVAILABLE', { reason: 'a test' })
      }
      const broken = senderWith({ signer: { ...signer, signTransaction } })
      const sent = ['a', 'b', 'c'].map((key) => rejectionOf(broken.send(intent(key))))
      const codes = (await Promise.all(sent)).map(({ code }) => code)
      expect(new Set(codes)).to.deep.equal(new Set(['SIGNER_UNAVAILABLE']))
      expect(await states()).to.deep.equal(['0 planned'])
      const sound = senderWith()
      const done = ['b', 'c', 'a'].map((key) => sound.send(intent(key)))
      expect((await Promise.all(done)).map(({ state }) => state)).to.deep.equal([
        'final',
        'final',
        'final',
      ])
    })
  })
})
