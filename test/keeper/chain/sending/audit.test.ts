import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { clientOver } from '../../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import { attemptsOf, listJournal, openIntent } from '../../../../keeper/chain/journal/journal.ts'
import { recordReleased, recordStopped } from '../../../../keeper/chain/journal/journal-moves.ts'
import type { TxRecord } from '../../../../keeper/chain/journal/journal-rows.ts'
import { watchFinal } from '../../../../keeper/chain/sending/final-watch.ts'
import { poolOver } from '../../../../keeper/chain/rpc/pool.ts'
import { reconcile } from '../../../../keeper/chain/journal/reconcile.ts'
import { contextOf } from '../../../../keeper/chain/sending/send-context.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { openSideLog } from '../../../../keeper/chain/journal/side-log-file.ts'
import { httpTransport } from '../../../../keeper/chain/rpc/transport.ts'
import type { Transport } from '../../../../keeper/chain/rpc/transport.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { openPgliteInMemory } from '../../../../keeper/store/pglite.ts'
import { openPostgres } from '../../../../keeper/store/postgres.ts'
import { countOf, mine, placeCounter, placeReverter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { JOURNAL_WRITES, faultyDb } from '../../../helpers/faulty-db.ts'
import { journalOf, plan, sign, signer } from '../../../helpers/journaling.ts'
import { testLog } from '../../../helpers/logs.ts'
import { expectExactlyOnce, expectJournalWhole } from '../../../helpers/oracle.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { ON_POSTGRES, createSchema, freshDb } from '../../../helpers/store.ts'
import { tcpProxy } from '../../../helpers/tcp-proxy.ts'
import type { TcpProxy } from '../../../helpers/tcp-proxy.ts'

const TIMEOUT_MS = 1_000

describe('answers that no node should give', function () {
  this.timeout(60_000)
  let node: TestNode
  let counter: Address
  let client: ChainClient | undefined
  let sent: Hex

  beforeEach(async () => {
    node = await startNode()
    counter = await placeCounter(node)
    const db = await freshDb()
    const tx = await openSender(sendingOptions(db, node.client)).send(intentFor(counter, 'a'))
    sent = tx.hash ?? '0x'
    await db.close()
  })
  afterEach(async () => {
    client?.close()
    await node.close()
  })

  /** As the node says it, but for one method at the first of so many endpoints. */
  function over(size: number, method: string, mangle: (answer: unknown) => unknown): ChainClient {
    const transports = Array.from({ length: size }, (_, i): Transport => {
      const inner = httpTransport(node.url, TIMEOUT_MS)
      const request: Transport['request'] = async (asked, params, limitMs) => {
        const answer = await inner.request(asked, params, limitMs)
        return i === 0 && asked === method ? mangle(answer) : answer
      }
      return { ...inner, url: `${inner.url}/${i}`, request }
    })
    client = clientOver(poolOver(transports, node.client.chainId, { timeoutMs: TIMEOUT_MS }))
    return client
  }

  const RECEIPT = 'eth_getTransactionReceipt'
  const MANGLED: [string, object | string][] = [
    ['gas that is no number', { gasUsed: 'plenty' }],
    ['a hash that is no text', { transactionHash: 7 }],
    ['a block that is no number', { blockNumber: 'soon' }],
  ]
  for (const [what, changes] of MANGLED) {
    it(`S-31 a receipt with ${what} at one of three endpoints changes nothing`, async () => {
      const mangled = over(3, RECEIPT, (answer) => Object.assign({}, answer, changes))
      expect(await mangled.receipt(sent)).to.deep.equal(await node.client.receipt(sent))
    })

    it(`S-31 a receipt with ${what} at the only endpoint is no answer`, async () => {
      const mangled = over(1, RECEIPT, (answer) => Object.assign({}, answer, changes))
      expect((await rejectionOf(mangled.receipt(sent))).code).to.equal('RPC_UNAVAILABLE')
    })
  }

  for (const garbage of ['garbage', null, {}, '-0x1', '0x1.8']) {
    const shown = JSON.stringify(garbage)
    it(`S-31 ${shown} for a height or a nonce at one of three endpoints changes nothing`, async () => {
      const height = await node.client.blockNumber()
      expect(await over(3, 'eth_blockNumber', () => garbage).blockNumber()).to.equal(height)
      const count = over(3, 'eth_getTransactionCount', () => garbage)
      expect(await count.nonceOf(signer.address)).to.equal(1)
    })

    it(`S-31 ${shown} for a height or a nonce at the only endpoint is no answer`, async () => {
      const height = over(1, 'eth_blockNumber', () => garbage).blockNumber()
      expect((await rejectionOf(height)).code).to.equal('RPC_UNAVAILABLE')
      const count = over(1, 'eth_getTransactionCount', () => garbage).nonceOf(signer.address)
      expect((await rejectionOf(count)).code).to.equal('RPC_UNAVAILABLE')
    })
  }

  it('S-30 a final block without a number does not stop what is final from growing', async () => {
    const answers: unknown[] = [{ number: 'none' }]
    const odd = over(1, 'eth_getBlockByNumber', (answer) => answers.shift() ?? answer)
    expect((await rejectionOf(odd.block('finalized'))).code).to.equal('RPC_UNAVAILABLE')
    expect((await odd.block('finalized'))?.number).to.equal(await node.client.blockNumber())
  })
})

describe('the sending path between two of its steps', function () {
  this.timeout(60_000)
  let node: TestNode
  let db: Db
  let counter: Address

  beforeEach(async () => {
    node = await startNode()
    db = await freshDb()
    counter = await placeCounter(node)
  })
  afterEach(async () => {
    await node.close()
    await db.close()
  })

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender =>
    openSender(sendingOptions(db, node.client, changes))

  const states = async (): Promise<string[]> =>
    (await listJournal(db)).toReversed().map(({ state, nonce }) => `${nonce} ${state}`)

  it('S-20 an intent whose commit was not answered is carried out before the next one', async () => {
    const faulty = faultyDb(db)
    const journal = journalOf(faulty.db)
    const sender = senderWith({ journal, window: 3, nonceWaitMs: 2_000 })
    await sender.send(intentFor(counter, 'a'))
    faulty.fail(/journal_open/, { times: 1, kind: 'lost' })
    const lost = rejectionOf(sender.send(intentFor(counter, 'b')))
    const next = sender.send(intentFor(counter, 'c'))
    expect((await lost).code).to.equal('STORE_UNAVAILABLE')
    expect((await next).nonce).to.equal(2)
    await sender.send(intentFor(counter, 'b'))
    expect(await states()).to.deep.equal(['0 final', '1 final', '2 final'])
    expect(await countOf(node, counter)).to.equal(3)
  })

  it('S-20 a planned call that would revert by now leaves no gap below one that is on its way', async () => {
    const reverter = await placeReverter(node)
    const journal = journalOf(db)
    const { chainId } = node.client
    const given = { chainId, sender: signer.address, chainNonce: 0, at: systemClock.now() }
    await openIntent(journal, { ...given, intent: intentFor(reverter, 'bad') })
    const later = await openIntent(journal, { ...given, intent: intentFor(counter, 'good') })
    const sender = senderWith({ window: 2, nonceWaitMs: 2_000 })
    const waiting = sender.carryOut(later)
    expect((await rejectionOf(sender.resume())).code).to.equal('TX_CANCELLED')
    expect((await waiting).state).to.equal('final')
    expect(await states()).to.deep.equal(['0 cancelled', '1 final'])
    expect((await sender.send(intentFor(counter, 'next'))).nonce).to.equal(2)
  })

  it('S-23 a planned call that would revert by now gives the last nonce back', async () => {
    const reverter = await placeReverter(node)
    const { chainId } = node.client
    const given = { chainId, sender: signer.address, chainNonce: 0, at: systemClock.now() }
    await openIntent(journalOf(db), { ...given, intent: intentFor(reverter, 'bad') })
    expect((await rejectionOf(senderWith().resume())).code).to.equal('TX_WOULD_REVERT')
    expect(await states()).to.deep.equal(['undefined cancelled'])
    expect((await senderWith().send(intentFor(counter, 'next'))).nonce).to.equal(0)
  })

  it('S-25 an order that the signer refuses is not answered as if it had been carried out', async () => {
    await node.request('evm_setAutomine', [false])
    const sender = senderWith()
    const { id } = await sender.send(intentFor(counter, 'a'), { until: 'broadcast' })
    const signTransaction = async (): Promise<Hex> => {
      throw new KeeperError('SIGNER_UNAVAILABLE', { reason: 'a test' })
    }
    const broken = senderWith({ signer: { ...signer, signTransaction } })
    expect((await rejectionOf(broken.cancel(id))).code).to.equal('SIGNER_UNAVAILABLE')
    expect((await rejectionOf(broken.bump(id))).code).to.equal('SIGNER_UNAVAILABLE')
    expect(await attemptsOf(db, id)).to.have.length(1)
    expect(broken.inFlight()).to.equal(0)
    await mine(node)
    await sender.resume()
  })

  it('S-25 of two in a window the second is not built while the first cannot be signed', async () => {
    const signTransaction = async (): Promise<Hex> => {
      throw new KeeperError('SIGNER_UNAVAILABLE', { reason: 'a test' })
    }
    const broken = senderWith({ window: 3, signer: { ...signer, signTransaction } })
    const sent = ['a', 'b', 'c'].map((key) => rejectionOf(broken.send(intentFor(counter, key))))
    const codes = (await Promise.all(sent)).map(({ code }) => code)
    expect(new Set(codes)).to.deep.equal(new Set(['SIGNER_UNAVAILABLE']))
    expect(await states()).to.deep.equal(['0 planned'])
    const sound = senderWith({ window: 3 })
    const done = ['b', 'c', 'a'].map((key) => sound.send(intentFor(counter, key)))
    expect((await Promise.all(done)).map(({ state }) => state)).to.deep.equal([
      'final',
      'final',
      'final',
    ])
  })

  for (const isCancelled of [true, false]) {
    const [first, then] = isCancelled ? ['original', 'cancellation'] : ['cancellation', 'original']
    it(`S-08 a reorg that has the ${then} instead of the ${first} decides which of them it was`, async () => {
      await node.request('evm_setAutomine', [false])
      const sender = senderWith({ finality: 3, finalWaitMs: 3_000 })
      const { id } = await sender.send(intentFor(counter, 'a'), { until: 'broadcast' })
      const snapshot = await node.request('evm_snapshot', [])
      await sender.cancel(id)
      const [original, cancel] = await attemptsOf(db, id)
      const raws = isCancelled ? [original, cancel] : [cancel, original]
      const mineOnly = async (at: number): Promise<void> => {
        for (const hash of [original?.hash, cancel?.hash]) {
          await node.request('hardhat_dropTransaction', [hash])
        }
        await node.client.sendRaw(raws[at]?.raw ?? '0x')
        await mine(node)
      }
      await mineOnly(0)
      const ended = sender.resume().then(
        ([tx]) => tx?.state,
        (error: unknown) => (error as KeeperError).code,
      )
      await systemClock.sleep(200)
      expect((await listJournal(db))[0]).to.include({ state: 'included', hash: raws[0]?.hash })
      await node.request('evm_revert', [snapshot])
      await mineOnly(1)
      await mine(node, 4)
      expect(await ended).to.equal(isCancelled ? 'TX_CANCELLED' : 'final')
      expect((await listJournal(db))[0]).to.include({ hash: raws[1]?.hash })
      expect(await countOf(node, counter)).to.equal(isCancelled ? 0 : 1)
      await expectJournalWhole(db)
    })
  }

  it('S-22 a foreign row whose receipt is found after all is followed to its end', async () => {
    await node.request('evm_setAutomine', [false])
    const tx = await senderWith().send(intentFor(counter, 'a'), { until: 'broadcast' })
    await recordStopped(journalOf(db), tx, 'foreign', 'a test', systemClock.now())
    await mine(node)
    const [done] = await senderWith().resume()
    expect(done?.state).to.equal('final')
    await expectExactlyOnce(db, { keys: ['a'], executions: await countOf(node, counter) })
  })
})

describe('a clock that was set back by two hours', function () {
  this.timeout(60_000)
  const TWO_HOURS_MS = 7_200_000
  let node: TestNode
  let db: Db
  let counter: Address
  let backMs: number
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - backMs }

  beforeEach(async () => {
    backMs = 0
    node = await startNode()
    db = await freshDb()
    counter = await placeCounter(node)
  })
  afterEach(async () => {
    await node.close()
    await db.close()
  })

  it('S-40 does not make an old count of the chain a new one: nothing is signed at a used nonce', async () => {
    const sender = openSender(sendingOptions(db, node.client, { clock }))
    await sender.send(intentFor(counter, 'a'))
    backMs = TWO_HOURS_MS
    await foreignTransaction(node, 1)
    expect((await rejectionOf(sender.send(intentFor(counter, 'b')))).code).to.equal('QUEUE_STOPPED')
    expect(await db.query('select hash from tx_attempt')).to.have.length(1)
  })

  it('S-40 does not put off the look at what is final', async () => {
    const context = contextOf(sendingOptions(db, node.client, { clock }))
    const memory = { finalCheckedAtMs: clock.nowMs() }
    backMs = TWO_HOURS_MS
    await watchFinal(context, memory)
    expect(memory.finalCheckedAtMs).to.be.at.most(clock.nowMs())
  })
})

