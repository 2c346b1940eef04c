import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { Transaction, Wallet, toQuantity } from 'ethers'
import type { Address, Hex } from '../../keeper/base/schema.ts'
import { systemClock } from '../../keeper/base/time.ts'
import type { Clock } from '../../keeper/base/time.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { attemptsOf, listJournal } from '../../keeper/chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../../keeper/chain/journal/journal-rows.ts'
import type { SenderOptions } from '../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../keeper/chain/sending/sender.ts'
import { walletSigner } from '../../keeper/chain/keys/signer.ts'
import type { Db } from '../../keeper/store/db.ts'
import { countOf } from '../helpers/chain.ts'
import { KEYS } from '../helpers/deploy.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { KINDS, deployCounter } from '../helpers/foreign-nodes.ts'
import type { ForeignNode } from '../helpers/foreign-nodes.ts'
import { expectJournalWhole } from '../helpers/oracle.ts'
import { intentFor, sendingOptions } from '../helpers/sending.ts'
import { freshDb } from '../helpers/store.ts'

/** Long after: what was broadcast is due to be sent again, and nothing is due to be bumped. */
const LATER_SECONDS = 300
const later: Clock = {
  ...systemClock,
  now: () => systemClock.now() + LATER_SECONDS,
  nowMs: () => systemClock.nowMs() + LATER_SECONDS * 1_000,
}
// Of a gwei: far below the first base fee of each node, and a tip that each of them takes.
const TENTH = 10n ** 8n
const PATIENT = { bumpAfterMs: 10 * LATER_SECONDS * 1_000 }

