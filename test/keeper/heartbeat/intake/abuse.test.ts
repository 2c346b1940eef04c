import { expect } from 'chai'
import type { Logger } from '../../../../keeper/base/log.ts'
import type { HelloFrame } from '../../../../keeper/heartbeat/intake/frames.ts'
import { ATTEMPTS_PER_SESSION, DEFAULT_LIMITS } from '../../../../keeper/heartbeat/intake/limits.ts'
import {
  AUDIENCE,
  HOME,
  addressOf,
  connect,
  enter,
  loginFrame,
  nodeKey,
  openDesk,
  settled,
} from '../../../helpers/intake-desk.ts'
import type { Desk, Line, LoginLies } from '../../../helpers/intake-desk.ts'

const RELAY = 'https://relay.example'
const OTHER_REGISTRY = '0x8617E340B3D01FA5F11F306F4090FD50E238070D'

/** How a session ended: the refusal and the code of the close. */
function endOf({ heard, closed }: Line): [string, number | undefined] {
  const last = heard.at(-1)
  return [last?.t === 'refused' ? last.code : 'no refusal', closed?.code]
}

describe('a login that is not what it says', () => {
  let desk: Desk
  beforeEach(() => {
    desk = openDesk()
  })
  afterEach(() => desk.intake.close())

  const endFor = async (lies: LoginLies, index = 0): Promise<ReturnType<typeof endOf>> => {
    const line = connect(desk)
    await line.login(nodeKey(index), lies)
    expect(line.session.node).to.equal(undefined)
    expect(desk.intake.figures()).to.deep.include({ sessions: 0, nodes: 0 })
    return endOf(line)
  }

  it('with the key of another node is LOGIN_INVALID: nobody beats for another', async () => {
    expect(await endFor({ node: addressOf(nodeKey(1)) })).to.deep.equal(['LOGIN_INVALID', 4_401])
    const said = { node: addressOf(nodeKey(1)) }
    expect(await endFor({ said })).to.deep.equal(['LOGIN_INVALID', 4_401])
  })

  it('for another chain or another registry is LOGIN_INVALID and names ours', async () => {
    for (const home of [{ ...HOME, chainId: 1 }, { ...HOME, registry: OTHER_REGISTRY } as const]) {
      const line = connect(desk)
      await line.login(nodeKey(0), { home })
      const refusal = line.heard.at(-1)
      expect(endOf(line)[0]).to.equal('LOGIN_INVALID')
      expect(refusal?.t === 'refused' && refusal.message).to.contain(`chain ${HOME.chainId}`)
    }
  })

  it('relayed by another intake is LOGIN_AUDIENCE, and LOGIN_INVALID when the relay lies about it', async () => {
    expect(await endFor({ audience: RELAY })).to.deep.equal(['LOGIN_AUDIENCE', 4_403])
    expect(await endFor({ audience: RELAY, said: { audience: AUDIENCE } })).to.deep.equal([
      'LOGIN_INVALID',
      4_401,
    ])
  })

  it('with the challenge of another connection is LOGIN_INVALID: what was overheard is worth nothing', async () => {
    const victim = connect(desk)
    const overheard = await loginFrame(victim.heard[0] as HelloFrame, nodeKey(0), {})
    const thief = connect(desk)
    thief.send(overheard)
    await settled()
    expect(endOf(thief)).to.deep.equal(['LOGIN_INVALID', 4_401])
    victim.send(overheard)
    await settled()
    expect(victim.session.node).to.equal(addressOf(nodeKey(0)))
    const again = connect(desk)
    again.send(overheard)
    await settled()
    expect(endOf(again)).to.deep.equal(['LOGIN_INVALID', 4_401])
  })

  it('that comes a second time on its connection is CHALLENGE_USED, after a good and beside a running one', async () => {
    const line = await enter(desk)
    line.send(await loginFrame(line.heard[0] as HelloFrame, nodeKey(0), {}))
    expect(endOf(line)).to.deep.equal(['CHALLENGE_USED', 4_401])
    const twice = connect(desk)
    const frame = await loginFrame(twice.heard[0] as HelloFrame, nodeKey(0), {})
    twice.send(frame)
    twice.send(frame)
    await settled()
    expect(endOf(twice)).to.deep.equal(['CHALLENGE_USED', 4_401])
    expect(desk.intake.figures()).to.deep.include({ sessions: 0, nodes: 0 })
  })

  it('after 30 s is LOGIN_TIMEOUT, and so is none at all', async () => {
    const { challengeMs } = DEFAULT_LIMITS
    const [late, never, soon] = [connect(desk), connect(desk), connect(desk)]
    desk.real.advance(challengeMs / 1000)
    await soon.login(nodeKey(0))
    expect(soon.session.node).to.equal(addressOf(nodeKey(0)))
    desk.intake.sweep()
    expect(never.closed).to.equal(undefined)
    desk.real.advance(0.001)
    await late.login(nodeKey(1))
    expect(endOf(late)).to.deep.equal(['LOGIN_TIMEOUT', 4_408])
    desk.intake.sweep()
    expect(endOf(never)).to.deep.equal(['LOGIN_TIMEOUT', 4_408])
  })

  it('of a node that is unknown or removed is refused by name; one that is pending may come', async () => {
    desk.members.set(addressOf(nodeKey(0)), 'unknown')
    desk.members.set(addressOf(nodeKey(1)), 'removed')
    desk.members.set(addressOf(nodeKey(2)), 'pending')
    expect(await endFor({}, 0)).to.deep.equal(['NODE_UNKNOWN', 4_404])
    expect(await endFor({}, 1)).to.deep.equal(['NODE_REMOVED', 4_410])
    expect((await enter(desk, 2)).session.node).to.equal(addressOf(nodeKey(2)))
  })

  it('while the roster cannot be read is ROSTER_UNREAD and tells nothing of the reason', async () => {
    desk.roster.before = () => Promise.reject(new TypeError('connect ECONNREFUSED 10.0.0.1'))
    const line = connect(desk)
    await line.login(nodeKey(0))
    expect(endOf(line)).to.deep.equal(['ROSTER_UNREAD', 4_503])
    expect(JSON.stringify(line.heard)).to.not.contain('10.0.0.1')
  })

  it('whose roster never answers is given up after a while', async () => {
    desk.roster.before = () => new Promise(() => {})
    const line = connect(desk)
    await line.login(nodeKey(0))
    desk.real.advance(90.1)
    desk.intake.sweep()
    expect(endOf(line)).to.deep.equal(['LOGIN_TIMEOUT', 4_408])
  })
})

