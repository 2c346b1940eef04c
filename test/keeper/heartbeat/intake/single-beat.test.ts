import { expect } from 'chai'
import { SECONDS_PER_HOUR } from '../../../../keeper/base/time.ts'
import { DEFAULT_LIMITS } from '../../../../keeper/heartbeat/intake/limits.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import {
  AUDIENCE,
  HOME,
  HOUR_START,
  addressOf,
  beatBody,
  enter,
  nodeKey,
  openDesk,
} from '../../../helpers/intake-desk.ts'
import type { Desk } from '../../../helpers/intake-desk.ts'

const HOUR = HOUR_START / SECONDS_PER_HOUR
const INTERVAL_SECONDS = 45
const ADDRESS = '192.0.2.1'

describe('a single signed beat', () => {
  let desk: Desk
  beforeEach(() => {
    desk = openDesk()
  })
  afterEach(() => desk.intake.close())

  const pass = (seconds: number): void => {
    desk.clock.advance(seconds)
    desk.real.advance(seconds)
  }
  const send = (body: unknown, address = ADDRESS): Promise<{ hour: number; count: number }> =>
    desk.intake.beat(body, address)
  const codeFor = async (body: unknown): Promise<string> => (await rejectionOf(send(body))).code
  const good = (lies: Parameters<typeof beatBody>[2] = {}): Promise<Record<string, unknown>> =>
    beatBody(desk, nodeKey(0), lies)

  it('counts one in its hour, and the next after the interval one more', async () => {
    expect(await send(await good())).to.deep.equal({ hour: HOUR, count: 1 })
    pass(INTERVAL_SECONDS)
    expect(await send(await good())).to.deep.equal({ hour: HOUR, count: 2 })
    expect(desk.intake.figures().counted).to.equal(2)
  })

  it('again within the interval is BEAT_TOO_SOON, also beside a session', async () => {
    await send(await good())
    pass(29)
    expect(await codeFor(await good())).to.equal('BEAT_TOO_SOON')
    pass(1)
    expect(await send(await good())).to.deep.equal({ hour: HOUR, count: 2 })
    const line = await enter(desk)
    for (let n = 1; n <= 3; n += 1) line.send({ t: 'ping', n })
    line.send({ t: 'status', n: 3, cpuBps: 0, memoryBps: 0, diskBps: 0, height: '0', version: '' })
    expect(line.heard.at(-1)).to.deep.include({ count: 2, why: 'too-soon' })
  })

  it('sent again is BEAT_REPLAYED, and so is one that was signed before the last', async () => {
    const earlier = await good({ at: desk.clock.nowMs() - 1 })
    const body = await good()
    await send(body)
    pass(INTERVAL_SECONDS)
    expect(await codeFor(body)).to.equal('BEAT_REPLAYED')
    expect(await codeFor(earlier)).to.equal('BEAT_REPLAYED')
  })

  it('that was refused as too soon may come again when it is due, once', async () => {
    await send(await good())
    pass(20)
    const early = await good()
    expect(await codeFor(early)).to.equal('BEAT_TOO_SOON')
    pass(25)
    expect((await send(early)).count).to.equal(2)
    expect(await codeFor(early)).to.equal('BEAT_REPLAYED')
  })

  it('from 60 s before or after is accepted, a millisecond further is named with the time here', async () => {
    const now = desk.clock.nowMs()
    const { skewMs } = DEFAULT_LIMITS
    const old = await rejectionOf(send(await good({ at: now - skewMs - 1 })))
    const future = await rejectionOf(send(await good({ at: now + skewMs + 1 })))
    expect([old.code, future.code]).to.deep.equal(['BEAT_TOO_OLD', 'BEAT_FROM_FUTURE'])
    expect(future.facts).to.deep.equal({ at: now + skewMs + 1, now, skewMs })
    expect((await send(await good({ at: now - skewMs }))).count).to.equal(1)
    pass(INTERVAL_SECONDS)
    expect((await send(await good({ at: desk.clock.nowMs() + skewMs }))).count).to.equal(2)
  })

  it('of another key, chain or registry is BEAT_INVALID, for another intake LOGIN_AUDIENCE', async () => {
    const other = addressOf(nodeKey(1))
    expect(await codeFor(await good({ node: other }))).to.equal('BEAT_INVALID')
    const chain = { ...HOME, chainId: 1 }
    expect(await codeFor(await good({ home: chain }))).to.equal('BEAT_INVALID')
    const registry = { ...HOME, registry: other }
    expect(await codeFor(await good({ home: registry }))).to.equal('BEAT_INVALID')
    const relayed = await good({ audience: 'https://relay.example' })
    expect(await codeFor(relayed)).to.equal('LOGIN_AUDIENCE')
    expect(await codeFor({ ...relayed, audience: AUDIENCE })).to.equal('BEAT_INVALID')
    expect(await codeFor({ ...(await good()), cpuBps: 1 })).to.equal('BEAT_INVALID')
    expect(desk.tally.countOf(addressOf(nodeKey(0)), HOUR)).to.equal(0)
  })

  it('of an unknown or removed node is refused by name', async () => {
    desk.members.set(addressOf(nodeKey(0)), 'unknown')
    expect(await codeFor(await good())).to.equal('NODE_UNKNOWN')
    desk.members.set(addressOf(nodeKey(0)), 'removed')
    expect(await codeFor(await good())).to.equal('NODE_REMOVED')
  })

  it('that is false does not use up the time of the node it names', async () => {
    const false_ = await good({ at: desk.clock.nowMs() + 50_000 })
    expect(await codeFor({ ...false_, cpuBps: 1 })).to.equal('BEAT_INVALID')
    expect((await send(await good())).count).to.equal(1)
  })

  it('sent twice at once counts once', async () => {
    const body = await good()
    const results = await Promise.allSettled([send(body), send(body), send(body)])
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    expect(desk.tally.countOf(addressOf(nodeKey(0)), HOUR)).to.equal(1)
  })

  it('is RATE_LIMITED in a flood from its address, and one from elsewhere is heard', async () => {
    const body = await good()
    const codes = await Promise.all(
      Array.from({ length: 200 }, () => codeFor({ ...body, audience: 'https://x.example' })),
    )
    expect(codes.filter((code) => code === 'RATE_LIMITED')).to.have.length(72)
    expect((await send(body, '198.51.100.1')).count).to.equal(1)
  })

  it('is not taken any more once the intake is closed', async () => {
    const body = await good()
    desk.intake.close()
    expect(await codeFor(body)).to.equal('INTAKE_STOPPING')
  })
})
