import { expect } from 'chai'
import { keccak256 } from 'ethers'
import type { Address, Hex } from '../../../../keeper/base/schema.ts'
import { isKeeperError } from '../../../../keeper/base/errors.ts'
import type { ChainClient } from '../../../../keeper/chain/rpc/client.ts'
import { countOf, placeCounter, startNode } from '../../../helpers/chain.ts'
import type { TestNode } from '../../../helpers/chain.ts'
import type { Fault, FaultProxy } from '../../../helpers/fault-proxy.ts'
import { DEADLINE_MS, newCaller, openTestPool } from '../../../helpers/pool.ts'
import type { Caller, TestPool } from '../../../helpers/pool.ts'

// What a busy machine adds to a deadline.
const SLACK_MS = 1_500
const HALF_A_MINUTE = 30_000
// A circuit that opened once is tried again after a second.
const REOPENS_AFTER_MS = 1_100

/** 'down' is none of the proxy's faults: nobody listens then. */
const MODES: [string, Fault | 'down'][] = [
  ['is down', 'down'],
  ['hangs', { kind: 'hang' }],
  ['answers 429', { kind: 'status', status: 429 }],
  ['answers 429 in JSON', { kind: 'status', status: 429, json: true }],
  ['answers 503', { kind: 'status', status: 503 }],
  ['answers 500 in JSON', { kind: 'status', status: 500, json: true }],
  ['answers HTML', { kind: 'html' }],
  ['answers with a wrong id', { kind: 'wrong-id' }],
  ['truncates its JSON', { kind: 'truncated' }],
  ['breaks off in the body', { kind: 'cut-body' }],
  ['resets the connection', { kind: 'reset' }],
  ['takes 30 s', { kind: 'delay', ms: HALF_A_MINUTE }],
]

const plural = (what: string): string => (what === 'is down' ? 'are down' : what.replace(/s\b/, ''))

const PLACES = [0, 1, 2]

interface Scene {
  pool: TestPool
  client: ChainClient
  caller: Caller
  counter: Address
}

async function withScene(node: TestNode, act: (scene: Scene) => Promise<void>): Promise<void> {
  const pool = await openTestPool(node, 3)
  const [caller, counter] = await Promise.all([newCaller(node), placeCounter(node)])
  try {
    await act({ pool, client: pool.client, caller, counter })
  } finally {
    await pool.close()
  }
}

async function break_(proxy: FaultProxy, fault: Fault | 'down'): Promise<void> {
  if (fault === 'down') await proxy.down()
  else proxy.fail(fault)
}

async function mend(proxy: FaultProxy, fault: Fault | 'down'): Promise<void> {
  if (fault === 'down') await proxy.up()
  else proxy.heal()
}

/** The answer, or the code of the refusal; never later than the deadline. */
async function inTime<T>(question: Promise<T>): Promise<T | string> {
  const start = performance.now()
  const answer = await question.catch((error: unknown) => {
    if (isKeeperError(error)) return error.code
    throw error
  })
  expect(performance.now() - start).to.be.below(DEADLINE_MS + SLACK_MS)
  return answer
}

/** Anybody may answer these. */
async function expectReads({ client, caller, counter }: Scene, count: number): Promise<void> {
  const [balance, code, called, typed] = await Promise.all([
    inTime(client.balanceOf(caller.address)),
    inTime(client.codeAt(counter)),
    inTime(client.call({ to: counter })),
    inTime(client.provider.getStorage(counter, 0)),
  ])
  expect(Number(balance)).to.be.above(0)
  expect(code).to.match(/^0x5f54/)
  expect(called).to.equal('0x')
  expect(Number(typed)).to.equal(count)
}

/**
 * Taken by one, or so the hash tells: an endpoint whose answers are broken may have taken it before the
 * others, and those then rightly say that the nonce is used.
 */
async function expectSent({ client, caller, counter }: Scene): Promise<Hex> {
  const raw = await caller.sign(counter)
  const hash = keccak256(raw) as Hex
  expect([hash, 'RPC_REFUSED']).to.include(await inTime(client.sendRaw(raw)))
  expect(await inTime(client.knows(hash))).to.equal(true)
  return hash
}