for (const kind of KINDS) {
  describe(`the sender and the pool of ${kind.name}`, function () {
    this.timeout(60_000)
    let node: ForeignNode
    let db: Db
    let counter: Address

    beforeEach(async () => {
      node = await kind.start({ automine: false })
      counter = await deployCounter(node)
      db = await freshDb()
    })
    afterEach(async () => {
      await node.close()
      await db.close()
    })

    const senderWith = (changes: Partial<SenderOptions> = {}): Sender => {
      const { finality } = kind
      const signer = walletSigner(KEYS.keeper)
      return openSender(sendingOptions(db, node.client, { finality, signer, ...changes }))
    }

    /** The node's client that notes what is sent, and loses what the test says. */
    function listening(isLost: (index: number) => boolean = () => false): {
      sent: Hex[]
      client: ChainClient
    } {
      const sent: Hex[] = []
      const sendRaw = async (raw: Hex): Promise<Hex> => {
        sent.push(raw)
        const hash = Transaction.from(raw).hash as Hex
        return isLost(sent.length) ? hash : node.client.sendRaw(raw)
      }
      return { sent, client: { ...node.client, sendRaw } }
    }

    async function rows(): Promise<(TxRecord & { attempts: TxAttempt[] })[]> {
      await expectJournalWhole(db)
      const found = []
      for (const tx of (await listJournal(db)).toReversed()) {
        found.push({ ...tx, attempts: await attemptsOf(db, tx.id) })
      }
      return found
    }

    /** One execution a key, and each nonce belongs to one intent. */
    async function expectOnce(keys: number): Promise<void> {
      const all = await rows()
      expect(await countOf(node, counter)).to.equal(keys)
      expect(all.map(({ state }) => state)).to.deep.equal(Array(keys).fill('final'))
      expect(all.map(({ nonce }) => nonce)).to.deep.equal(all.map((_, nonce) => nonce))
      for (const { hash, attempts } of all) {
        expect(attempts.filter((attempt) => attempt.hash === hash)).to.have.length(1)
      }
    }

    async function untilKnown(hash: Hex | undefined): Promise<void> {
      while (!(await node.client.knows(hash ?? '0x'))) await delay(20)
    }

    const broadcast = (sender: Sender, key: string): Promise<TxRecord> =>
      sender.send(intentFor(counter, key), { until: 'broadcast' })

    it('S-16 a bump is taken in place of the first attempt, and is mined', async () => {
      const sender = senderWith()
      const { id } = await broadcast(sender, 'a')
      await sender.bump(id)
      const attempts = (await rows())[0]?.attempts ?? []
      await untilKnown(attempts[1]?.hash)
      await node.mine()
      const [tx] = await sender.resume()
      expect(tx).to.include({ state: 'final', hash: attempts[1]?.hash })
      await expectOnce(1)
    })

    it('S-18 one whose cap is below the base fee is bumped to the market and mined', async () => {
      let isStale = true
      const block: ChainClient['block'] = async (tag) => {
        const found = await node.client.block(tag)
        return found && isStale ? { ...found, baseFee: 1_000n } : found
      }
      // A stale answer lets it be signed far too cheap; the first look after that sees the truth.
      const onStep = (label: string): void => void (isStale &&= label !== 'signed-stored')
      const fees = { maxFeePerGas: 500n * 10n ** 9n, minTipPerGas: TENTH }
      const suggestedTip = async (): Promise<bigint> => TENTH
      const client = { ...node.client, block, suggestedTip }
      const sender = senderWith({ client, fees, onStep, bumpAfterMs: 2_500 })
      const sending = sender.send(intentFor(counter, 'a'))
      while ((await rows())[0]?.attempts[1]?.broadcastAt === undefined) await delay(20)
      await node.mine()
      const tx = await sending
      const attempts = (await rows())[0]?.attempts ?? []
      expect(attempts[0]?.maxFeePerGas).to.satisfy((cap: bigint) => cap < 5n * TENTH)
      expect(tx).to.include({ state: 'final', hash: attempts[1]?.hash, nonce: 0 })
      await expectOnce(1)
    })

    it('S-18 the OLD attempt that is mined after a bump is a success, by its own hash', async () => {
      const { client } = listening((index) => index === 2)
      const sender = senderWith({ client })
      const { id, hash } = await broadcast(sender, 'a')
      const [first] = (await rows())[0]?.attempts ?? []
      expect(hash ?? first?.hash).to.equal(first?.hash)
      await sender.bump(id)
      await node.mine()
      const [tx] = await sender.resume()
      expect(tx).to.include({ state: 'final', hash: first?.hash })
      expect((await rows())[0]?.attempts).to.have.length(2)
      await expectOnce(1)
    })

    it('S-19 one that the node dropped is sent again with the same bytes, its nonce unchanged', async () => {
      const first = listening()
      await broadcast(senderWith({ client: first.client, ...PATIENT }), 'a')
      const hash = Transaction.from(first.sent[0] ?? '0x').hash as Hex
      await node.drop(hash)
      expect(await node.client.knows(hash)).to.equal(false)
      const second = listening()
      const resuming = senderWith({ client: second.client, clock: later, ...PATIENT }).resume()
      await untilKnown(hash)
      await node.mine()
      expect((await resuming)[0]).to.include({ state: 'final', hash, nonce: 0 })
      expect(new Set(second.sent)).to.deep.equal(new Set(first.sent))
      await expectOnce(1)
    })

    it('S-20 of a window of three the lowest is lost: it alone is sent again, and all are mined', async () => {
      const first = listening()
      const sender = senderWith({ client: first.client, window: 3, ...PATIENT })
      for (const key of ['a', 'b', 'c']) await broadcast(sender, key)
      const [lost = '0x', ...others] = first.sent
      const hashes = first.sent.map((raw) => Transaction.from(raw).hash as Hex)
      await node.drop(hashes[0] ?? '0x')
      for (const raw of others) await node.client.sendRaw(raw).catch(() => {})
      expect(await Promise.all(hashes.map((hash) => node.client.knows(hash)))).to.deep.equal([
        false,
        true,
        true,
      ])
      await node.mine()
      expect(await countOf(node, counter)).to.equal(0)
      const second = listening()
      const again = senderWith({ client: second.client, clock: later, window: 3, ...PATIENT })
      const resuming = again.resume()
      await untilKnown(hashes[0])
      await node.mine()
      await resuming
      expect(second.sent).to.deep.equal([lost])
      await expectOnce(3)
    })

    it('S-04 S-14 accepted but not noted: the same bytes again, known already, one signature', async () => {
      const stop = new Error('killed')
      const onStep = (label: string): void => {
        if (label === 'broadcast-accepted') throw stop
      }
      const sending = senderWith({ onStep }).send(intentFor(counter, 'a'))
      expect(await sending.catch((error: unknown) => error)).to.equal(stop)
      const { sent, client } = listening()
      const resuming = senderWith({ client }).resume()
      while (sent.length === 0) await delay(20)
      await node.mine()
      expect((await resuming)[0]?.state).to.equal('final')
      expect((await rows())[0]?.attempts.map(({ raw }) => raw)).to.deep.equal(sent)
      await expectOnce(1)
    })

    it('S-15 mined but not noted: the nonce is too low and our own receipt is found', async () => {
      const stop = new Error('killed')
      const onStep = async (label: string): Promise<void> => {
        if (label !== 'broadcast-accepted') return
        await node.mine()
        throw stop
      }
      const sending = senderWith({ onStep }).send(intentFor(counter, 'a'))
      expect(await sending.catch((error: unknown) => error)).to.equal(stop)
      expect((await senderWith().resume())[0]?.state).to.equal('final')
      await expectOnce(1)
    })

    it('S-21 a key without coin uses no nonce, and goes on after a top-up', async () => {
      const { privateKey, address } = Wallet.createRandom()
      const poor = senderWith({ signer: walletSigner(privateKey) })
      expect((await rejectionOf(poor.send(intentFor(counter, 'a')))).code).to.equal(
        'INSUFFICIENT_FUNDS',
      )
      expect(await rows()).to.deep.equal([])
      const rich = new Wallet(KEYS.admin, node.client.provider)
      await rich.sendTransaction({ to: address, value: 10n ** 18n, gasLimit: 21_000 })
      await node.mine()
      expect(await node.client.balanceOf(address as Address)).to.equal(10n ** 18n)
      const sending = poor.send(intentFor(counter, 'a'))
      while ((await rows())[0]?.state !== 'broadcast') await delay(20)
      await node.mine()
      expect(await sending).to.include({ state: 'final', nonce: 0 })
      expect(toQuantity(await node.client.nonceOf(poor.address))).to.equal('0x1')
      await expectOnce(1)
    })
  })
}
