import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import { expect } from 'chai'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { attemptsOf, listJournal } from '../../../../keeper/chain/journal/journal.ts'
import { recordReleased } from '../../../../keeper/chain/journal/journal-moves.ts'
import type { TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import type { Journal } from '../../../../keeper/chain/journal/journal-writer.ts'
import { reconcile } from '../../../../keeper/chain/journal/reconcile.ts'
import type { Reconciliation } from '../../../../keeper/chain/journal/reconcile.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { openSideLog, readSideLog } from '../../../../keeper/chain/journal/side-log-file.ts'
import type { SideLog } from '../../../../keeper/chain/journal/side-log.ts'
import { openStore } from '../../../../keeper/store/open-store.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { backUp, restoreBackup } from '../../../helpers/backup.ts'
import type { Backup } from '../../../helpers/backup.ts'
import { TEST_KEYS, countOf, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { JOURNAL_WRITES, faultyDb } from '../../../helpers/faulty-db.ts'
import type { FaultyDb } from '../../../helpers/faulty-db.ts'
import { journalOf, plan, sign, signer } from '../../../helpers/journaling.ts'
import { testLog } from '../../../helpers/logs.ts'
import { expectExactlyOnce, expectJournalWhole } from '../../../helpers/oracle.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { ON_POSTGRES, freshDb } from '../../../helpers/store.ts'

describe(`a store that is older than the chain (${ON_POSTGRES ? 'PostgreSQL' : 'PGlite'})`, function () {
  this.timeout(120_000)
  let home: string
  let db: Db
  let node: TestNode
  let counter: Address
  let sideLog: SideLog
  let journal: Journal

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-reconcile-'))
    db = await freshDb()
    node = await startNode()
    counter = await placeCounter(node)
    await start()
  })
  afterEach(async () => {
    await sideLog.close()
    await node.close()
    await db.close()
    await rm(home, { recursive: true, force: true })
  })

  /** As after a restart: nothing is remembered. */
  async function start(): Promise<void> {
    sideLog = await openSideLog({ home, clock: systemClock })
    journal = journalOf(db, sideLog)
  }

  const reconciled = (waits = {}): Promise<Reconciliation> => {
    const { address: sender } = signer
    const { client } = node
    return reconcile({ journal, client, sender, clock: systemClock, log: testLog, ...waits })
  }

  const senderOf = (onStep?: (label: string) => Promise<void>): Sender =>
    openSender(sendingOptions(db, node.client, { journal, ...(onStep ? { onStep } : {}) }))

  const send = (key: string): Promise<TxRecord> => senderOf().send(intentFor(counter, key))

  /** The store of an earlier moment, and a keeper that starts on it. */
  async function goBack(backup: Backup): Promise<Reconciliation> {
    await sideLog.close()
    await restoreBackup(db, backup)
    await start()
    return reconciled()
  }

  const whole = (): Promise<void> => expectJournalWhole(db, readSideLog(home, 'all'))

  it('S-12 whatever suffix of its writes the store loses, every signed transaction comes back', async () => {
    const backups: Backup[] = [await backUp(db)]
    const sender = senderOf(async () => void backups.push(await backUp(db)))
    for (const key of ['a', 'b', 'c']) await sender.send(intentFor(counter, key))
    const signed = await db.query('select hash, raw from tx_attempt order by id')
    expect(backups.length).to.be.greaterThan(12)
    for (const backup of backups.toReversed()) {
      await goBack(backup)
      expect(await db.query('select hash, raw from tx_attempt order by id')).to.deep.equal(signed)
      await senderOf().resume()
      await expectExactlyOnce(db, {
        keys: ['a', 'b', 'c'],
        executions: await countOf(node, counter),
      })
      await whole()
    }
  })

  it('S-12 what was signed but never sent is sent once, with the same bytes', async () => {
    const empty = await backUp(db)
    const stop = new Error('the power is gone')
    const sender = senderOf(async (label) => {
      if (label === 'signed-stored') throw stop
    })
    await sender.send(intentFor(counter, 'a')).catch(() => {})
    const [before] = await listJournal(db)
    const { restored } = await goBack(empty)
    expect(restored.map(({ state, hash }) => [state, hash])).to.deep.equal([
      ['signed', before?.hash],
    ])
    await senderOf().resume()
    const [tx] = await expectExactlyOnce(db, {
      keys: ['a'],
      executions: await countOf(node, counter),
    })
    expect(tx?.hash).to.equal(before?.hash)
    await whole()
  })

  it('S-12 an anchored transaction and its bump come back with their payload and their order', async () => {
    const empty = await backUp(db)
    const tx = await plan(journal, 'a', { data: '0x0102', anchor: true })
    const bumped = await sign(journal, await sign(journal, tx), 'bump', 3n)
    const attempts = await attemptsOf(db, tx.id)
    await goBack(empty)
    const [row] = await listJournal(db)
    expect(row).to.include({ data: '0x0102', hash: bumped.hash, anchor: tx.anchor, nonce: 0 })
    const hashes = (await attemptsOf(db, row?.id ?? 0n)).map(({ hash }) => hash)
    expect(hashes).to.deep.equal(attempts.map(({ hash }) => hash))
    await whole()
  })

  it('S-12 a nonce that was planned anew in the restored store goes to what was signed with it', async () => {
    const empty = await backUp(db)
    await sign(journal, await plan(journal, 'a'))
    await sideLog.close()
    await restoreBackup(db, empty)
    await start()
    await plan(journal, 'b')
    await reconciled()
    const rows = (await listJournal(db)).map(({ key, nonce, state }) => [key, nonce, state])
    expect(rows).to.have.deep.members([
      ['a', 0, 'signed'],
      ['b', undefined, 'cancelled'],
    ])
    expect((await plan(journal, 'b')).nonce).to.equal(1)
    await whole()
  })

  it('S-12 two signed transactions for one nonce stop the queue', async () => {
    const empty = await backUp(db)
    await sign(journal, await plan(journal, 'a'))
    await sideLog.close()
    await restoreBackup(db, empty)
    await start()
    await sign(journal, await plan(journal, 'b', { data: '0x01' }))
    await reconciled()
    const rows = (await listJournal(db)).map(({ key, state }) => [key, state])
    expect(rows).to.deep.equal([['b', 'unknown']])
    expect((await rejectionOf(send('c'))).code).to.equal('QUEUE_STOPPED')
  })

  it('S-12 without a side log each used nonce is named and unknown, and nothing is sent', async () => {
    await send('a')
    const backup = await backUp(db)
    const lost = [await send('b'), await send('c')]
    await rm(join(home, 'journal'), { recursive: true })
    const { restored, unaccounted } = await goBack(backup)
    expect(restored).to.deep.equal([])
    expect(
      unaccounted.map(({ kind, key, nonce, state }) => [kind, key, nonce, state]),
    ).to.deep.equal([
      ['unaccounted', 'nonce/1', 1, 'unknown'],
      ['unaccounted', 'nonce/2', 2, 'unknown'],
    ])
    for (const [index, row] of unaccounted.entries()) {
      expect(row.reason).to.include(lost[index]?.hash)
    }
    expect((await rejectionOf(send('b'))).code).to.equal('QUEUE_STOPPED')
    expect(await countOf(node, counter)).to.equal(3)
    expect((await reconciled()).unaccounted).to.deep.equal([])
    await whole()
  })

  it('S-12 a transaction that somebody else sent with the key is found at the next start', async () => {
    await send('a')
    const wallet = new Wallet(TEST_KEYS[0])
    const raw = await wallet.signTransaction({
      type: 2,
      chainId: node.client.chainId,
      nonce: 1,
      to: counter,
      gasLimit: 100_000,
      maxFeePerGas: 10n ** 11n,
      maxPriorityFeePerGas: 10n ** 9n,
    })
    const hash = await node.client.sendRaw(raw as Hex)
    const { unaccounted } = await reconciled()
    expect(unaccounted.map(({ nonce, reason }) => [nonce, reason?.includes(hash)])).to.deep.equal([
      [1, true],
    ])
  })

  it('S-12 without a journal the chain is the floor, once nothing of the key is pending', async () => {
    const client = { ...node.client }
    let pending = 7
    client.nonceOf = async (_address, tag) => (tag === 'pending' ? pending : 5)
    const { address: sender } = signer
    const quick = { journal, client, sender, clock: systemClock, log: testLog, pollMs: 5 }
    const refusal = await rejectionOf(reconcile({ ...quick, pendingWaitMs: 20 }))
    expect(refusal.code).to.equal('NONCE_WAIT_TIMEOUT')
    setTimeout(() => (pending = 5), 30)
    expect(await reconcile(quick)).to.deep.equal({ restored: [], unaccounted: [] })
  })

  it('S-12 a store that came without its side log writes into it what is still on its way', async () => {
    await sign(journal, await plan(journal, 'a'))
    await sideLog.close()
    await rm(join(home, 'journal'), { recursive: true })
    await start()
    await reconciled()
    const { lines } = readSideLog(home, 'recent')
    expect(lines.filter(({ type }) => type === 'signed')).to.have.length(1)
    await reconciled()
    expect(
      readSideLog(home, 'recent').lines.filter(({ type }) => type === 'signed'),
    ).to.have.length(1)
  })

  describe('what the side log has and the journal has not', () => {
    let faulty: FaultyDb
    let failing: Journal
    beforeEach(() => {
      faulty = faultyDb(db)
      failing = journalOf(faulty.db, sideLog)
    })

    const restarted = async (): Promise<string[]> => {
      await sideLog.close()
      await start()
      return (await reconciled()).restored.map(({ key, state }) => `${key} ${state}`)
    }
    const rowOf = async (key: string): Promise<TxRecord | undefined> =>
      (await listJournal(db)).find((one) => one.key === key)

    it('S-03 bytes that were signed while the store was away come back at the next start', async () => {
      const planned = await plan(failing, 'a')
      faulty.fail(JOURNAL_WRITES)
      expect((await rejectionOf(sign(failing, planned))).code).to.equal('STORE_UNAVAILABLE')
      expect(await restarted()).to.deep.equal(['a signed'])
    })

    it('S-08 what was given back after its signature could not be stored stays given back', async () => {
      const planned = await plan(failing, 'a')
      faulty.fail(JOURNAL_WRITES, { times: 1 })
      await rejectionOf(sign(failing, planned))
      await recordReleased(failing, planned, 'cancelled by an operator', 102)
      expect(await restarted()).to.deep.equal([])
      expect(await rowOf('a')).to.include({ state: 'cancelled', nonce: undefined })
    })

    it('S-12 its nonce, given to another intent since, stops nobody at the next start', async () => {
      const planned = await plan(failing, 'a')
      faulty.fail(JOURNAL_WRITES, { times: 1 })
      await rejectionOf(sign(failing, planned))
      await recordReleased(failing, planned, 'it would revert', 102)
      await sign(failing, await plan(failing, 'b'))
      await sign(failing, await plan(failing, 'a'))
      expect(await restarted()).to.deep.equal([])
      expect(await rowOf('b')).to.include({ state: 'signed', nonce: 0 })
      expect(await rowOf('a')).to.include({ state: 'signed', nonce: 1 })
    })

    it('S-12 bytes that were refused once and stored later are put back when the store loses them', async () => {
      const signed = await sign(journal, await plan(journal, 'a'))
      sideLog.voided(signed.hash ?? '0x')
      const { lines } = await sideLog.read('recent')
      const line = lines.find(({ type }) => type === 'signed')
      if (line?.type !== 'signed') throw new Error('nothing was signed')
      const { type: _type, head, ...entry } = line
      await sideLog.signed(entry, head)
      await db.query('delete from tx_attempt')
      await db.query(`update tx set state = 'planned', hash = null`)
      expect(await restarted()).to.deep.equal(['a signed'])
    })
  })

  if (!ON_POSTGRES) {
    it('S-12 the directory of an embedded store, put back from a copy, is brought up to date', async () => {
      await sideLog.close()
      await db.close()
      const copy = join(home, 'copy')
      db = await openStore({ home, clock: systemClock })
      await start()
      await send('a')
      await db.close()
      await cp(join(home, 'store'), copy, { recursive: true })
      db = await openStore({ home, clock: systemClock })
      await sideLog.close()
      await start()
      await send('b')
      await send('c')
      await sideLog.close()
      await db.close()
      await rm(join(home, 'store'), { recursive: true })
      await cp(copy, join(home, 'store'), { recursive: true })
      db = await openStore({ home, clock: systemClock })
      await start()
      expect((await reconciled()).restored).to.have.length(2)
      await senderOf().resume()
      await expectExactlyOnce(db, {
        keys: ['a', 'b', 'c'],
        executions: await countOf(node, counter),
      })
      await whole()
    })
  }
})
