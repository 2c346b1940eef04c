import { expect } from 'chai'
import { Wallet } from 'ethers'
import { systemClock } from '../../../../keeper/base/time.ts'
import type { Clock } from '../../../../keeper/base/time.ts'
import { walletSigner } from '../../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../../keeper/store/db.ts'
import { QUICK_RULE, openTestIntake, runAgent, until } from '../../../helpers/beating.ts'
import type { RunningAgent, TestIntake, TestIntakeOptions } from '../../../helpers/beating.ts'
import { rejectionOf } from '../../../helpers/errors.ts'
import { freshDb } from '../../../helpers/store.ts'

const HOUR_MS = 3_600_000

describe('an agent that beats by HTTP', function () {
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

  function agentOf(url: string, options: Parameters<typeof runAgent>[1] = {}): RunningAgent {
    const agent = runAgent([url], { isHttp: true, ...options })
    open.push({ close: () => agent.stop() })
    return agent
  }

  it('signs each beat, and one an interval counts', async () => {
    const intake = await intakeWith()
    const agent = agentOf(intake.url)
    const startedMs = systemClock.nowMs()
    await until('five beats', () => intake.countOf(agent.node) >= 5)
    const took = systemClock.nowMs() - startedMs
    expect(took).to.be.least(4 * QUICK_RULE.pingMs * QUICK_RULE.statusEvery - QUICK_RULE.pingMs)
    expect(intake.intake.figures()).to.include({ sessions: 0 })
    const [link] = agent.state().links
    expect(link).to.include({ phase: 'beating', sessions: 1 })
    expect(link?.fault).to.equal(undefined)
  })

  it('beats by the intake’s time, whatever its own clock says, also when that is set', async () => {
    let aheadMs = 26 * HOUR_MS
    const clock: Clock = {
      ...systemClock,
      nowMs: () => systemClock.nowMs() + aheadMs,
      now: () => Math.floor((systemClock.nowMs() + aheadMs) / 1_000),
    }
    const own = await freshDb()
    open.push(own)
    const intake = await intakeWith({ clock, db: own })
    const agent = agentOf(intake.url)
    const counted = (): number => agent.states.filter(({ links }) => links[0]?.count).length
    await until('it beats', () => counted() >= 2)
    aheadMs += 20 * 60_000
    const before = counted()
    await until('it beats on', () => counted() >= before + 3)
    expect(agent.state().links[0]).to.include({ phase: 'beating' })
    expect(intake.intake.figures().refused).to.have.property('BEAT_TOO_OLD')
  })

  it('is refused like a session: another key stops it, an unknown node waits', async () => {
    const intake = await intakeWith()
    const key = walletSigner(Wallet.createRandom().privateKey)
    const stranger = walletSigner(Wallet.createRandom().privateKey)
    const liar = { address: key.address, signTypedData: stranger.signTypedData }
    const fault = await rejectionOf(agentOf(intake.url, { key: liar }).done)
    expect(fault).to.include({ code: 'BEAT_INVALID', exitCode: 77 })
    intake.members.set(stranger.address, 'removed')
    const removed = agentOf(intake.url, { key: stranger })
    await until('it waits', () => removed.state().links[0]?.phase === 'waiting')
    expect(removed.state().links[0]?.fault?.code).to.equal('NODE_REMOVED')
  })

  it('does not lose an interval to a second agent with its key', async () => {
    const intake = await intakeWith()
    const key = walletSigner(Wallet.createRandom().privateKey)
    const agents = [agentOf(intake.url, { key }), agentOf(intake.url, { key })]
    const startedMs = systemClock.nowMs()
    await until('six beats', () => intake.countOf(key.address) >= 6)
    const took = systemClock.nowMs() - startedMs
    expect(took).to.be.least(4 * QUICK_RULE.pingMs * QUICK_RULE.statusEvery)
    for (const agent of agents) expect(agent.state().links[0]).to.include({ phase: 'beating' })
  })
})