async function foreignTransaction(node: TestNode, nonce: number): Promise<void> {
  const bare = { to: signer.address, data: '0x', value: 0n, gasLimit: 21_000n } as const
  const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }
  const { chainId } = node.client
  await node.client.sendRaw(await signer.signTransaction({ chainId, nonce, ...bare, ...fees }))
}

describe('what the side log has and the journal has not', function () {
  this.timeout(60_000)
  let home: string
  let node: TestNode
  let db: Db

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'muster-audit-'))
    node = await startNode()
    db = await freshDb()
  })
  afterEach(async () => {
    await node.close()
    await db.close()
    await rm(home, { recursive: true, force: true })
  })

  async function withSideLog(
    act: (given: {
      journal: ReturnType<typeof journalOf>
      faulty: ReturnType<typeof faultyDb>
    }) => Promise<void>,
  ): Promise<void> {
    const sideLog = await openSideLog({ home, clock: systemClock })
    const faulty = faultyDb(db)
    await act({ journal: journalOf(faulty.db, sideLog), faulty })
    await sideLog.close()
  }

  async function reconciled(): Promise<TxRecord[]> {
    let restored: TxRecord[] = []
    await withSideLog(async ({ journal }) => {
      const { client } = node
      const given = { client, sender: signer.address, clock: systemClock, log: testLog }
      restored = (await reconcile({ journal, ...given })).restored
    })
    return restored
  }

  const rowOf = async (key: string): Promise<TxRecord> => {
    const tx = (await listJournal(db)).find((one) => one.key === key)
    if (!tx) throw new Error(`no row ${key}`)
    return tx
  }

  it('S-03 bytes that were signed while the store was away come back at the next start', async () => {
    await withSideLog(async ({ journal, faulty }) => {
      const planned = await plan(journal, 'a')
      faulty.fail(JOURNAL_WRITES)
      expect((await rejectionOf(sign(journal, planned))).code).to.equal('STORE_UNAVAILABLE')
    })
    expect((await reconciled()).map(({ key, state }) => `${key} ${state}`)).to.deep.equal([
      'a signed',
    ])
  })

  it('S-08 what was given back after its signature could not be stored stays given back', async () => {
    await withSideLog(async ({ journal, faulty }) => {
      const planned = await plan(journal, 'a')
      faulty.fail(JOURNAL_WRITES, { times: 1 })
      await rejectionOf(sign(journal, planned))
      await recordReleased(journal, planned, 'cancelled by an operator', 102)
    })
    expect(await reconciled()).to.deep.equal([])
    expect(await rowOf('a')).to.include({ state: 'cancelled', nonce: undefined })
  })

  it('S-12 its nonce, given to another intent since, stops nobody at the next start', async () => {
    await withSideLog(async ({ journal, faulty }) => {
      const planned = await plan(journal, 'a')
      faulty.fail(JOURNAL_WRITES, { times: 1 })
      await rejectionOf(sign(journal, planned))
      await recordReleased(journal, planned, 'it would revert', 102)
      await sign(journal, await plan(journal, 'b'))
      await sign(journal, await plan(journal, 'a'))
    })
    expect(await reconciled()).to.deep.equal([])
    expect(await rowOf('b')).to.include({ state: 'signed', nonce: 0 })
    expect(await rowOf('a')).to.include({ state: 'signed', nonce: 1 })
  })

  it('S-12 bytes that were refused once and stored later are put back when the store loses them', async () => {
    await withSideLog(async ({ journal }) => {
      const planned = await plan(journal, 'a')
      const { sideLog } = journal
      const signed = await sign(journal, planned)
      sideLog.voided(signed.hash ?? '0x')
      const lines = (await sideLog.read('recent')).lines
      const line = lines.find(({ type }) => type === 'signed')
      if (line?.type !== 'signed') throw new Error('nothing was signed')
      const { type: _type, head, ...entry } = line
      await sideLog.signed(entry, head)
    })
    await db.query('delete from tx_attempt')
    await db.query(`update tx set state = 'planned', hash = null`)
    expect((await reconciled()).map(({ key, state }) => `${key} ${state}`)).to.deep.equal([
      'a signed',
    ])
  })
})

