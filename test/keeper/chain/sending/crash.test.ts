import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import type { TxAttempt, TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import { readSideLog } from '../../../../keeper/chain/journal/side-log-file.ts'
import { openStore } from '../../../../keeper/store/open-store.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import type { CrashOrder } from '../../../helpers/crash-child.ts'
import { expectExactlyOnce, expectJournalWhole } from '../../../helpers/oracle.ts'
import { ON_POSTGRES, createSchema, placeStore } from '../../../helpers/store.ts'

const CHILD = fileURLToPath(new URL('../../../helpers/crash-child.ts', import.meta.url))

describe(`a real process killed at a labelled step (${ON_POSTGRES ? 'PostgreSQL' : 'PGlite'})`, function () {
  this.timeout(120_000)
  let node: TestNode
  let counter: Address
  let home: string
  let base: CrashOrder

  async function set(automine = true): Promise<void> {
    node = await startNode({ automine })
    counter = await placeCounter(node)
    home = await mkdtemp(join(tmpdir(), 'muster-crash-'))
    if (!ON_POSTGRES) await placeStore(home)
    base = { home, rpcUrl: node.url, counter, keys: ['a'] }
    if (!ON_POSTGRES) return
    const { url, schema } = await createSchema()
    base = { ...base, databaseUrl: url, schema }
  }

  afterEach(async () => {
    await node.close()
    await rm(home, { recursive: true, force: true })
    if (base.schema) await withDb((db) => db.exec(`drop schema ${base.schema} cascade`))
  })

  async function run(
    order: Partial<CrashOrder> = {},
    killAfterMs?: number,
  ): Promise<number | 'SIGKILL'> {
    const json = JSON.stringify({ ...base, ...order })
    const child = spawn(process.execPath, [CHILD, json], { stdio: ['ignore', 'ignore', 'pipe'] })
    const timer = killAfterMs && setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    const said: string[] = []
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    clearTimeout(timer)
    if (code === 70 || code === 78) throw new Error(said.join(''))
    return signal === 'SIGKILL' ? 'SIGKILL' : (code ?? -1)
  }

  async function withDb<T>(use: (db: Db) => Promise<T>): Promise<T> {
    const db = base.databaseUrl
      ? await openPostgres(base.databaseUrl, base.schema)
      : await openStore({ home, clock: systemClock })
    try {
      return await use(db)
    } finally {
      await db.close()
    }
  }

  /** Every row, oldest first, with its attempts; both books must agree each time. */
  async function journal(): Promise<(TxRecord & { attempts: TxAttempt[] })[]> {
    return withDb(async (db) => {
      await expectJournalWhole(db, readSideLog(home, 'all'))
      const rows = (await listJournal(db)).toReversed()
      const found = []
      for (const row of rows) found.push({ ...row, attempts: await attemptsOf(db, row.id) })
      return found
    })
  }

  /** Whatever happened: one execution a key, one nonce each, one signature each. */
  async function expectOnce(keys: readonly string[]): Promise<void> {
    const executions = await countOf(node, counter)
    await withDb((db) => expectExactlyOnce(db, { keys, executions }))
    const rows = await journal()
    expect(rows.map(({ nonce }) => nonce)).to.deep.equal(keys.map((_, nonce) => nonce))
    expect(rows.map(({ attempts }) => attempts.length)).to.deep.equal(keys.map(() => 1))
    for (const { hash, attempts } of rows) expect(attempts[0]?.hash).to.equal(hash)
  }

  const STEPS = [
    ['S-02', 'intent-stored', 'the same nonce is used, no gap'],
    ['S-03', 'signed-stored', 'the SAME BYTES go out, one hash in the journal'],
    ['S-04', 'broadcast-accepted', 'own receipt is found, no second signature'],
    ['S-05', 'mined', 'the receipt is found by its hash, nothing is sent'],
    ['S-05', 'receipt-stored', 'only finality is left to see'],
    ['S-06', 'final', 'nothing is left to do'],
  ] as const

  for (const [id, dieAt, what] of STEPS) {
    it(`${id} Z-49 killed at '${dieAt}': ${what}`, async () => {
      await set()
      expect(await run({ dieAt })).to.equal('SIGKILL')
      const [before] = await journal()
      expect(await run()).to.equal(0)
      const [after] = await journal()
      expect(after?.nonce).to.equal(before?.nonce)
      const raws = (before?.attempts ?? []).map(({ raw }) => raw)
      if (raws.length > 0) expect(after?.attempts.map(({ raw }) => raw)).to.deep.equal(raws)
      await expectOnce(['a'])
    })
  }

  it('S-06 Z-49 killed between the second and the third of four: 1 and 2 are not sent again', async () => {
    await set()
    const keys = ['extract', 'batch/1', 'batch/2', 'batch/3']
    expect(await run({ keys, dieAt: 'intent-stored', dieOn: 3 })).to.equal('SIGKILL')
    const before = await journal()
    expect(await run({ keys })).to.equal(0)
    const after = await journal()
    expect(after.slice(0, 2)).to.deep.equal(before.slice(0, 2))
    await expectOnce(keys)
  })

  it('S-04 accepted into the pool, not yet mined: after the restart still one hash', async () => {
    await set(false)
    expect(await run({ dieAt: 'broadcast-accepted' })).to.equal('SIGKILL')
    expect(await run({ nonceWaitMs: 300 })).to.equal(75)
    await mine(node)
    expect(await run()).to.equal(0)
    await expectOnce(['a'])
  })

  it('S-07 a bump saved but not sent is sent, not a third one', async () => {
    await set(false)
    const order = { bumpAfterMs: 1_000, dieAt: 'signed-stored', dieOn: 2 }
    expect(await run(order)).to.equal('SIGKILL')
    expect((await journal())[0]?.attempts).to.have.length(2)
    expect(await run({ nonceWaitMs: 300, bumpAfterMs: 60_000 })).to.equal(75)
    await mine(node)
    expect(await run()).to.equal(0)
    const [tx] = await journal()
    expect(tx?.attempts.map(({ purpose }) => purpose)).to.deep.equal(['send', 'bump'])
    expect(tx).to.include({ state: 'final', hash: tx?.attempts[1]?.hash })
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-06 Z-49 killed in a window of three, at each label: every one of six is done once', async () => {
    const keys = ['b/1', 'b/2', 'b/3', 'b/4', 'b/5', 'b/6']
    await set()
    const deaths = [
      ['intent-stored', 2],
      ['signed-stored', 2],
      ['broadcast-accepted', 1],
      ['receipt-stored', 1],
      ['final', 1],
    ] as const
    for (const [dieAt, dieOn] of deaths) {
      expect(await run({ keys, window: 3, dieAt, dieOn })).to.equal('SIGKILL')
    }
    expect(await run({ keys, window: 3 })).to.equal(0)
    await expectOnce(keys)
  })

  describe('during a cancellation', () => {
    const CANCEL = { isCancelled: true, dieOn: 2 }

    /** Row, attempts and chain tell one story: `hash` of the attempt with that purpose was mined. */
    async function expectMined(purpose: 'send' | 'cancel'): Promise<void> {
      const [tx, ...others] = await journal()
      expect(others).to.deep.equal([])
      expect(tx?.attempts.map((attempt) => attempt.purpose)).to.deep.equal(['send', 'cancel'])
      const mined = tx?.attempts.find((attempt) => attempt.purpose === purpose)
      const state = purpose === 'cancel' ? 'cancelled' : 'final'
      expect(tx).to.include({ state, hash: mined?.hash, nonce: 0 })
      expect((await node.client.receipt(mined?.hash ?? '0x'))?.succeeded).to.equal(true)
      expect(await countOf(node, counter)).to.equal(purpose === 'cancel' ? 0 : 1)
    }

    const REFUSED = new KeeperError('TX_CANCELLED', { kind: '', key: '', reason: '' }).exitCode

    it('S-08 killed when the cancel is signed: it goes out at the restart, is mined, and the intent is cancelled', async () => {
      await set(false)
      expect(await run({ ...CANCEL, dieAt: 'signed-stored' })).to.equal('SIGKILL')
      expect(await run({ nonceWaitMs: 300 })).to.equal(75)
      await mine(node)
      expect(await run()).to.equal(REFUSED)
      await expectMined('cancel')
    })

    it('S-08 killed when the cancel is signed and the original is mined meanwhile: it is final', async () => {
      await set(false)
      expect(await run({ ...CANCEL, dieAt: 'signed-stored' })).to.equal('SIGKILL')
      await mine(node)
      expect(await run()).to.equal(0)
      await expectMined('send')
    })

    it('S-08 killed when the cancel is at the node, which mines it: the intent is cancelled', async () => {
      await set(false)
      expect(await run({ ...CANCEL, dieAt: 'broadcast-accepted' })).to.equal('SIGKILL')
      await mine(node)
      expect(await run()).to.equal(REFUSED)
      await expectMined('cancel')
    })

    it('S-08 killed when the cancel is at the node, which mines the original: it is final', async () => {
      await set(false)
      expect(await run({ ...CANCEL, dieAt: 'broadcast-accepted' })).to.equal('SIGKILL')
      const [tx] = await journal()
      await node.request('hardhat_dropTransaction', [tx?.attempts[1]?.hash])
      await node.client.sendRaw(tx?.attempts[0]?.raw ?? '0x')
      await mine(node)
      expect(await run()).to.equal(0)
      await expectMined('send')
    })
  })

  if (ON_POSTGRES) {
    it('S-09 killed inside a migration, again and again: the next start begins there', async () => {
      await set()
      for (const scripts of [0, 1, 5]) {
        expect(await run({ dieInMigration: scripts })).to.equal('SIGKILL')
      }
      expect(await run()).to.equal(0)
      await expectOnce(['a'])
    })
  } else {
    it('S-09 killed while the store is made, at any moment: the next start makes it whole', async () => {
      await set()
      await rm(home, { recursive: true, force: true })
      await mkdir(home)
      for (const afterMs of [300, 900, 2_000]) await run({}, afterMs)
      expect(await run()).to.equal(0)
      await expectOnce(['a'])
    })
  }
})
