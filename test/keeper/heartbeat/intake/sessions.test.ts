import { expect } from 'chai'
import fc from 'fast-check'
import { SECONDS_PER_HOUR } from '../../../../keeper/base/time.ts'
import type { HelloFrame } from '../../../../keeper/heartbeat/intake/frames.ts'
import {
  AUDIENCE,
  HOME,
  HOUR_START,
  REPORTER,
  STATUS,
  addressOf,
  connect,
  enter,
  loginFrame,
  nodeKey,
  openDesk,
  settled,
} from '../../../helpers/intake-desk.ts'
import type { Desk, Line } from '../../../helpers/intake-desk.ts'

const HOUR = HOUR_START / SECONDS_PER_HOUR
const PING_SECONDS = 15
const STATUS_FRAME = { t: 'status', ...STATUS, height: '9' }

describe('a session', () => {
  let desk: Desk
  beforeEach(() => {
    desk = openDesk()
  })
  afterEach(() => desk.intake.close())

  const pass = (seconds: number): void => {
    desk.clock.advance(seconds)
    desk.real.advance(seconds)
  }
  /** One ping when it is due; a status when it is asked for. */
  const ping = (line: Line, n: number): void => {
    pass(PING_SECONDS)
    line.send({ t: 'ping', n })
    const pong = line.heard.at(-1)
    if (pong?.t === 'pong' && pong.ask) line.send({ ...STATUS_FRAME, n })
  }
  const countOf = (index: number): number => desk.tally.countOf(addressOf(nodeKey(index)), HOUR)

  it('begins with a hello that says for whom to sign, and a challenge', () => {
    const { heard } = connect(desk)
    const { challenge, ...facts } = heard[0] as HelloFrame
    expect(facts).to.deep.equal({
      t: 'hello',
      v: 1,
      ...HOME,
      reporter: REPORTER,
      at: HOUR_START * 1000,
      pingMs: 15_000,
      statusEvery: 3,
    })
    expect(challenge).to.match(/^0x[0-9a-f]{64}$/)
    expect((connect(desk).heard[0] as HelloFrame).challenge).to.not.equal(challenge)
  })

  it('of a compressed clock pings so much faster, and never faster than a node will take', () => {
    for (const [paceFactor, pingMs] of [
      [600, 25],
      [100_000, 5],
    ] as const) {
      const fast = openDesk({ paceFactor })
      expect((connect(fast).heard[0] as HelloFrame).pingMs).to.equal(pingMs)
      fast.intake.close()
    }
  })

  it('is open after the login; every third ping is asked for a status, which counts once (Z-40)', async () => {
    const line = await enter(desk)
    expect(line.session.node).to.equal(addressOf(nodeKey(0)))
    for (let n = 1; n <= 6; n += 1) ping(line, n)
    const round = ['pong', 'pong', 'pong', 'counted']
    expect(line.kinds()).to.deep.equal(['hello', 'welcome', ...round, ...round])
    expect(line.heard.at(-1)).to.deep.equal({ t: 'counted', hour: HOUR, count: 2 })
    expect(countOf(0)).to.equal(2)
  })

  it('of a whole hour comes to 80 counted beats, whatever the jitter of its pings (Z-40)', async () => {
    const line = await enter(desk)
    let n = 0
    for (let i = 0; i < 240; i += 1) {
      n += 1
      const jitter = n % 2 === 0 ? 5 : 0
      desk.clock.set(HOUR_START + i * PING_SECONDS + jitter)
      desk.real.set(i * PING_SECONDS + jitter)
      line.send({ t: 'ping', n })
      const pong = line.heard.at(-1)
      if (pong?.t === 'pong' && pong.ask) line.send({ ...STATUS_FRAME, n })
    }
    expect(countOf(0)).to.equal(80)
  })

  it('that is opened again goes on with the pings of the node: who flaps loses no beat', async () => {
    for (let round = 1; round <= 3; round += 1) {
      const line = await enter(desk)
      ping(line, 1)
      line.session.ended()
    }
    expect(countOf(0)).to.equal(1)
  })

  it('says how much of the hour is counted already when it is opened again', async () => {
    const line = await enter(desk)
    for (let n = 1; n <= 3; n += 1) ping(line, n)
    const again = await enter(desk)
    expect(again.heard[1]).to.deep.equal({ t: 'welcome', hour: HOUR, count: 1 })
  })

  it('that pings faster is asked more often, and counts no more than one beat an interval', async () => {
    const line = await enter(desk)
    for (let n = 1; n <= 240; n += 1) {
      pass(5)
      line.send({ t: 'ping', n })
      const pong = line.heard.at(-1)
      if (pong?.t === 'pong' && pong.ask) line.send({ ...STATUS_FRAME, n })
    }
    // 1,200 s hold 26 intervals of 45 s; the first beat counts at once and the last a third early.
    expect(countOf(0)).to.be.within(26, 27)
    expect(line.heard).to.deep.include({ t: 'counted', hour: HOUR, count: 1, why: 'too-soon' })
    expect(line.closed).to.equal(undefined)
  })

  it('counts no status that was not asked, and the one that was asked only once', async () => {
    const line = await enter(desk)
    line.send({ ...STATUS_FRAME, n: 1 })
    expect(line.heard.at(-1)).to.deep.equal({
      t: 'counted',
      hour: HOUR,
      count: 0,
      why: 'not-asked',
    })
    for (let n = 1; n <= 3; n += 1) ping(line, n)
    pass(60)
    line.send({ ...STATUS_FRAME, n: 3 })
    expect(line.heard.at(-1)).to.deep.equal({
      t: 'counted',
      hour: HOUR,
      count: 1,
      why: 'not-asked',
    })
  })

  it('answers a status that comes late without counting it, and waits for the one it asked last', async () => {
    const line = await enter(desk)
    for (let n = 1; n <= 6; n += 1) {
      pass(PING_SECONDS)
      line.send({ t: 'ping', n })
    }
    line.send({ ...STATUS_FRAME, n: 3 })
    line.send({ ...STATUS_FRAME, n: 6 })
    const counted = line.heard.slice(-2).map((frame) => (frame.t === 'counted' ? frame.why : ''))
    expect(counted).to.deep.equal(['not-asked', undefined])
  })

  it('ends when a newer login of the same node takes its place (4001)', async () => {
    const older = await enter(desk)
    const newer = await enter(desk, 0, '198.51.100.7')
    expect(older.closed).to.deep.equal({ code: 4_001, reason: 'replaced' })
    expect(newer.kinds()).to.deep.equal(['hello', 'welcome'])
    older.send({ t: 'ping', n: 1 })
    older.session.ended()
    expect(older.kinds()).to.deep.equal(['hello', 'welcome'])
    newer.send({ t: 'ping', n: 1 })
    expect(newer.heard.at(-1)).to.deep.equal({ t: 'pong', n: 1 })
    expect(desk.intake.figures()).to.deep.include({ sessions: 1, nodes: 1 })
  })

  it('of two logins at once of one node, exactly one stays', async () => {
    const lines = [connect(desk), connect(desk)]
    const frames = await Promise.all(
      lines.map(({ heard }) => loginFrame(heard[0] as HelloFrame, nodeKey(0), {})),
    )
    lines.forEach((line, i) => line.send(frames[i] ?? ''))
    await settled()
    expect(lines.map(({ closed }) => closed?.code)).to.have.members([4_001, undefined])
    expect(desk.intake.figures()).to.deep.include({ sessions: 1, nodes: 1 })
  })

  it('refuses a ping or a status before the welcome, also while the login is being checked', async () => {
    const eager = connect(desk)
    eager.send({ t: 'ping', n: 1 })
    expect(eager.kinds()).to.deep.equal(['hello', 'FRAME_UNEXPECTED'])
    const racing = connect(desk)
    racing.send(await loginFrame(racing.heard[0] as HelloFrame, nodeKey(0), {}))
    racing.send({ ...STATUS_FRAME, n: 1 })
    await settled()
    expect(racing.kinds()).to.deep.equal(['hello', 'FRAME_UNEXPECTED'])
    expect(racing.closed).to.deep.equal({ code: 4_400, reason: 'FRAME_UNEXPECTED' })
    expect(desk.intake.figures()).to.deep.include({ sessions: 0, nodes: 0, counted: 0 })
  })

  it('that ended while its login was checked does not come to life', async () => {
    const older = await enter(desk)
    const line = connect(desk)
    line.send(await loginFrame(line.heard[0] as HelloFrame, nodeKey(0), {}))
    line.session.ended()
    await settled()
    expect(line.kinds()).to.deep.equal(['hello'])
    expect(older.closed).to.equal(undefined)
    expect(desk.intake.figures()).to.deep.include({ sessions: 1, nodes: 1 })
  })

  it('is told what is for its node, and only while it is connected', async () => {
    const line = await enter(desk)
    const node = addressOf(nodeKey(0))
    expect(desk.intake.tell(node, { t: 'receipt', receipt: { hour: 1 } })).to.equal(true)
    expect(line.heard.at(-1)).to.deep.equal({ t: 'receipt', receipt: { hour: 1 } })
    line.session.ended()
    expect(desk.intake.tell(node, { t: 'receipt', receipt: {} })).to.equal(false)
    expect(desk.intake.tell(addressOf(nodeKey(5)), { t: 'receipt', receipt: {} })).to.equal(false)
  })

  it('of a node that is removed ends at the next look at the roster; others stay', async () => {
    const [gone, forgotten, stays] = [await enter(desk), await enter(desk, 1), await enter(desk, 2)]
    desk.members.set(addressOf(nodeKey(0)), 'removed')
    desk.members.set(addressOf(nodeKey(1)), 'unknown')
    desk.members.set(addressOf(nodeKey(2)), 'pending')
    await desk.intake.recheck()
    const ends = [gone, forgotten, stays].map(({ closed }) => closed?.code)
    expect(ends).to.deep.equal([4_410, 4_404, undefined])
  })

  it('of a node that was removed and added again begins anew: nothing is kept of who is gone', async () => {
    const node = addressOf(nodeKey(0))
    const before = await enter(desk)
    for (let n = 1; n <= 2; n += 1) ping(before, n)
    desk.members.set(node, 'removed')
    await desk.intake.recheck()
    desk.members.set(node, 'active')
    const after = await enter(desk)
    for (let n = 1; n <= 3; n += 1) ping(after, n)
    expect(after.kinds()).to.deep.equal(['hello', 'welcome', 'pong', 'pong', 'pong', 'counted'])
  })

  it('stays while the roster cannot be read', async () => {
    const line = await enter(desk)
    desk.roster.before = () => Promise.reject(new TypeError('the chain is away'))
    await desk.intake.recheck()
    expect(line.closed).to.equal(undefined)
  })

  it('that sends nothing for four pings is closed, one that pings is not', async () => {
    const [silent, alive] = [await enter(desk, 0), await enter(desk, 1)]
    for (let n = 1; n <= 4; n += 1) ping(alive, n)
    desk.intake.sweep()
    expect(silent.closed).to.equal(undefined)
    pass(1)
    desk.intake.sweep()
    expect(silent.kinds().at(-1)).to.equal('SESSION_IDLE')
    expect(alive.closed).to.equal(undefined)
  })

  it('ends with INTAKE_STOPPING when the intake is closed, and none is opened after that', async () => {
    const line = await enter(desk)
    desk.intake.close()
    expect(line.closed).to.deep.equal({ code: 4_503, reason: 'INTAKE_STOPPING' })
    expect(connect(desk).kinds()).to.deep.equal(['INTAKE_STOPPING'])
    expect(desk.intake.figures()).to.deep.include({ sessions: 0, nodes: 0 })
  })

  it('whose connection throws at everything harms nobody', async () => {
    const broken = desk.intake.open({
      address: '192.0.2.9',
      send: () => {
        throw new TypeError('the socket is gone')
      },
      close: () => {
        throw new TypeError('the socket is gone')
      },
    })
    broken.receive('{')
    expect(desk.intake.figures().sessions).to.equal(0)
    expect((await enter(desk)).kinds()).to.deep.equal(['hello', 'welcome'])
  })

  it('with a fault of ours in it ends as INTERNAL and tells a stranger nothing about it', async () => {
    const line = await enter(desk)
    desk.tally.count = () => {
      throw new TypeError('secret internals')
    }
    for (let n = 1; n <= 3; n += 1) ping(line, n)
    expect(line.kinds().at(-1)).to.equal('INTERNAL')
    expect(JSON.stringify(line.heard.at(-1))).to.not.contain('secret')
    expect(line.closed?.code).to.equal(4_500)
  })

  it('survives any frames in any order: nothing is thrown and the figures add up', async () => {
    const frame = fc.oneof(
      fc.string(),
      fc.json({ maxDepth: 3 }),
      fc.record({ t: fc.constantFrom('ping', 'status', 'login', 'hello'), n: fc.nat(5) }),
      fc.nat(5).map((n) => ({ ...STATUS_FRAME, n })),
      fc.constant({ t: 'login', node: HOME.registry, audience: AUDIENCE, signature: '0x' }),
    )
    const script = fc.array(frame, { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(script, fc.boolean(), async (frames, isIn) => {
        const line = isIn ? await enter(desk) : connect(desk)
        pass(300)
        for (const given of frames) line.send(given)
        const isOpen = line.closed === undefined
        expect(desk.intake.figures().sessions).to.equal(isOpen ? 1 : 0)
        line.session.ended()
        expect(desk.intake.figures()).to.deep.include({ sessions: 0, nodes: 0 })
      }),
      { numRuns: 300 },
    )
  }).timeout(20_000)
})
