import { expect } from 'chai'
import { SECONDS_PER_HOUR, hourOf, isoTime, systemClock } from '../../../keeper/base/time.ts'
import type { Site, Started } from '../../helpers/cli.ts'
import { fundOf, openSite, runCli, startCli } from '../../helpers/cli.ts'
import { nodeKey } from '../../helpers/intake-desk.ts'
import { connectNode } from '../../helpers/intake-service.ts'
import type { WireNode } from '../../helpers/intake-service.ts'

// It lives by this machine's clock, so the chain is brought to it: two hours of the first cycle are over.
const NOW = systemClock.now()
const FIRST_CUT = NOW - (NOW % SECONDS_PER_HOUR) - 2 * SECONDS_PER_HOUR

describe('the intake at the command line', function () {
  this.timeout(120_000)
  let site: Site
  const running: Started[] = []
  const nodes: WireNode[] = []

  before(async () => {
    site = await openSite(FIRST_CUT - SECONDS_PER_HOUR)
    await site.ok('deploy', '--daily-time', dailyTime(), '--first-cut', isoTime(FIRST_CUT))
    await site.ok('validators', 'add', nodeKey(0).address, fundOf(1))
    await site.moveTo(systemClock.now())
  })
  after(async () => {
    for (const node of nodes) node.end()
    for (const started of running) started.kill('SIGKILL')
    await site.close()
  })

  const dailyTime = (): string => isoTime(FIRST_CUT).slice(11, 16)

  function start(args: string[], env: Record<string, string> = {}): Started {
    const started = startCli(args, { ...site.env, MUSTER_DAILY_TIME: dailyTime(), ...env })
    running.push(started)
    return started
  }

  async function portOf(started: Started): Promise<number> {
    const line = await started.line('"intake-listening"')
    return (JSON.parse(line) as { port: number }).port
  }

  it('takes beats with the reporter key alone; status shows who is there, from the process and from the store', async () => {
    const before = await site.ok('intake', 'status')
    expect(before).to.deep.equal({ hours: [] })
    const intake = start(['intake', '--intake-port', '0'])
    const port = await portOf(intake)
    await intake.says('"runner-started"')
    const node = await connectNode(`http://127.0.0.1:${port}`)
    nodes.push(node)
    await node.login(nodeKey(0))
    await node.beat()
    const { running: figures } = await site.ok('intake', 'status')
    expect(figures).to.include({ nodes: 1, counted: 1, sessions: 1 })
    const status = await site.ok('status')
    const { keeper } = status as { keeper: { slots: { jobs: { job: string }[] } } }
    expect(keeper.slots.jobs.map(({ job }) => job)).to.deep.equal(['push-hours'])
    const second = await runCli(['intake', '--intake-port', '0'], {
      ...site.env,
      DATABASE_URL: 'postgres://127.0.0.1:1/none',
    })
    expect([second.code, second.stderr]).to.deep.include(75)
    expect(second.stderr).to.contain('HOME_IN_USE')
    intake.kill('SIGTERM')
    const { code, stdout } = await intake.ended
    expect([code, stdout]).to.deep.equal([0, 'intake stopped\n'])
    const after = (await site.ok('intake', 'status')) as {
      hours: { hour: number; state: string }[]
    }
    expect(after).to.not.have.property('running')
    expect(after.hours.map(({ hour, state }) => [hour, state])).to.deep.include([
      hourOf(systemClock.now()),
      'open',
    ])
  })

  it('the keeper takes beats itself with a port, and leaves the hours to another process without the reporter', async () => {
    const keeper = start(['keeper', '--intake-port', '0'])
    await portOf(keeper)
    await keeper.says('"runner-started"')
    keeper.kill('SIGTERM')
    expect((await keeper.ended).stderr).to.contain('beats come from nodes')
    const settler = start(['keeper', '--without-reporter'])
    await settler.says('"runner-started"')
    settler.kill('SIGTERM')
    const { code, stderr } = await settler.ended
    expect(code).to.equal(0)
    expect(stderr).to.not.contain('intake-listening')
    const line = stderr.split('\n').find((each) => each.includes('"runner-started"')) ?? '{}'
    expect(JSON.parse(line)).to.deep.include({ jobs: ['settle-day'] })
  })

  it('beats come from nodes or from a file, not from both', async () => {
    const both = await runCli(['keeper', '--intake-port', '0', '--beats', 'beats.csv'], site.env)
    expect([both.code, both.stderr]).to.deep.include(78)
    expect(both.stderr).to.contain('SETTING_INVALID')
  })
})