describe('the statements of the embedded store', () => {
  it('are planned again after a transaction that changed a table and failed', async () => {
    const { db } = await openPgliteInMemory()
    await db.exec('create table a (id int8)')
    const all = (t: Db): Promise<object[]> => t.query('select * from a')
    expect(await all(db)).to.deep.equal([])
    const failing = db.begin(async (t) => {
      await t.exec('alter table a add column b text')
      await all(t)
      throw new KeeperError('STOPPED', {})
    })
    expect((await rejectionOf(failing)).code).to.equal('STOPPED')
    await db.query('insert into a values ($1)', [1n])
    expect(await all(db)).to.deep.equal([{ id: 1n }])
    await db.close()
  })
})

if (ON_POSTGRES) {
  describe('a PostgreSQL server that goes away', function () {
    this.timeout(60_000)
    let proxy: TcpProxy
    let schema: string
    let db: Db

    beforeEach(async () => {
      let url: string
      ;({ url, schema } = await createSchema())
      proxy = await tcpProxy(url)
      db = await openPostgres(proxy.url, schema)
    })
    afterEach(async () => {
      await db.exec(`drop schema ${schema} cascade`)
      await db.close()
      await proxy.close()
    })

    const codeOf = async (asked: Promise<unknown>): Promise<string> =>
      (await rejectionOf(asked)).code

    it('S-11 is told as a store that may be back, for a statement, a commit and a new connection', async () => {
      const slow = codeOf(db.query('select pg_sleep(30)'))
      await systemClock.sleep(100)
      proxy.cut()
      expect(await slow).to.equal('STORE_UNAVAILABLE')
      expect(await codeOf(db.query('select 1'))).to.equal('STORE_UNAVAILABLE')
      expect(await codeOf(db.begin(async () => 1))).to.equal('STORE_UNAVAILABLE')
      await proxy.restore()
      const commit = db.begin(async (t) => {
        await t.query('select 1')
        proxy.cut()
      })
      expect(await codeOf(commit)).to.equal('STORE_UNAVAILABLE')
      await proxy.restore()
      expect(await db.one('select 1 as one')).to.deep.equal({ one: 1 })
    })

    it('what it refuses is told as it says it', async () => {
      const refused = await db.query('select * from nowhere').catch((error: unknown) => error)
      expect(refused).to.include({ code: '42P01' })
    })
  })
}