async function expectServed(scene: Scene, node: TestNode): Promise<void> {
  const { client, caller, counter } = scene
  const hash = await expectSent(scene)
  const [receipt, known, absent, nonce, height, block] = await Promise.all([
    inTime(client.receipt(hash)),
    inTime(client.knows(hash)),
    inTime(client.isAbsentEverywhere(hash)),
    inTime(client.nonceOf(caller.address)),
    inTime(client.blockNumber()),
    inTime(client.block('finalized')),
  ])
  expect(receipt).to.include({ hash, succeeded: true })
  expect([known, absent, nonce]).to.deep.equal([true, false, 1])
  expect(height).to.be.a('number')
  expect(block).to.have.property('number')
  await expectReads(scene, 1)
  expect(await countOf(node, counter)).to.equal(1)
}

async function untilState(scene: Scene, place: number, state: string): Promise<void> {
  const end = performance.now() + DEADLINE_MS + SLACK_MS
  while (scene.client.endpoints()[place]?.state !== state && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(scene.client.endpoints()[place]).to.include({ state })
}

async function ask3(scene: Scene): Promise<void> {
  for (let i = 0; i < 3; i += 1) await inTime(scene.client.blockNumber())
}

describe('one or two of three endpoints with a fault', function () {
  this.timeout(60_000)
  let node: TestNode
  before(async () => {
    node = await startNode()
  })
  after(() => node.close())

  for (const [what, fault] of MODES) {
    it(`S-31 whichever of three ${what}: the others serve in time, its circuit opens, and it comes back`, async () => {
      const atEach = PLACES.map((place) =>
        withScene(node, async (scene) => {
          const proxy = scene.pool.proxies[place]!
          await break_(proxy, fault)
          await expectServed(scene, node)
          await ask3(scene)
          await untilState(scene, place, 'open')
          proxy.forget()
          await expectReads(scene, 1)
          await inTime(scene.client.nonceOf(scene.caller.address))
          expect(proxy.passed).to.have.length(0)
          await mend(proxy, fault)
          await new Promise((resolve) => setTimeout(resolve, REOPENS_AFTER_MS))
          await inTime(scene.client.blockNumber())
          await untilState(scene, place, 'closed')
          expect(proxy.passed[0]?.method).to.equal('eth_chainId')
        }),
      )
      await Promise.all(atEach)
    })

    it(`S-31 when two of three ${plural(what)}, the third reads and sends in time and decides nothing alone`, async () => {
      const atEach = PLACES.map((place) =>
        withScene(node, async (scene) => {
          const { client, caller, counter, pool } = scene
          const faulty = pool.proxies.filter((_, i) => i !== place)
          await Promise.all(faulty.map((proxy) => break_(proxy, fault)))
          await expectReads(scene, 0)
          await expectSent(scene)
          const hash = `0x${'ab'.repeat(32)}` as const
          const voted = await Promise.all([
            inTime(client.receipt(hash)),
            inTime(client.nonceOf(caller.address)),
            inTime(client.blockNumber()),
            inTime(client.block('finalized')),
          ])
          expect(voted).to.deep.equal(voted.map(() => 'RPC_UNAVAILABLE'))
          expect(await inTime(client.isAbsentEverywhere(hash))).to.equal(false)
          expect(await countOf(node, counter)).to.equal(1)
        }),
      )
      await Promise.all(atEach)
    })
  }

  it('S-31 when all three are down every call ends in time, and the first one back serves at once', async () => {
    await withScene(node, async (scene) => {
      const { client, pool, caller } = scene
      await Promise.all(pool.proxies.map((proxy) => proxy.down()))
      for (let i = 0; i < 4; i += 1) {
        expect(await inTime(client.balanceOf(caller.address))).to.equal('RPC_UNAVAILABLE')
      }
      expect(client.endpoints().map(({ state }) => state)).to.deep.equal(['open', 'open', 'open'])
      await pool.proxies[1]!.up()
      expect(Number(await inTime(client.balanceOf(caller.address)))).to.be.above(0)
    })
  })
})
