import { expect } from 'chai'
import { Wallet } from 'ethers'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'
import type { ErrorCode } from '../../../../keeper/base/error-catalogue.ts'
import { systemClock } from '../../../../keeper/base/time.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { QUICK_RULE, openTestIntake, runAgent, until } from '../../../helpers/beating.ts'
import type { RunningAgent, TestIntake, TestIntakeOptions } from '../../../helpers/beating.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { HOME } from '../../../helpers/intake-desk.ts'
import { freshDb } from '../../../helpers/store.ts'

const OTHER_REPORTER = '0x71C7656EC7ab88b098defB751B7401B5f6d8976F'
const OTHER_REGISTRY = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'

describe('a validator’s agent', function () {
  this.timeout(60_000)
  let db: Db
  const open: { close(): Promise<void> }[] = []

  before(async () => {
    db = await freshDb()
  })
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each.close()
  })
  after(() => db.close())

  async function intakeWith(options: TestIntakeOptions = {}): Promise<TestIntake> {
    const intake = await openTestIntake({ db, ...options })
    open.push(intake)
    return intake
  }

  function agentOf(...args: Parameters<typeof runAgent>): RunningAgent {
    const agent = runAgent(...args)
    open.push({ close: () => agent.stop() })
    return agent
  }

  const faultOf = (agent: RunningAgent, link = 0): ErrorCode | undefined =>
    agent.state().links[link]?.fault?.code

  it('Z-40 says hello, logs in and beats once for every third ping, until it is stopped', async () => {
    const intake = await intakeWith()
    const agent = agentOf([intake.url])
    const startedMs = systemClock.nowMs()
    await until('five beats', () => intake.countOf(agent.node) >= 5)
    const took = systemClock.nowMs() - startedMs
    expect(took).to.be.least(4 * QUICK_RULE.pingMs * QUICK_RULE.statusEvery)
    const [link] = agent.state().links
    expect(link).to.include({ phase: 'beating', sessions: 1, url: intake.url })
    await agent.stop()
    await agent.done
    expect(agent.state().links[0]).to.include({ phase: 'stopped' })
    await until('the session ends', () => intake.intake.figures().sessions === 0)
  })

  it('beats to several intakes at once, and one that is gone takes nothing from the others', async () => {
    const one = await intakeWith()
    const two = await intakeWith({ reporter: OTHER_REPORTER })
    const agent = agentOf([one.url, `ws://localhost:${two.port}`])
    await until('both count', () => one.countOf(agent.node) >= 2 && two.countOf(agent.node) >= 2)
    open.splice(open.indexOf(one), 1)
    await one.close()
    await until('it waits for the first', () => agent.state().links[0]?.phase === 'waiting')
    const counted = two.countOf(agent.node)
    await until('the second counts on', () => two.countOf(agent.node) >= counted + 3)
    expect(agent.state().links[1]).to.include({ phase: 'beating', sessions: 1 })
  })

  it('finds back to an intake that was restarted, which goes on where it stopped', async () => {
    const first = await intakeWith()
    const agent = agentOf([first.url])
    await until('beats', () => first.countOf(agent.node) >= 3)
    const before = first.countOf(agent.node)
    open.splice(open.indexOf(first), 1)
    await first.close()
    await until('it is told', () => faultOf(agent) !== undefined)
    const second = await intakeWith({ port: first.port })
    await until('it beats again', () => second.countOf(agent.node) > before)
    const [link] = agent.state().links
    expect(link).to.include({ phase: 'beating' })
    expect(link?.sessions).to.be.least(2)
    expect(link?.fault).to.equal(undefined)
  })

  it('stands by with an intake that stands by, and beats as soon as it leads', async () => {
    const intake = await intakeWith()
    await intake.door.serve(undefined)
    const agent = agentOf([intake.url])
    await until('it is refused', () => faultOf(agent) === 'INTAKE_STANDBY')
    const { intake: served } = intake
    await intake.door.serve({ intake: served, receiptsOf: async () => [], hourNow: () => 0 })
    await until('it beats', () => intake.countOf(agent.node) > 0)
  })

  it('waits long for a registry that does not know it, and beats once it does', async () => {
    const intake = await intakeWith()
    const key = walletSigner(Wallet.createRandom().privateKey)
    intake.members.set(key.address, 'unknown')
    const agent = agentOf([intake.url], { key })
    await until('it is refused', () => faultOf(agent) === 'NODE_UNKNOWN')
    const [link] = agent.state().links
    expect(link).to.include({ phase: 'waiting', sessions: 0 })
    expect(link?.retryInMs).to.be.within(1_000, 2_000)
    expect(link?.fault?.message).to.include(key.address)
    intake.members.set(key.address, 'pending')
    await until('it beats', () => intake.countOf(agent.node) > 0)
  })

  it('stops when the signature is not its own: another key than it says', async () => {
    const intake = await intakeWith()
    const key = walletSigner(Wallet.createRandom().privateKey)
    const stranger = walletSigner(Wallet.createRandom().privateKey)
    const liar = { address: key.address, signTypedData: stranger.signTypedData }
    const agent = agentOf([intake.url], { key: liar })
    const fault = await rejectionOf(agent.done)
    expect(fault).to.include({ code: 'LOGIN_INVALID', exitCode: 77 })
    expect(agent.state().links[0]).to.include({ phase: 'stopped', sessions: 0 })
    expect(intake.countOf(key.address)).to.equal(0)
  })

  it('signs nothing for another chain or registry than its owner named', async () => {
    const intake = await intakeWith()
    for (const wrong of [{ chainId: 1 }, { registry: OTHER_REGISTRY } as const]) {
      const key = walletSigner(Wallet.createRandom().privateKey)
      const signTypedData = async (): Promise<never> => {
        throw new Error('it signed')
      }
      const agent = agentOf([intake.url], {
        key: { address: key.address, signTypedData },
        ...wrong,
      })
      const fault = await rejectionOf(agent.done)
      expect(fault).to.include({ code: 'INTAKE_OTHER_CHAIN', exitCode: 78 })
      expect(fault.facts).to.include({ chainId: HOME.chainId, registry: HOME.registry })
    }
    const right = agentOf([intake.url], { chainId: HOME.chainId, registry: HOME.registry })
    await until('it beats', () => intake.countOf(right.node) > 0)
  })

  it('goes on with the others when one intake refuses it for good', async () => {
    const wrong = await intakeWith({ registry: OTHER_REGISTRY })
    const right = await intakeWith()
    const agent = agentOf([wrong.url, right.url], { registry: HOME.registry })
    await until('one stopped', () => agent.state().links[0]?.phase === 'stopped')
    const counted = right.countOf(agent.node)
    await until('the other counts', () => right.countOf(agent.node) > counted + 2)
    await agent.stop()
    await agent.done
  })

  it('never stops for good once it was welcome: a wrong set-up of the intake may be repaired', async () => {
    const first = await intakeWith()
    const agent = agentOf([first.url], { registry: HOME.registry })
    await until('beats', () => first.countOf(agent.node) >= 1)
    open.splice(open.indexOf(first), 1)
    await first.close()
    const wrong = await openTestIntake({ db, port: first.port, registry: OTHER_REGISTRY })
    await until('it is another registry', () => faultOf(agent) === 'INTAKE_OTHER_CHAIN')
    expect(agent.state().links[0]).to.include({ phase: 'waiting' })
    await wrong.close()
    const again = await intakeWith({ port: first.port })
    const counted = again.countOf(agent.node)
    await until('it beats again', () => again.countOf(agent.node) > counted)
  })

  it('leaves the place to a second agent with its key and comes back after a long wait', async () => {
    const intake = await intakeWith()
    const key = walletSigner(Wallet.createRandom().privateKey)
    const one = agentOf([intake.url], { key })
    await until('one beats', () => intake.countOf(key.address) > 0)
    const two = agentOf([intake.url], { key })
    await until('one is told', () => faultOf(one) === 'SESSION_REPLACED')
    expect(one.state().links[0]?.retryInMs).to.be.least(1_000)
    expect(two.state().links[0]).to.include({ phase: 'beating' })
    expect(intake.intake.figures().nodes).to.equal(1)
  })

  describe('against what is no intake', () => {
    async function listen(server: Server): Promise<string> {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const sockets = new Set<{ destroy(): void }>()
      server.on('connection', (socket) => sockets.add(socket))
      open.push({
        close: async () => {
          for (const socket of sockets) socket.destroy()
          server.close()
        },
      })
      return `http://127.0.0.1:${(server.address() as { port: number }).port}`
    }

    async function serve(onSocket: (socket: WebSocket) => void): Promise<string> {
      const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
      await once(server, 'listening')
      server.on('connection', onSocket)
      open.push({ close: async () => server.close() })
      return `http://127.0.0.1:${(server.address() as { port: number }).port}`
    }

    const speak = (say: readonly (string | Buffer)[]): Promise<string> =>
      serve((socket) => say.forEach((each) => socket.send(each)))

    const told = { reporter: OTHER_REPORTER, at: 0, pingMs: 30, statusEvery: 3 }
    const hello = { t: 'hello', v: 1, ...HOME, ...told, challenge: `0x${'11'.repeat(32)}` }
    const strange: readonly [what: string, say: (string | Buffer)[]][] = [
      ['that speaks no JSON', ['<html>']],
      ['that speaks JSON of its own', ['{"jsonrpc":"2.0"}']],
      ['of another version', [JSON.stringify({ ...hello, v: 2 })]],
      ['that wants a ping every 0 ms', [JSON.stringify({ ...hello, pingMs: 0 })]],
      ['that sends bytes', [Buffer.from('{}')]],
      ['that says hello twice', [JSON.stringify(hello), JSON.stringify(hello)]],
      ['that is welcoming before the login', ['{"t":"welcome","hour":1,"count":1}']],
    ]
    for (const [what, say] of strange) {
      it(`stops at one ${what}`, async () => {
        const agent = agentOf([await speak(say)])
        const fault = await rejectionOf(agent.done)
        expect(fault).to.include({ code: 'INTAKE_NOT_MUSTER', exitCode: 78 })
      })
    }

    it('gives up a line on which nothing is answered, and opens another', async () => {
      let [lines, pings] = [0, 0]
      const url = await serve((socket) => {
        lines += 1
        socket.send(JSON.stringify(hello))
        socket.on('message', (data: Buffer) => {
          if (data.toString().includes('ping')) pings += 1
          else socket.send('{"t":"welcome","hour":1,"count":0}')
        })
      })
      const agent = agentOf([url])
      await until('it is told', () => faultOf(agent) === 'INTAKE_UNREACHABLE')
      expect(agent.state().links[0]?.fault?.message).to.include('no answer to pings')
      expect(pings).to.be.above(3)
      await until('it is there again', () => lines >= 2)
    })

    it('keeps trying one that sends more than a frame holds', async () => {
      const agent = agentOf([await speak([`"${'x'.repeat(20_000)}"`])])
      await until('it is told', () => faultOf(agent) === 'INTAKE_UNREACHABLE')
    })

    it('shows a refusal without what would move the cursor, and keeps trying for an unknown code', async () => {
      const refused = { t: 'refused', code: 'NEW_CODE', message: 'too \u001b[2J new', wayOut: 'w' }
      const agent = agentOf([await speak([JSON.stringify(refused)])])
      await until('it is told', () => faultOf(agent) !== undefined)
      const { message, facts } = agent.state().links[0]?.fault ?? {}
      expect(message).to.include('too').and.not.include('\u001b')
      expect(facts).to.include({ refusal: 'NEW_CODE' })
    })

    it('keeps trying where a web server answers, or nobody, or one who hangs up', async () => {
      const web = await listen(
        createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')),
      )
      const hanging = await listen(createServer((socket) => socket.destroy()))
      const agent = agentOf([web, hanging, 'http://127.0.0.1:1'])
      await until('all are tried twice', () =>
        [0, 1, 2].every((link) => {
          const waits = agent.states.filter(({ links }) => links[link]?.phase === 'waiting')
          return waits.length >= 2 && faultOf(agent, link) === 'INTAKE_UNREACHABLE'
        }),
      )
    })
  })
})
