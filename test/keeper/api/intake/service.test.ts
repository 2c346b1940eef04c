import { expect } from 'chai'
import { openWatch } from '../../../../keeper/api/watch.ts'
import { hourOf } from '../../../../keeper/base/time.ts'
import { nodeKey } from '../../../helpers/intake-desk.ts'
import { connectNode, openBench, post, postBeat } from '../../../helpers/intake-service.ts'
import type { Bench } from '../../../helpers/intake-service.ts'
import { testLog } from '../../../helpers/logs.ts'
import { FIRST_CUT } from '../../../helpers/muster.ts'

const NOW = FIRST_CUT + 1_200

describe('the intake over real sockets', function () {
  this.timeout(60_000)
  let bench: Bench
  before(async () => {
    bench = await openBench({ at: NOW, nodes: 5 })
  })
  after(() => bench.close())

  it('a node logs in by its key, and its answered pings are counted in the hour of the intake (Z-40)', async () => {
    const node = await connectNode(bench.url)
    const welcome = await node.login(nodeKey(0))
    expect(welcome).to.deep.include({ hour: hourOf(NOW), count: 0 })
    expect(await node.beat()).to.deep.equal({ t: 'counted', hour: hourOf(NOW), count: 1 })
    expect(await node.beat()).to.deep.include({ count: 1, why: 'too-soon' })
    expect(bench.service.figures()).to.deep.include({ nodes: 1, counted: 1 })
    node.end()
    await node.closed
  })

  it('a single signed beat counts by HTTP; its errors carry the code, as everywhere', async () => {
    const now = bench.keeper.clock.nowMs()
    const first = await postBeat(bench, nodeKey(1))
    expect(first).to.deep.equal({ status: 200, json: { hour: hourOf(NOW), count: 1 } })
    const codes = []
    codes.push(await postBeat(bench, nodeKey(1), { at: now - 1 }))
    codes.push(await postBeat(bench, nodeKey(1)))
    codes.push(await postBeat(bench, nodeKey(2), { at: now + 120_000 }))
    codes.push(await postBeat(bench, nodeKey(2), { at: now - 120_000 }))
    codes.push(await postBeat(bench, nodeKey(2), { audience: 'https://other.example' }))
    codes.push(await postBeat(bench, nodeKey(77)))
    expect(codes.map(({ status, json }) => [status, json.error?.code])).to.deep.equal([
      [409, 'BEAT_REPLAYED'],
      [429, 'BEAT_TOO_SOON'],
      [422, 'BEAT_FROM_FUTURE'],
      [422, 'BEAT_TOO_OLD'],
      [403, 'LOGIN_AUDIENCE'],
      [404, 'NODE_UNKNOWN'],
    ])
  })

  it('a body that is no beat is refused by name: broken, too long, of another kind', async () => {
    const bodies = [
      '{',
      '[]',
      '{"__proto__":{"node":1}}',
      JSON.stringify({ node: 'x'.repeat(3_000) }),
    ]
    const answers = await Promise.all(bodies.map((body) => post(bench.url, body)))
    expect(answers.map(({ status, json }) => [status, json.error?.code])).to.deep.equal([
      [400, 'FRAME_INVALID'],
      [400, 'FRAME_INVALID'],
      [400, 'FRAME_INVALID'],
      [413, 'FRAME_TOO_LARGE'],
    ])
    const text = await fetch(`${bench.url}/v1/beat`, { method: 'POST', body: 'beat' })
    expect(text.status).to.equal(400)
    const other = await fetch(`${bench.url}/v1/other`)
    expect([
      other.status,
      ((await other.json()) as { error: { code: string } }).error.code,
    ]).to.deep.equal([404, 'ROUTE_UNKNOWN'])
  })

  it('GET /v1/hello says for whom to sign, and nothing that could be signed', async () => {
    const hello = (await (await fetch(`${bench.url}/v1/hello`)).json()) as Record<string, unknown>
    expect(hello).to.include({ v: 1, chainId: 31_337, pingMs: 15_000, statusEvery: 3 })
    expect(hello['reporter']).to.equal(bench.keeper.reporter.address)
    expect(hello).to.not.have.property('challenge')
  })

  it('a newer login takes the place of the older session', async () => {
    const [older, newer] = [await connectNode(bench.url), await connectNode(bench.url)]
    await older.login(nodeKey(3))
    await newer.login(nodeKey(3))
    expect(await older.closed).to.deep.equal({ code: 4_001, reason: 'replaced' })
    expect(await newer.beat()).to.include({ count: 1 })
    newer.end()
  })

  it('who asks for receipts without any gets an empty list; a range that runs backwards is refused', async () => {
    const path = `${bench.url}/v1/receipts/${nodeKey(0).address}`
    const none = await fetch(path)
    expect([none.status, await none.json()]).to.deep.equal([200, { receipts: [] }])
    const present = await fetch(`${path}?from=${hourOf(NOW)}`)
    expect([present.status, await present.json()]).to.deep.equal([200, { receipts: [] }])
    expect((await fetch(`${path}?from=9&to=8`)).status).to.equal(400)
    expect((await fetch(`${bench.url}/v1/receipts/nobody`)).status).to.equal(400)
  })

  it('shows its figures on the page for monitors: nodes, beats, and what was refused by code', async () => {
    const watch = await openWatch({ ...bench.keeper.config, opsPort: 0 }, testLog)
    try {
      const page = async (): Promise<string[]> =>
        (await (await fetch(`http://127.0.0.1:${watch.port}/metrics`)).text()).split('\n')
      watch.followIntake(bench.service)
      const node = await connectNode(bench.url)
      await node.login(nodeKey(4))
      await post(bench.url, '{')
      const lines = await page()
      const { counted, refused } = bench.service.figures()
      expect(lines).to.include.members([
        'muster_intake_nodes 1',
        'muster_intake_sessions 1',
        `muster_intake_beats_total ${counted}`,
        `muster_intake_refused_total{code="BEAT_REPLAYED"} ${refused['BEAT_REPLAYED']}`,
        'muster_intake_hours_total{result="heard"} 0',
      ])
      node.end()
    } finally {
      await watch.close()
    }
  })
})
