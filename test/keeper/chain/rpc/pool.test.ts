import { expect } from 'chai'
import { keccak256 } from 'ethers'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { faultOf, openChain, requireCode } from '../../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import { countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import type { FaultProxy } from '../../../helpers/fault-proxy.ts'
import {
  DEADLINE_MS,
  closeAll,
  newCaller,
  openTestPool,
  startProxies,
  urlsOf,
} from '../../../helpers/pool.ts'
import type { Caller, TestPool } from '../../../helpers/pool.ts'

const NOBODY: Address = '0x52908400098527886E0F7030069857D2E4169EE7'
const OTHER_HASH: Hex = `0x${'ee'.repeat(32)}`

const hashOf = (raw: Hex): Hex => keccak256(raw) as Hex

describe('several endpoints as one', function () {
  this.timeout(60_000)
  let node: TestNode
  let counter: Address
  let caller: Caller
  let pool: TestPool
  let client: ChainClient
  let proxies: FaultProxy[]
  before(async () => {
    node = await startNode()
    await mine(node, 40)
  })
  after(() => node.close())
  beforeEach(async () => {
    counter = await placeCounter(node)
    caller = await newCaller(node)
    pool = await openTestPool(node, 3)
    ;({ client, proxies } = pool)
  })
  afterEach(() => pool.close())

  const sent = async (): Promise<Hex> => client.sendRaw(await caller.sign(counter))
  const lifted = (fault: Parameters<FaultProxy['fail']>[0], ...of: number[]): (() => void) => {
    const undo = of.map((i) => proxies[i]!.fail(fault))
    return () => undo.forEach((one) => one())
  }

  it('S-32 a pending nonce that is stale or ahead at one endpoint is ignored', async () => {
    await sent()
    await sent()
    for (const [i, shift] of [-1, 5, -2].entries()) {
      const heal = lifted({ kind: 'nonce', shift }, i)
      expect(await client.nonceOf(caller.address)).to.equal(2)
      expect(await client.nonceOf(caller.address, 'pending')).to.equal(2)
      heal()
    }
  })

  it('S-33 a receipt that one endpoint does not show for a while is found at the others', async () => {
    const hash = await sent()
    for (const i of [0, 1, 2]) {
      const heal = lifted({ kind: 'null-receipt' }, i)
      expect((await client.receipt(hash))?.hash).to.equal(hash)
      heal()
    }
    const heal = lifted({ kind: 'null-receipt' }, 0, 1)
    expect(await client.receipt(hash)).to.equal(undefined)
    expect(await client.isAbsentEverywhere(hash)).to.equal(false)
    heal()
    expect((await client.receipt(hash))?.succeeded).to.equal(true)
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-34 a receipt that only one endpoint shows is none till a second agrees on its block', async () => {
    const hash = hashOf(await caller.sign(counter))
    lifted({ kind: 'fake-receipt' }, 0)
    expect(await client.receipt(hash)).to.equal(undefined)
    expect(await client.isAbsentEverywhere(hash)).to.equal(false)
    lifted({ kind: 'fake-receipt', fields: { blockHash: OTHER_HASH } }, 1)
    expect(await client.receipt(hash)).to.equal(undefined)
    lifted({ kind: 'fake-receipt', fields: { blockHash: OTHER_HASH, status: '0x0' } }, 2)
    expect(await client.receipt(hash)).to.equal(undefined)
  })

  it('S-34 no height, final block or nonce is taken from one endpoint that runs ahead', async () => {
    const head = await node.client.blockNumber()
    lifted({ kind: 'final-behind', behind: 10 }, 1, 2)
    proxies[0]!.fail({ kind: 'result', result: '0xffff' }, { method: 'eth_blockNumber' })
    lifted({ kind: 'nonce', shift: 100 }, 0)
    expect(await client.blockNumber()).to.equal(head)
    expect((await client.block('finalized'))?.number).to.equal(head - 10)
    expect((await client.block('safe'))?.number).to.equal(head - 10)
    expect(await client.nonceOf(caller.address)).to.equal(0)
  })

  it('S-34 with one endpoint alone its word is taken, and the status says so', async () => {
    const alone = await openTestPool(node, 1)
    alone.proxies[0]!.fail({ kind: 'fake-receipt' })
    const hash = hashOf(await caller.sign(counter))
    expect((await alone.client.receipt(hash))?.hash).to.equal(hash)
    expect(alone.client.quorum).to.equal(1)
    expect(alone.client.endpoints()).to.have.length(1)
    expect([client.quorum, client.endpoints().length]).to.deep.equal([2, 3])
    await alone.close()
  })

  it('S-30 a finalized tag that a quorum does not know is refused, one of them alone is outvoted', async () => {
    const heal = lifted({ kind: 'no-tag' }, 0)
    expect((await client.block('finalized'))?.number).to.be.above(0)
    lifted({ kind: 'no-tag' }, 1)
    expect((await rejectionOf(client.block('finalized'))).code).to.equal('RPC_REFUSED')
    heal()
    await proxies[0]!.down()
    expect((await rejectionOf(client.block('finalized'))).code).to.equal('RPC_UNAVAILABLE')
  })

  it('S-35 a broadcast counts though the same nodes refuse to tell the block number', async () => {
    for (const proxy of proxies) {
      proxy.fail({ kind: 'status', status: 429 }, { method: 'eth_blockNumber' })
    }
    const hash = await sent()
    expect(await client.knows(hash)).to.equal(true)
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-13 an answer lost after acceptance leaves the transaction known by its hash, executed once', async () => {
    const raw = await caller.sign(counter)
    for (const proxy of proxies) {
      proxy.fail({ kind: 'lost-answer' }, { method: 'eth_sendRawTransaction' })
    }
    expect((await rejectionOf(client.sendRaw(raw))).code).to.equal('RPC_UNAVAILABLE')
    expect(await client.knows(hashOf(raw))).to.equal(true)
    for (const proxy of proxies) proxy.heal()
    expect(faultOf(await rejectionOf(client.sendRaw(raw)))).to.match(/already-known|nonce-too-low/)
    expect(await client.knows(hashOf(raw))).to.equal(true)
    expect(await countOf(node, counter)).to.equal(1)
  })

  for (const message of ['already known', 'ALREADY_EXISTS', 'Known transaction: 0xab']) {
    it(`S-14 "${message}" is judged by the hash: known where it was taken, unknown where not`, async () => {
      const raw = await caller.sign(counter)
      for (const forward of [false, true]) {
        const heal = proxies.map((proxy) =>
          proxy.fail({ kind: 'refuse', message, forward }, { method: 'eth_sendRawTransaction' }),
        )
        const refusal = await rejectionOf(client.sendRaw(raw))
        expect(faultOf(refusal)).to.equal('already-known')
        expect(await client.knows(hashOf(raw))).to.equal(forward)
        expect(await client.isAbsentEverywhere(hashOf(raw))).to.equal(!forward)
        heal.forEach((one) => one())
      }
      expect(await countOf(node, counter)).to.equal(1)
    })
  }

  it('S-14 a hash in the answer that is not of our bytes does not count as sent', async () => {
    const wrong = { kind: 'result', result: OTHER_HASH } as const
    const only = { method: 'eth_sendRawTransaction' }
    const raw = await caller.sign(counter)
    for (const proxy of proxies) proxy.fail(wrong, only)
    const refusal = await rejectionOf(client.sendRaw(raw))
    expect(refusal.code).to.equal('RPC_HASH_MISMATCH')
    expect(refusal.facts).to.include({ answered: OTHER_HASH, hash: hashOf(raw) })
    expect(await client.knows(hashOf(raw))).to.equal(false)
    proxies[2]!.heal()
    expect(await client.sendRaw(raw)).to.equal(hashOf(raw))
    expect(await countOf(node, counter)).to.equal(1)
  })

  it('S-31 a broadcast goes to all at once and does not wait for one that hangs', async () => {
    lifted({ kind: 'hang' }, 0)
    const start = performance.now()
    await sent()
    expect(performance.now() - start).to.be.below(DEADLINE_MS)
    for (const proxy of proxies) expect(proxy.countOf('eth_sendRawTransaction')).to.equal(1)
  })

  it('S-26 one endpoint on another chain, whichever it is, refuses the start with exit code 78', async () => {
    for (const chainId of [undefined, 31_337]) {
      for (const proxy of proxies) {
        const undo = proxy.fail({ kind: 'chain-id', chainId: 9 })
        const opened = openChain({ rpcUrl: urlsOf(proxies), timeoutMs: DEADLINE_MS, chainId })
        const refusal = await rejectionOf(opened)
        expect([refusal.code, refusal.exitCode]).to.deep.equal(['CHAIN_ID_WRONG', 78])
        undo()
      }
    }
  })

  it('S-26 an endpoint that was down at start and comes back on another chain is never used', async () => {
    const late = await startProxies(node, 3)
    await late[0]!.down()
    const opened = await openChain({ rpcUrl: urlsOf(late), timeoutMs: DEADLINE_MS })
    await late[0]!.up()
    late[0]!.fail({ kind: 'chain-id', chainId: 9 })
    const head = await node.client.blockNumber()
    expect(await opened.blockNumber()).to.equal(head)
    expect(await opened.codeAt(counter)).not.to.equal('0x')
    expect(new Set(late[0]!.passed.map(({ method }) => method))).to.deep.equal(
      new Set(['eth_chainId']),
    )
    expect(opened.endpoints()[0]).to.include({ state: 'open' })
    expect(opened.endpoints()[0]!.lastError).to.include('chain 9')
    opened.close()
    await closeAll(late)
  })

  it('S-26 a contract that is absent on one of several endpoints refuses the start with exit code 78', async () => {
    await requireCode(client, counter, 'Counter')
    for (const [i, proxy] of proxies.entries()) {
      const heal = lifted({ kind: 'no-code' }, i)
      const refusal = await rejectionOf(requireCode(client, counter, 'Counter'))
      expect([refusal.code, refusal.exitCode]).to.deep.equal(['NO_CODE', 78])
      expect(refusal.facts).to.include({ url: proxy.url })
      heal()
    }
    await proxies[0]!.down()
    await requireCode(client, counter, 'Counter')
    expect((await rejectionOf(requireCode(client, NOBODY, 'Counter'))).code).to.equal('NO_CODE')
  })

  it('S-34 state is not read from an endpoint that is behind a block whose receipt we have', async () => {
    lifted({ kind: 'stale-head', behind: 3 }, 0)
    expect(await client.blockNumber()).to.be.above(0)
    const hash = await sent()
    expect((await client.receipt(hash))?.succeeded).to.equal(true)
    proxies[0]!.forget()
    const slot = await client.request('eth_getStorageAt', [counter, '0x0', 'latest'])
    expect(Number(slot)).to.equal(1)
    expect(await client.provider.getTransactionCount(caller.address)).to.equal(1)
    await Promise.all([proxies[1]!.down(), proxies[2]!.down()])
    const behind = await rejectionOf(client.balanceOf(caller.address))
    expect(behind.code).to.equal('RPC_UNAVAILABLE')
    const methods = new Set(proxies[0]!.passed.map(({ method }) => method))
    expect(methods.has('eth_getBalance')).to.equal(false)
    expect(methods.has('eth_getStorageAt')).to.equal(false)
  })

  it('one endpoint costs one request a question, over one connection, and counts them', async () => {
    const alone = await openTestPool(node, 1)
    const [proxy] = alone.proxies
    const samples: string[] = []
    alone.client.observe(({ method, outcome }) => samples.push(`${method} ${outcome}`))
    const raw = await caller.sign(counter)
    const hash = await alone.client.sendRaw(raw)
    await alone.client.receipt(hash)
    await alone.client.block('latest')
    await alone.client.nonceOf(caller.address)
    await alone.client.knows(hash)
    await alone.client.codeAt(counter)
    await rejectionOf(alone.client.sendRaw(raw))
    expect(proxy!.passed.map(({ method }) => method)).to.deep.equal([
      'eth_chainId',
      'eth_sendRawTransaction',
      'eth_getTransactionReceipt',
      'eth_getBlockByNumber',
      'eth_getTransactionCount',
      'eth_getTransactionByHash',
      'eth_getCode',
      'eth_sendRawTransaction',
    ])
    expect(samples[0]).to.equal('eth_sendRawTransaction ok')
    expect(samples.at(-1)).to.equal('eth_sendRawTransaction refused')
    const row = alone.client.stats().find(({ method }) => method === 'eth_sendRawTransaction')
    expect(row).to.include({ url: proxy!.url, requests: 2, refused: 1, failed: 0 })
    expect(row!.totalMs).to.be.above(0)
    expect(row!.maxMs).to.be.within(0, row!.totalMs)
    expect(proxy!.connections).to.equal(1)
    await alone.close()
  })
})
