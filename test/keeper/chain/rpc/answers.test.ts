import { expect } from 'chai'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { clientOver } from '../../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import { poolOver } from '../../../../keeper/chain/rpc/pool.ts'
import { httpTransport } from '../../../../keeper/chain/rpc/transport.ts'
import type { Transport } from '../../../../keeper/chain/rpc/transport.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import { placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { signer } from '../../../helpers/journaling.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

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
