import { expect } from 'chai'
import { setTimeout as delay } from 'node:timers/promises'
import { Transaction, Wallet } from 'ethers'
import { openAlerts } from '../../../../keeper/base/alerts.ts'
import type { Notice } from '../../../../keeper/base/alerts.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { openJournal } from '../../../../keeper/chain/journal/journal-writer.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { noSideLog } from '../../../../keeper/chain/journal/side-log.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { expectExactlyOnce } from '../../../helpers/oracle.ts'
import { useBench } from '../../../helpers/sending.ts'

const GWEI = 10n ** 9n

describe('what holds a transaction back', function () {
  this.timeout(60_000)
  const bench = useBench()
  const { intent, mine, executions, rows, attemptsOf, request } = bench
  let notices: Notice[]
  let raws: Hex[]

  beforeEach(() => {
    notices = []
    raws = []
  })

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender => {
    const alerts = openAlerts({ clock: systemClock, sinks: [(notice) => notices.push(notice)] })
    const sendRaw = async (raw: Hex): Promise<Hex> => {
      raws.push(raw)
      return bench.node.client.sendRaw(raw)
    }
    return bench.senderWith({ client: { ...bench.node.client, sendRaw }, alerts, ...changes })
  }
  const told = (): string[] => notices.map(({ kind, state }) => `${kind} ${state}`)

  it('S-17 above the ceiling an alert is raised; under it again the same intent is sent once', async () => {
    await request('hardhat_setNextBlockBaseFeePerGas', [`0x${(900n * GWEI).toString(16)}`])
    await mine()
    const sender = senderWith()
    expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('FEE_OVER_CEILING')
    expect(told()).to.deep.equal(['fee-hold raised'])
    expect(await rows()).to.deep.equal([])
    await request('hardhat_setNextBlockBaseFeePerGas', [`0x${GWEI.toString(16)}`])
    await mine()
    await delay(1_100)
    await sender.send(intent('a'))
    expect(told()).to.include('fee-hold cleared')
    await expectExactlyOnce(bench.db, { keys: ['a'], executions: await executions() })
  })

  it('S-17 the budget of 24 hours holds what would pass it, before anything is signed', async () => {
    const dear = await senderWith().send(intent('a'))
    const spent = (dear.gasUsed ?? 0n) * (dear.gasPrice ?? 0n)
    const fees = { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n, dailyBudget: spent + 1n }
    const held = senderWith({ fees })
    const refusal = await rejectionOf(held.send(intent('b')))
    expect(refusal.code).to.equal('FEE_BUDGET_SPENT')
    expect(refusal.facts['spent']).to.equal(spent)
    expect(told()).to.include('fee-budget raised')
    expect((await rows()).map(({ key }) => key)).to.deep.equal(['a'])
    const roomy = senderWith({ fees: { ...fees, dailyBudget: spent + 10n ** 18n } })
    expect((await roomy.send(intent('b'))).nonce).to.equal(1)
  })

  for (const step of ['bump', 'cancel'] as const) {
    it(`S-17 a ${step} costs the budget what it adds to the first attempt, and not a wei more`, async () => {
      await request('evm_setAutomine', [false])
      const fees = { maxFeePerGas: 500n * GWEI, minTipPerGas: GWEI / 10n }
      const first = await senderWith({ fees }).send(intent('a'), { until: 'broadcast' })
      const [attempt] = await attemptsOf(first.id)
      const reserved = first.gasLimit * (attempt?.maxFeePerGas ?? 0n)
      const short = senderWith({ fees: { ...fees, dailyBudget: reserved } })
      const { facts } = await rejectionOf(short[step](first.id))
      const dailyBudget = reserved + BigInt(String(facts['cost']))
      const enough = senderWith({ fees: { ...fees, dailyBudget } })
      await enough[step](first.id)
      const [before, after] = await attemptsOf(first.id)
      const gas = Transaction.from(after?.raw).gasLimit
      const added = gas * ((after?.maxFeePerGas ?? 0n) - (before?.maxFeePerGas ?? 0n))
      expect(facts).to.deep.include({ spent: reserved, cost: added, budget: reserved })
    })
  }

  it('S-21 a sender without coin is told of; after a top-up it goes on and the alert ends', async () => {
    const { privateKey, address } = Wallet.createRandom()
    const sender = senderWith({ signer: walletSigner(privateKey) })
    expect((await rejectionOf(sender.send(intent('a')))).code).to.equal('INSUFFICIENT_FUNDS')
    expect(told()).to.deep.equal(['insufficient-funds raised'])
    await request('hardhat_setBalance', [address, '0xde0b6b3a7640000'])
    expect((await sender.send(intent('a'))).nonce).to.equal(0)
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
    return over(bench.db)
  }
  const journalOver = (store: Db): SenderOptions['journal'] =>
    openJournal({ db: store, sideLog: noSideLog, clock: systemClock })

  for (const fn of ['journal_open', 'journal_sign']) {
    it(`S-11 a journal that cannot be written before the broadcast (${fn}) stops it: nothing goes out`, async () => {
      let isFull = true
      const store = failingDb((sql) => isFull && sql.includes(fn))
      const sender = senderWith({ journal: journalOver(store) })
      await sender.send(intent('a')).then(
        () => expect.fail('it was sent'),
        (error: Error) => expect(error.message).to.include('No space left'),
      )
      expect(raws).to.deep.equal([])
      isFull = false
      await sender.send(intent('a'))
      await expectExactlyOnce(bench.db, { keys: ['a'], executions: await executions() })
    })
  }

  it('S-11 a side log that cannot be written stops the signature from going out, and is told of', async () => {
    let isFull = true
    const signed = async (): Promise<void> => {
      if (isFull) throw new KeeperError('SIDE_LOG_FAILED', { reason: 'No space left on device' })
    }
    const { db } = bench
    const journal = openJournal({
      db,
      sideLog: { ...noSideLog, signed },
      clock: systemClock,
    })
    const sender = senderWith({ journal })
    const refusal = await rejectionOf(sender.send(intent('a')))
    expect(refusal.code).to.equal('SIDE_LOG_FAILED')
    expect(raws).to.deep.equal([])
    isFull = false
    await sender.send(intent('a'))
    expect(told()).to.deep.equal(['side-log-failing raised', 'side-log-failing cleared'])
    await expectExactlyOnce(bench.db, { keys: ['a'], executions: await executions() })
  })

  for (const fn of ['journal_broadcast', 'journal_receipt', 'journal_close']) {
    it(`S-11 a journal that cannot be written after the broadcast (${fn}) is tried until it can; the next waits`, async () => {
      let failures = 0
      const store = failingDb((sql) => sql.includes(fn) && (failures += 1) <= 3)
      const sender = senderWith({ journal: journalOver(store) })
      const [first, second] = await Promise.all([
        sender.send(intent('a')),
        sender.send(intent('b')),
      ])
      expect([first.nonce, second.nonce]).to.deep.equal([0, 1])
      expect(raws).to.have.length(2)
      expect(told()).to.include.members([
        'journal-write-failing raised',
        'journal-write-failing cleared',
      ])
      expect(await attemptsOf(first.id)).to.have.length(1)
      await expectExactlyOnce(bench.db, { keys: ['a', 'b'], executions: await executions() })
    })
  }
})
