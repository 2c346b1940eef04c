import { expect } from 'chai'
import { openAlerts } from '../../../../keeper/base/alerts.ts'
import type { Notice } from '../../../../keeper/base/alerts.ts'
import { KeeperError } from '../../../../keeper/base/errors.ts'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { openChain } from '../../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import type { SenderOptions } from '../../../../keeper/chain/sending/send-context.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { startFaultProxy } from '../../../helpers/fault-proxy.ts'
import type { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { expectJournalWhole } from '../../../helpers/oracle.ts'
import { useBench } from '../../../helpers/sending.ts'

describe('blocks that go', function () {
  this.timeout(60_000)
  const bench = useBench({ automine: false })
  const { intent, mine, executions, rows, attemptsOf, request } = bench
  let proxy: FaultProxy
  let client: ChainClient
  let notices: Notice[]

  beforeEach(async () => {
    proxy = await startFaultProxy(bench.node.url)
    client = await openChain({ rpcUrl: proxy.url, timeoutMs: 10_000 })
    notices = []
  })
  afterEach(async () => {
    client.close()
    await proxy.close()
  })

  const senderWith = (changes: Partial<SenderOptions> = {}): Sender => {
    const alerts = openAlerts({ clock: systemClock, sinks: [(notice) => notices.push(notice)] })
    return bench.senderWith({ client, alerts, nonceWaitMs: 400, finalWaitMs: 400, ...changes })
  }
  const told = (): string[] => notices.map(({ kind, state }) => `${kind} ${state}`)

  /** Sent and mined in a block that can be taken back by `revert`. */
  async function minedOnce(sender: Sender): Promise<{ hash: Hex; revert(): Promise<void> }> {
    const { hash } = await sender.send(intent('a'), { until: 'broadcast' })
    const snapshot = await request('evm_snapshot')
    await mine()
    const revert = async (): Promise<void> => void (await request('evm_revert', [snapshot]))
    return { hash: hash ?? '0x', revert }
  }

  it('S-27 a reorg before the depth takes it back to broadcast; the same bytes are mined again', async () => {
    const sender = senderWith({ finality: 5 })
    const { hash, revert } = await minedOnce(sender)
    expect((await rejectionOf(sender.resume())).code).to.equal('RECEIPT_TIMEOUT')
    await revert()
    expect((await rejectionOf(sender.resume())).code).to.equal('NONCE_WAIT_TIMEOUT')
    expect((await rows())[0]).to.include({ state: 'broadcast', blockHash: undefined })
    expect((await rejectionOf(sender.send(intent('b')))).code).to.equal('NONCE_WAIT_TIMEOUT')
    await bench.node.client.sendRaw((await attemptsOf(1n))[0]?.raw ?? '0x').catch(() => {})
    await mine(6)
    expect((await sender.resume())[0]).to.include({ state: 'final', hash })
    expect(await executions()).to.equal(1)
    expect(await attemptsOf(1n)).to.have.length(1)
  })

  it('S-28 the same hash in another block replaces the receipt, and both blocks stay in the events', async () => {
    const sender = senderWith({ finality: 5 })
    const { hash, revert } = await minedOnce(sender)
    await rejectionOf(sender.resume())
    const before = (await rows())[0]?.blockHash
    await revert()
    await request('hardhat_dropTransaction', [hash])
    await mine()
    await bench.node.client.sendRaw((await attemptsOf(1n))[0]?.raw ?? '0x').catch(() => {})
    await mine(6)
    const [tx] = await sender.resume()
    expect(tx).to.include({ state: 'final', hash })
    expect(tx?.blockHash).not.to.equal(before)
    const events = await bench.db.query<{ facts: string }>(
      `select facts from journal_event where kind = 'included' order by seq`,
    )
    const hashes = events.map(({ facts }) => (JSON.parse(facts) as { blockHash: string }).blockHash)
    expect(hashes).to.deep.equal([before, tx?.blockHash])
  })

  it('S-29 a reorg deeper than final raises the alarm and stops the queue; nothing is sent', async () => {
    const sender = senderWith({ finality: 1 })
    const { revert } = await minedOnce(sender)
    expect((await sender.resume())[0]).to.include({ state: 'final' })
    await revert()
    await request('hardhat_dropTransaction', [(await rows())[0]?.hash])
    await mine(3)
    const later = senderWith({ finality: 1 })
    const sentBefore = proxy.countOf('eth_sendRawTransaction')
    expect((await rejectionOf(later.send(intent('b')))).code).to.equal('QUEUE_STOPPED')
    expect((await rejectionOf(later.resume())).code).to.equal('QUEUE_STOPPED')
    expect(proxy.countOf('eth_sendRawTransaction')).to.equal(sentBefore)
    expect(told()).to.include('reorg-after-final raised')
    const [tx] = await rows()
    expect(tx).to.include({ state: 'unknown' })
    expect(tx?.reason).to.match(/final block \d+ .* no longer on the chain/)
  })

  it('S-29 a single endpoint that answers with another block raises no alarm while the receipt stands', async () => {
    const sender = senderWith({ finality: 1 })
    await minedOnce(sender)
    await sender.resume()
    proxy.fail({ kind: 'stale-head', behind: 1 }, { method: 'eth_getBlockByNumber' })
    const later = senderWith({ finality: 1 })
    await rejectionOf(later.send(intent('b')))
    expect(told()).not.to.include('reorg-after-final raised')
  })

  it('S-30 a node that has no final block yet is waited for, or a configured depth counts', async () => {
    proxy.fail({ kind: 'no-tag' })
    const strict = senderWith()
    const { hash } = await minedOnce(strict)
    expect((await rejectionOf(strict.resume())).code).to.equal('RECEIPT_TIMEOUT')
    const deep = senderWith({ finalityDepth: 3 })
    expect((await rejectionOf(deep.resume())).code).to.equal('RECEIPT_TIMEOUT')
    await mine(2)
    expect((await deep.resume())[0]).to.include({ state: 'final', hash })
  })

  it('S-30 a node that does not know the tag is refused, or a configured depth counts', async () => {
    const refusal = { method: 'eth_getBlockByNumber', fault: 'other', message: 'invalid tag' }
    const block: ChainClient['block'] = async (tag) => {
      if (tag === 'finalized') throw new KeeperError('RPC_REFUSED', refusal)
      return client.block(tag)
    }
    const strict = senderWith({ client: { ...client, block } })
    const { hash } = await minedOnce(strict)
    expect((await rejectionOf(strict.resume())).code).to.equal('FINALITY_UNSUPPORTED')
    const deep = senderWith({ client: { ...client, block }, finalityDepth: 1 })
    expect((await deep.resume())[0]).to.include({ state: 'final', hash })
  })

  it('S-30 final blocks that stand still raise an alert and hold what waits for them', async () => {
    proxy.fail({ kind: 'frozen-tag', block: 0 })
    const sender = senderWith({ finalityStallMs: 100 })
    await minedOnce(sender)
    await mine(5)
    expect((await rejectionOf(sender.resume())).code).to.equal('RECEIPT_TIMEOUT')
    expect(told()).to.include('finality-stalled raised')
    proxy.heal()
    expect((await sender.resume())[0]).to.include({ state: 'final' })
    expect(told()).to.include('finality-stalled cleared')
  })

  for (const isCancelled of [true, false]) {
    const [first, then] = isCancelled ? ['original', 'cancellation'] : ['cancellation', 'original']
    it(`S-08 a reorg that has the ${then} instead of the ${first} decides which of them it was`, async () => {
      const sender = senderWith({ finality: 3, nonceWaitMs: 3_000, finalWaitMs: 3_000 })
      const { id } = await sender.send(intent('a'), { until: 'broadcast' })
      const snapshot = await request('evm_snapshot', [])
      await sender.cancel(id)
      const [original, cancel] = await attemptsOf(id)
      const raws = isCancelled ? [original, cancel] : [cancel, original]
      const mineOnly = async (at: number): Promise<void> => {
        for (const hash of [original?.hash, cancel?.hash]) {
          await request('hardhat_dropTransaction', [hash])
        }
        await bench.node.client.sendRaw(raws[at]?.raw ?? '0x')
        await mine()
      }
      await mineOnly(0)
      const ended = sender.resume().then(
        ([tx]) => tx?.state,
        (error: unknown) => (error as KeeperError).code,
      )
      await systemClock.sleep(200)
      expect((await rows())[0]).to.include({ state: 'included', hash: raws[0]?.hash })
      await request('evm_revert', [snapshot])
      await mineOnly(1)
      await mine(4)
      expect(await ended).to.equal(isCancelled ? 'TX_CANCELLED' : 'final')
      expect((await rows())[0]).to.include({ hash: raws[1]?.hash })
      expect(await executions()).to.equal(isCancelled ? 0 : 1)
      await expectJournalWhole(bench.db)
    })
  }
})