describe('a flood', () => {
  let desk: Desk
  afterEach(() => desk.intake.close())

  it('of frames on a session ends that session and no other', async () => {
    desk = openDesk()
    const [flooder, honest] = [await enter(desk, 0), await enter(desk, 1)]
    for (let n = 1; n <= 10_000; n += 1) flooder.send({ t: 'ping', n })
    honest.send({ t: 'ping', n: 1 })
    expect(endOf(flooder)).to.deep.equal(['RATE_LIMITED', 4_429])
    // The login was the first of them.
    expect(flooder.heard.filter(({ t }) => t === 'pong')).to.have.length(
      DEFAULT_LIMITS.frameBurst - 1,
    )
    expect(honest.heard.at(-1)).to.deep.equal({ t: 'pong', n: 1 })
  })

  it('of pings at three times their pace is borne', async () => {
    desk = openDesk()
    const line = await enter(desk)
    for (let n = 1; n <= 1_000; n += 1) {
      desk.real.advance(5)
      line.send({ t: 'ping', n })
    }
    expect(line.closed).to.equal(undefined)
  })

  it('of connections from one address is ADDRESS_FULL beyond 64, and others come in', () => {
    desk = openDesk()
    const { maxSessionsPerAddress: most } = DEFAULT_LIMITS
    const lines = Array.from({ length: most + 1 }, () => connect(desk, '192.0.2.1'))
    expect(lines.filter(({ closed }) => closed !== undefined)).to.have.length(1)
    expect(endOf(lines[most] as Line)).to.deep.equal(['ADDRESS_FULL', 4_429])
    lines[most]?.session.ended()
    expect(endOf(connect(desk, '192.0.2.1'))).to.deep.equal(['ADDRESS_FULL', 4_429])
    expect(connect(desk, '192.0.2.2').kinds()).to.deep.equal(['hello'])
    lines[0]?.session.ended()
    expect(connect(desk, '192.0.2.1').kinds()).to.deep.equal(['hello'])
  })

  it('of connections from one IPv6 network is one address, however many it has', () => {
    desk = openDesk({ limits: { maxSessionsPerAddress: 2 } })
    const lines = ['2001:db8::1', '2001:db8::2', '2001:0db8:0:0:ffff::3', '2001:db8:0:1::1'].map(
      (address) => connect(desk, address),
    )
    expect(lines.map(({ closed }) => closed?.reason)).to.deep.equal([
      undefined,
      undefined,
      'ADDRESS_FULL',
      undefined,
    ])
  })

  it('of false logins from one address costs at most 128 signatures, then none until some are due again', async () => {
    desk = openDesk()
    const attempts = ATTEMPTS_PER_SESSION * DEFAULT_LIMITS.maxSessionsPerAddress
    const lie = { said: { signature: `0x${'11'.repeat(64)}1b` } }
    for (let i = 0; i < attempts + 20; i += 1) await connect(desk).login(nodeKey(0), lie)
    const { refused } = desk.intake.figures()
    expect(refused).to.deep.equal({ LOGIN_INVALID: attempts, RATE_LIMITED: 20 })
    const elsewhere = await enter(desk, 0, '198.51.100.1')
    expect(elsewhere.session.node).to.equal(addressOf(nodeKey(0)))
    desk.real.advance(1)
    expect((await enter(desk)).session.node).to.equal(addressOf(nodeKey(0)))
  }).timeout(20_000)

  it('of good logins of one node is RATE_LIMITED after 20, and false ones in its name do not count', async () => {
    desk = openDesk()
    const { loginBurst } = DEFAULT_LIMITS
    const lie = { said: { signature: `0x${'11'.repeat(64)}1b` } }
    for (let i = 0; i < 30; i += 1) await connect(desk, '198.51.100.1').login(nodeKey(0), lie)
    for (let i = 0; i < loginBurst; i += 1) await enter(desk)
    expect(endOf(await enter(desk))).to.deep.equal(['RATE_LIMITED', 4_429])
    desk.real.advance(5)
    expect((await enter(desk)).session.node).to.equal(addressOf(nodeKey(0)))
  }).timeout(20_000)

  it('of connections that never log in gives way to those that come: the oldest goes', async () => {
    desk = openDesk({ limits: { maxWaiting: 3, maxSessions: 6 } })
    const silent = [1, 2, 3].map((i) => connect(desk, `192.0.2.${i}`))
    expect(endOf(connect(desk, '192.0.2.9'))).to.deep.equal(['INTAKE_FULL', 4_503])
    desk.real.advance(2)
    const line = await enter(desk, 0, '192.0.2.9')
    expect(line.session.node).to.equal(addressOf(nodeKey(0)))
    expect(silent.map(({ closed }) => closed?.code)).to.deep.equal([4_503, undefined, undefined])
  })

  it('cannot push out who is logged in: then the intake is full', async () => {
    desk = openDesk({ limits: { maxSessions: 2, maxWaiting: 2 } })
    const lines = [await enter(desk, 0), await enter(desk, 1)]
    desk.real.advance(3)
    expect(endOf(connect(desk, '192.0.2.9'))).to.deep.equal(['INTAKE_FULL', 4_503])
    expect(lines.map(({ closed }) => closed)).to.deep.equal([undefined, undefined])
  })

  it('of refusals is counted and writes nothing into the log of a running intake', () => {
    const { log, lines } = readableLog()
    desk = openDesk({ log })
    for (let i = 0; i < 200; i += 1) connect(desk, `198.51.100.${i}`).send('{')
    expect(lines).to.deep.equal([])
    expect(desk.intake.figures().refused).to.deep.equal({ FRAME_INVALID: 200 })
  })

  it('of logins while the roster cannot be read writes one line a minute', async () => {
    const { log, lines } = readableLog()
    desk = openDesk({ log })
    desk.roster.before = () => Promise.reject(new TypeError('the chain is away'))
    for (let i = 0; i < 10; i += 1) await connect(desk).login(nodeKey(0))
    expect(lines).to.deep.equal(['roster-unread'])
    expect(desk.intake.figures().refused).to.deep.equal({ ROSTER_UNREAD: 10 })
  })
})

/** The names of the events that an operator sees: debugging is left out. */
function readableLog(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const write = (_facts: object, event: string): void => void lines.push(event)
  const log: Logger = {
    debug: () => {},
    info: write,
    warn: write,
    error: write,
    child: () => log,
  }
  return { log, lines }
}
