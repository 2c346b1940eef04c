import { expect } from 'chai'
import { Wallet } from 'ethers'
import { isKeeperError } from '../../../../keeper/base/errors.ts'
import type { Address } from '../../../../keeper/base/schema.ts'
import { openSender } from '../../../../keeper/chain/sending/sender.ts'
import type { Sender } from '../../../../keeper/chain/sending/sender.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { countOf, mine, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import type { Fault } from '../../../helpers/fault-proxy.ts'
import { expectExactlyOnce } from '../../../helpers/oracle.ts'
import { openTestPool } from '../../../helpers/pool.ts'
import type { TestPool } from '../../../helpers/pool.ts'
import { intentFor, sendingOptions } from '../../../helpers/sending.ts'
import { freshDb } from '../../../helpers/store.ts'

const SEND = { method: 'eth_sendRawTransaction' }

describe('the sender over several endpoints', function () {
  this.timeout(60_000)
  let node: TestNode
  let db: Db
  let pool: TestPool
  let counter: Address
  let sender: Sender

  async function set(automine = true): Promise<void> {
    node = await startNode({ automine })
    db = await freshDb()
    pool = await openTestPool(node, 3)
    counter = await placeCounter(node)
    const { privateKey, address } = Wallet.createRandom()
    await node.request('hardhat_setBalance', [address, '0xde0b6b3a7640000'])
    const signer = walletSigner(privateKey)
    sender = openSender(sendingOptions(db, pool.client, { signer }))
  }

  afterEach(async () => {
    await pool.close()
    await node.close()
    await db.close()
  })

  const expectOnce = async (...keys: string[]): Promise<void> => {
    await expectExactlyOnce(db, { keys, executions: await countOf(node, counter) })
  }

  /** As a job does: what the outage refused before anything was planned is tried again. */
  const sendAgain = async (key: string): Promise<void> => {
    for (let tries = 0; ; tries += 1) {
      try {
        await sender.send(intentFor(counter, key))
        return
      } catch (error) {
        if (tries >= 5 || !isKeeperError(error, 'RPC_UNAVAILABLE')) throw error
      }
    }
  }

  const FAULTS: [string, Fault][] = [
    ['hangs', { kind: 'hang' }],
    ['answers 429', { kind: 'status', status: 429, json: true }],
    ['answers HTML', { kind: 'html' }],
    ['answers with a wrong id', { kind: 'wrong-id' }],
    ['loses its answers', { kind: 'lost-answer' }],
    ['lags by two blocks', { kind: 'stale-head', behind: 2 }],
    ['shows no receipt', { kind: 'null-receipt' }],
    ['is ahead with nonces', { kind: 'nonce', shift: 3 }],
    ['says that it knows all', { kind: 'refuse', message: 'already known' }],
  ]
  for (const [what, fault] of FAULTS) {
    it(`S-31 S-32 S-33 executes each once while one of three ${what}`, async () => {
      await set()
      await mine(node, 5)
      pool.proxies[0]!.fail(fault)
      await sender.send(intentFor(counter, 'a'))
      await sender.send(intentFor(counter, 'b'))
      await expectOnce('a', 'b')
    })
  }

  it('S-13 executes once when every endpoint takes it and loses its answer', async () => {
    await set()
    for (const proxy of pool.proxies) proxy.fail({ kind: 'lost-answer' }, SEND)
    const sending = sender.send(intentFor(counter, 'a'))
    await sending
    expect(pool.proxies.some((proxy) => proxy.countOf(SEND.method) > 0)).to.equal(true)
    await expectOnce('a')
  })

  it('S-34 a receipt made up by one endpoint moves nothing; the real one does', async () => {
    await set(false)
    pool.proxies[1]!.fail({ kind: 'fake-receipt' })
    let isDone = false
    const sending = sender.send(intentFor(counter, 'a')).finally(() => {
      isDone = true
    })
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(isDone).to.equal(false)
    expect(await countOf(node, counter)).to.equal(0)
    await mine(node, 2)
    await sending
    await expectOnce('a')
  })

  it('S-31 executes each once while the endpoints fail one after another', async () => {
    await set()
    const keys = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const [i, key] of keys.entries()) {
      const [first, second] = [pool.proxies[i % 3]!, pool.proxies[(i + 1) % 3]!]
      await first.down()
      second.fail({ kind: 'lost-answer' }, { ...SEND, times: 1 })
      second.fail({ kind: 'status', status: 502 }, { times: 2 })
      await sendAgain(key)
      second.heal()
      await first.up()
    }
    await expectOnce(...keys)
  })
})
