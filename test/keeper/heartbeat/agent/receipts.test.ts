import { expect } from 'chai'
import { Wallet } from 'ethers'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { TxSigner } from '../../../../keeper/chain/keys/signer.ts'
import { lastHourKept } from '../../../../keeper/heartbeat/agent/receipt-file.ts'
import { checkReceipt } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import type { Receipt } from '../../../../keeper/heartbeat/receipts/receipt.ts'
import { receiptsOf } from '../../../../keeper/heartbeat/receipts/stored.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { openTestIntake, runAgent, until, withDir } from '../../../helpers/beating.ts'
import type { RunningAgent, TestIntake, TestIntakeOptions } from '../../../helpers/beating.ts'
import { HOME } from '../../../helpers/intake-desk.ts'
import { HOUR, SIGNING, closedHour, nodeAt, signAndList } from '../../../helpers/receipts.ts'
import { freshDb } from '../../../helpers/store.ts'

const { signer } = SIGNING
const OTHER_REPORTER = '0x71C7656EC7ab88b098defB751B7401B5f6d8976F'

describe('the receipts that an agent keeps', function () {
  this.timeout(60_000)
  const open: { close(): Promise<void> }[] = []
  let db: Db
  let key: TxSigner

  beforeEach(async () => {
    db = await freshDb()
    key = walletSigner(Wallet.createRandom().privateKey)
  })
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close()
    await db.close()
  })

  // Its tally has a store of its own: it would prune the hours of the test, which were long ago.
  async function intakeOf(options: TestIntakeOptions = {}): Promise<TestIntake> {
    const intake = await openTestIntake({ reporter: signer.address, ...options })
    open.push(intake)
    return intake
  }

  function keepIn(dir: string, intake: TestIntake, isHttp = false): RunningAgent {
    const agent = runAgent([intake.url], { key, receiptsDir: dir, isHttp })
    open.push({ close: () => agent.stop() })
    return agent
  }

  /** Of our node and two others, in the store and as the node is told. */
  async function sign(hour: number, seen: number, store = db): Promise<Receipt> {
    const rows: [Address, number][] = [
      [key.address, seen],
      [nodeAt(1), 80],
      [nodeAt(2), 0],
    ]
    const receipts = await signAndList(store, closedHour(new Map(rows), hour))
    return receipts.find(({ node }) => node === key.address) as Receipt
  }

  const receiptsFrom =
    (asked: number[]): NonNullable<TestIntakeOptions['receiptsOf']> =>
    (node, hours) => {
      asked.push(hours.from)
      // The hours of the test were long ago: without one that is kept, the last day is asked for.
      return receiptsOf(db, HOME, node, {
        from: hours.from > HOUR + 10 ? HOUR : hours.from,
        to: HOUR + 10,
      })
    }

  const filesIn = async (dir: string): Promise<string[]> =>
    (await readdir(dir).catch((): string[] => []))
      .filter((name) => name.endsWith('.json'))
      .toSorted((a, b) => a.localeCompare(b))

  it('are one file an hour, each proving itself with nothing but itself', async () => {
    await withDir(async (dir) => {
      const intake = await intakeOf()
      keepIn(dir, intake)
      await until('it is there', () => intake.countOf(key.address) > 0)
      for (const hour of [HOUR, HOUR + 1]) {
        const receipt = await sign(hour, 47)
        for (const _twice of [1, 2]) intake.intake.tell(key.address, { t: 'receipt', receipt })
      }
      await until('both are kept', async () => (await filesIn(dir)).length === 2)
      const files = await filesIn(dir)
      for (const [index, file] of files.entries()) {
        expect(file).to.include(`receipt-${HOUR + index}-${signer.address}-`)
        const kept = checkReceipt(JSON.parse(await readFile(join(dir, file), 'utf8')))
        expect(kept).to.include({ node: key.address, hour: HOUR + index, seen: 47, online: true })
      }
    })
  })

  it('are only those that prove something: no forged, no others’, none of another reporter', async () => {
    await withDir(async (dir) => {
      const intake = await intakeOf()
      const agent = keepIn(dir, intake)
      await until('it is there', () => intake.countOf(key.address) > 0)
      const receipt = await sign(HOUR, 46)
      const others = await receiptsOf(db, HOME, nodeAt(1), { from: HOUR, to: HOUR })
      const wrong = [
        { ...receipt, online: true },
        { ...receipt, reporter: OTHER_REPORTER },
        { ...receipt, hour: '../../x' },
        { nothing: true },
        ...others,
      ]
      for (const each of wrong) intake.intake.tell(key.address, { t: 'receipt', receipt: each })
      intake.intake.tell(key.address, { t: 'receipt', receipt })
      await until('the right one is kept', async () => (await filesIn(dir)).length > 0)
      await agent.stop()
      expect(await filesIn(dir)).to.have.length(1)
    })
  })

  it('are two of an hour when the reporter signed two roots: together they prove it', async () => {
    await withDir(async (dir) => {
      const intake = await intakeOf()
      keepIn(dir, intake)
      await until('it is there', () => intake.countOf(key.address) > 0)
      const one = await sign(HOUR, 80)
      const other = await freshDb()
      open.push(other)
      const two = await sign(HOUR, 3, other)
      for (const receipt of [one, two]) intake.intake.tell(key.address, { t: 'receipt', receipt })
      await until('both are kept', async () => (await filesIn(dir)).length === 2)
    })
  })

  for (const isHttp of [false, true]) {
    const by = isHttp ? 'single beats' : 'sessions'
    it(`are asked for when hours closed while it was away, and only these (${by})`, async () => {
      await withDir(async (dir) => {
        await sign(HOUR, 80)
        const asked: number[] = []
        const intake = await intakeOf({ receiptsOf: receiptsFrom(asked) })
        const first = keepIn(dir, intake, isHttp)
        await until('the first is kept', async () => (await filesIn(dir)).length === 1)
        await first.stop()
        await sign(HOUR + 1, 50)
        await sign(HOUR + 2, 0)
        const before = asked.length
        keepIn(dir, intake, isHttp)
        await until('the others are kept', async () => (await filesIn(dir)).length === 3)
        // It may have asked again by now, for what comes after them.
        const [missing, ...after] = asked.slice(before)
        expect(missing).to.equal(HOUR + 1)
        expect(after.every((from) => from > HOUR + 2)).to.equal(true)
        expect(await lastHourKept(dir, signer.address)).to.equal(HOUR + 2)
        expect(await lastHourKept(dir, OTHER_REPORTER)).to.equal(undefined)
      })
    })
  }

  it('are asked for again when the intake was too busy to look', async () => {
    await withDir(async (dir) => {
      await sign(HOUR, 80)
      const asked: number[] = []
      const receipts = receiptsFrom(asked)
      const intake = await intakeOf({
        receiptsOf: async (node, hours) => {
          const found = await receipts(node, hours)
          if (asked.length === 1)
            throw new KeeperError('RATE_LIMITED', { what: 'requests for receipts' })
          return found
        },
      })
      keepIn(dir, intake)
      await until('it is kept', async () => (await filesIn(dir)).length === 1)
      expect(asked).to.have.length(2)
    })
  })
})
