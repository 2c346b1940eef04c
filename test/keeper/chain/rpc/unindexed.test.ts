import { expect } from 'chai'
import type { Hex } from '../../../../keeper/base/schema.ts'
import { openChain } from '../../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import { attemptsOf } from '../../../../keeper/chain/journal/journal.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import { countOf, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { startFaultProxy } from '../../../helpers/fault-proxy.ts'
import type { FaultProxy } from '../../../helpers/fault-proxy.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

// geth's words for a transaction that it does not find, for a moment after each block.
const BEHIND = { kind: 'refuse', message: 'transaction indexing is in progress' } as const
const LOOKS = ['eth_getTransactionReceipt', 'eth_getTransactionByHash']
const HASH: Hex = `0x${'a'.repeat(64)}`

describe('a node whose index of transactions is behind', function () {
  this.timeout(60_000)
  let node: TestNode
  let proxies: FaultProxy[]
  let client: ChainClient

  beforeEach(async () => {
    node = await startNode()
    proxies = [await startFaultProxy(node.url), await startFaultProxy(node.url)]
  })
  afterEach(async () => {
    client.close()
    for (const proxy of proxies) await proxy.close()
    await node.close()
  })

  for (const endpoints of [1, 2]) {
    it(`S-33 has no receipt for now, knows nothing, and proves no absence (${endpoints} endpoints)`, async () => {
      const rpcUrl = proxies.slice(0, endpoints).map(({ url }) => url)
      client = await openChain({ rpcUrl, timeoutMs: 5_000 })
      for (const proxy of proxies) proxy.fail(BEHIND, { method: LOOKS })
      expect(await client.receipt(HASH)).to.equal(undefined)
      expect(await client.knows(HASH)).to.equal(false)
      expect(await client.isAbsentEverywhere(HASH)).to.equal(false)
      for (const proxy of proxies) proxy.heal()
      expect(await client.isAbsentEverywhere(HASH)).to.equal(true)
    })
  }

  it('S-33 is waited for: the transaction becomes final with one signature', async () => {
    const [proxy] = proxies
    client = await openChain({ rpcUrl: proxy?.url ?? '', timeoutMs: 5_000 })
    const db = await freshDb()
    const counter = await placeCounter(node)
    proxy?.fail(BEHIND, { method: LOOKS, times: 3 })
    const tx = await openSender(sendingOptions(db, client)).send(intentFor(counter, 'a'))
    expect(tx.state).to.equal('final')
    expect(await attemptsOf(db, tx.id)).to.have.length(1)
    expect(await countOf(node, counter)).to.equal(1)
    await db.close()
  })
})
