import { expect } from 'chai'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { once } from 'node:events'
import { systemClock } from '../../../../keeper/base/time.ts'
import { fitStatus, statusOf } from '../../../../keeper/heartbeat/agent/status.ts'
import { testClock } from '../../../helpers/clock.ts'

const MOST_WAIT_MS = 2_500

async function withNode<T>(answer: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await use(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe('what an agent tells of its machine', function () {
  this.timeout(10_000)

  it('is processor, memory and disk in ten thousandths of what there is', async () => {
    const { cpuBps, memoryBps, diskBps, height, version } = await statusOf({ version: 'a/1' })()
    for (const bps of [cpuBps, memoryBps, diskBps]) expect(bps).to.be.within(0, 10_000)
    expect(memoryBps).to.be.above(0)
    expect(diskBps).to.be.above(0)
    expect({ height, version }).to.deep.equal({ height: 0n, version: 'a/1' })
  })

  it('has the height of the chain node beside it', async () => {
    const answer: RequestListener = (_request, response) =>
      response.end('{"jsonrpc":"2.0","id":1,"result":"0x1b4"}')
    await withNode(answer, async (nodeRpc) => {
      expect(await statusOf({ version: 'a/1', nodeRpc })()).to.include({ height: 436n })
    })
  })

  const broken: readonly [what: string, answer: RequestListener][] = [
    ['hangs', () => {}],
    ['refuses', (_request, response) => response.writeHead(401).end('no')],
    ['answers nonsense', (_request, response) => response.end('{"result":"0xzz"}')],
    ['answers too much', (_request, response) => response.end('1'.repeat(100_000))],
  ]
  for (const [what, answer] of broken) {
    it(`is told in time, with no height, when that node ${what}`, async () => {
      await withNode(answer, async (nodeRpc) => {
        const startedMs = systemClock.nowMs()
        expect(await statusOf({ version: 'a/1', nodeRpc })()).to.include({ height: 0n })
        expect(systemClock.nowMs() - startedMs).to.be.below(MOST_WAIT_MS)
      })
    })
  }

  it('is 0 for a disk that cannot be looked at', async () => {
    expect(await statusOf({ version: 'a/1', disk: '/no/such/path' })()).to.include({ diskBps: 0 })
  })

  it('is made to fit a frame, whatever a collector of somebody else gives', () => {
    const wrong = { cpuBps: 12.5, memoryBps: 10_001, diskBps: Number.NaN, height: -1n }
    const version = ` ${'x'.repeat(99)}`
    const right = { cpuBps: 13, memoryBps: 10_000, diskBps: 0, height: 0n, version }
    expect(fitStatus({ ...wrong, version: `é${'x'.repeat(200)}` })).to.deep.equal(right)
  })

  it('is looked up once for several intakes that ask within a second', async () => {
    let asked = 0
    const answer: RequestListener = (_request, response) => {
      asked += 1
      response.end(`{"result":"0x${asked}"}`)
    }
    await withNode(answer, async (nodeRpc) => {
      const clock = testClock(0)
      const status = statusOf({ version: 'a/1', nodeRpc, clock })
      const [one, two] = await Promise.all([status(), status()])
      expect(two).to.equal(one)
      clock.advance(2)
      expect(await status()).to.include({ height: 2n })
    })
  })
})
