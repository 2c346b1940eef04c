import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { Transaction, Wallet } from 'ethers'
import { openAlerts } from '../../../../keeper/base/alerts.ts'
import type { Notice } from '../../../../keeper/base/alerts.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { openJournal } from '../../../../keeper/chain/journal/journal-writer.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { noSideLog } from '../../../../keeper/chain/journal/side-log.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { expectExactlyOnce } from '../../../helpers/oracle.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

const GWEI = 10n ** 9n

describe('what holds a transaction back', function () {
  this.timeout(60_000)
  let node: TestNode
  let db: Db
  let counter: Address
  let notices: Notice[]
  let raws: Hex[]

  beforeEach(async () => {
    node = await startNode({ automine: true })
    db = await freshDb()
    counter = await placeCounter(node)
    notices = []
    raws = []
  })
  afterEach(async () => {
    await node.close()
    await db.close()
  })

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender => {
    const alerts = openAlerts({ clock: systemClock, sinks: [(notice) => notices.push(notice)] })
    const sendRaw = async (raw: Hex): Promise<Hex> => {
      raws.push(raw)
      return node.client.sendRaw(raw)
    }
    return openSender(sendingOptions(db, { ...node.client, sendRaw }, { alerts, ...changes }))
  }
  const told = (): string[] => notices.map(({ kind, state }) => `${kind} ${state}`)

  it('S-17 above the ceiling an alert is raised; under it again the same intent is sent once', async () => {
    await node.request('hardhat_setNextBlockBaseFeePerGas', [`0x${(900n * GWEI).toString(16)}`])
    await mine(node)
    const sender = senderWith()
    expect((await rejectionOf(sender.send(intentFor(counter, 'a')))).code).to.equal(
      'FEE_OVER_CEILING',
    )
    expect(told()).to.deep.equal(['fee-hold raised'])
    expect(await listJournal(db)).to.deep.equal([])
    await node.request('hardhat_setNextBlockBaseFeePerGas', [`0x${GWEI.toString(16)}`])
    await mine(node)
    await delay(1_100)
    await sender.send(intentFor(counter, 'a'))
    expect(told()).to.include('fee-hold cleared')
    await expectExactlyOnce(db, { keys: ['a'], executions: await countOf(node, counter) })
  })

  it('S-17 the budget of 24 hours holds what would pass it, before anything is signed', async () => {
    const dear = await senderWith().send(intentFor(counter, 'a'))
    const spent = (dear.gasUsed ?? 0n) * (dear.gasPrice ?? 0n)
    const fees = { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n, dailyBudget: spent + 1n }
    const held = senderWith({ fees })
    const refusal = await rejectionOf(held.send(intentFor(counter, 'b')))
    expect(refusal.code).to.equal('FEE_BUDGET_SPENT')
    expect(refusal.facts['spent']).to.equal(spent)
    expect(told()).to.include('fee-budget raised')
    expect((await listJournal(db)).map(({ key }) => key)).to.deep.equal(['a'])
    const roomy = senderWith({ fees: { ...fees, dailyBudget: spent + 10n ** 18n } })
    expect((await roomy.send(intentFor(counter, 'b'))).nonce).to.equal(1)
  })

  for (const step of ['bump', 'cancel'] as const) {
    it(`S-17 a ${step} costs the budget what it adds to the first attempt, and not a wei more`, async () => {
      await node.request('evm_setAutomine', [false])
      const fees = { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n }
      const first = await senderWith({ fees }).send(intentFor(counter, 'a'), { until: 'broadcast' })
      const [attempt] = await attemptsOf(db, first.id)
      const reserved = first.gasLimit * (attempt?.maxFeePerGas ?? 0n)
      const short = senderWith({ fees: { ...fees, dailyBudget: reserved } })
      const { facts } = await rejectionOf(short[step](first.id))
      const dailyBudget = reserved + BigInt(String(facts['cost']))
      const enough = senderWith({ fees: { ...fees, dailyBudget } })
      await enough[step](first.id)
      const [before, after] = await attemptsOf(db, first.id)
      const gas = Transaction.from(after?.raw).gasLimit
      const added = gas * ((after?.maxFeePerGas ?? 0n) - (before?.maxFeePerGas ?? 0n))
      expect(facts).to.deep.include({ spent: reserved, cost: added, budget: reserved })
    })
  }

  it('S-21 a sender without coin is told of; after a top-up it goes on and the alert ends', async () => {
    const { privateKey, address } = Wallet.createRandom()
    const sender = senderWith({ signer: walletSigner(privateKey) })
    expect((await rejectionOf(sender.send(intentFor(counter, 'a')))).code).to.equal(
      'INSUFFICIENT_FUNDS',
    )
    expect(told()).to.deep.equal(['insufficient-funds raised'])
    await node.request('hardhat_setBalance', [address, '0xde0b6b3a7640000'])
    expect((await sender.send(intentFor(counter, 'a'))).nonce).to.equal(0)
    expect(told()).to.deep.equal(['insufficient-funds raised', 'insufficient-funds cleared'])
  })

  /** The store, with writes that fail while `isFailing` says so. */
  const failingDb = (isFailing: (sql: string) => boolean): Db => {
    const guard = (sql: string): void => {
      if (isFailing(sql))
        throw Object.assign(new Error('could not extend file: No space left on device'), {
          code: '53100',
        })
    }
    const over = (inner: Db): Db => ({
      ...inner,
      query: async (sql, params) => {
        guard(sql)
        return inner.query(sql, params)
      },
      one: async (sql, params) => {
        guard(sql)
        return inner.one(sql, params)
      },
      maybeOne: async (sql, params) => {
        guard(sql)
        return inner.maybeOne(sql, params)
      },
      begin: (fn) => inner.begin((t) => fn(over(t))),
    })
    return over(db)
  }
  const journalOver = (store: Db): SenderOptions['journal'] =>
    openJournal({ db: store, sideLog: noSideLog, clock: systemClock })

  for (const fn of ['journal_open', 'journal_sign']) {
    it(`S-11 a journal that cannot be written before the broadcast (${fn}) stops it: nothing goes out`, async () => {
      let isFull = true
      const store = failingDb((sql) => isFull && sql.includes(fn))
      const sender = senderWith({ journal: journalOver(store) })
      await sender.send(intentFor(counter, 'a')).then(
        () => expect.fail('it was sent'),
        (error: Error) => expect(error.message).to.include('No space left'),
      )
      expect(raws).to.deep.equal([])
      isFull = false
      await sender.send(intentFor(counter, 'a'))
      await expectExactlyOnce(db, { keys: ['a'], executions: await countOf(node, counter) })
    })
  }

  it('S-11 a side log that cannot be written stops the signature from going out, and is told of', async () => {
    let isFull = true
    const signed = async (): Promise<void> => {
      if (isFull) throw new KeeperError('SIDE_LOG_FAILED', { reason: 'No space left on device' })
    }
    const journal = openJournal({ db, sideLog: { ...noSideLog, signed }, clock: systemClock })
    const sender = senderWith({ journal })
    const refusal = await rejectionOf(sender.send(intentFor(counter, 'a')))
    expect(refusal.code).to.equal('SIDE_LOG_FAILED')
    expect(raws).to.deep.equal([])
    isFull = false
    await sender.send(intentFor(counter, 'a'))
    expect(told()).to.deep.equal(['side-log-failing raised', 'side-log-failing cleared'])
    await expectExactlyOnce(db, { keys: ['a'], executions: await countOf(node, counter) })
  })

  for (const fn of ['journal_broadcast', 'journal_receipt', 'journal_close']) {
    it(`S-11 a journal that cannot be written after the broadcast (${fn}) is tried until it can; the next waits`, async () => {
      let failures = 0
      const store = failingDb((sql) => sql.includes(fn) && (failures += 1) <= 3)
      const sender = senderWith({ journal: journalOver(store) })
      const [first, second] = await Promise.all([
        sender.send(intentFor(counter, 'a')),
        sender.send(intentFor(counter, 'b')),
      ])
      expect([first.nonce, second.nonce]).to.deep.equal([0, 1])
      expect(raws).to.have.length(2)
      expect(told()).to.include.members([
        'journal-write-failing raised',
        'journal-write-failing cleared',
      ])
      expect(await attemptsOf(db, first.id)).to.have.length(1)
      await expectExactlyOnce(db, { keys: ['a', 'b'], executions: await countOf(node, counter) })
    })
  }
})
