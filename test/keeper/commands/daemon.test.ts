import { expect } from 'chai'
import { SECONDS_PER_HOUR, isoTime, systemClock } from '../../../keeper/base/time.ts'
import { testAccounts } from '../../../keeper/commands/local-accounts.ts'
import type { Site, Started } from '../../helpers/cli.ts'
import { fundOf, nodeOf, openSite, startCli } from '../../helpers/cli.ts'

// The daemon lives by this machine's clock, so the chain is brought to it: two hours are over.
const NOW = systemClock.now()
const FIRST_CUT = NOW - (NOW % SECONDS_PER_HOUR) - 2 * SECONDS_PER_HOUR

describe('the keeper at the command line', function () {
  this.timeout(120_000)
  let site: Site
  const running: Started[] = []

  before(async () => {
    site = await openSite(FIRST_CUT - SECONDS_PER_HOUR)
    await site.ok('deploy', ...dailyTime(), '--first-cut', isoTime(FIRST_CUT))
    await site.ok('validators', 'add', nodeOf(1), fundOf(1))
    await site.moveTo(systemClock.now())
  })
  after(async () => {
    for (const keeper of running) keeper.kill('SIGKILL')
    await site.close()
  })

  function start(): Started {
    const keeper = startCli(['keeper', '--beats', beatsFile(site), ...dailyTime()], site.env)
    running.push(keeper)
    return keeper
  }

  it('pushes the hours that are over and drains on SIGTERM, exit 0', async () => {
    const keeper = start()
    await keeper.says('"snapshot-pushed"', 2)

    keeper.kill('SIGTERM')
    const { code, stdout, stderr } = await keeper.ended

    expect(code).to.equal(0)
    expect(stdout).to.equal('keeper stopped\n')
    expect(stderr).to.contain('"keeper-stopping"').and.contain('"keeper-stopped"')
    // At the turn of the hour there may be one more.
    expect((await site.ok('status'))['snapshots']).to.be.at.least(2)
    const pushed = await site.ok('journal', '--kind', 'snapshot')
    expect(pushed['transactions']).to.have.length.at.least(2)
  })

  it('writes no private key and says which zone and time it keeps', async () => {
    const keeper = start()
    await keeper.says('"runner-started"')
    keeper.kill('SIGINT')
    const { code, stdout, stderr } = await keeper.ended
    expect(code).to.equal(0)
    for (const { privateKey } of testAccounts()) {
      expect(stdout + stderr).to.not.contain(privateKey.slice(2))
    }
    const started = stderr.split('\n').find((line) => line.includes('"runner-started"')) ?? '{}'
    expect(JSON.parse(started)).to.include({ zone: 'UTC', dailyTime: dailyTime()[1] })
    expect(JSON.parse(started))
      .to.have.property('time')
      .that.matches(/^\d{4}-\d\d-\d\dT/)
  })

  it('refuses a second process on its store with exit 75, and starts again after a kill -9', async () => {
    const keeper = start()
    await keeper.says('"runner-started"')
    await site.fails('STORE_LOCKED', 75, 'keeper', ...dailyTime())
    await site.fails('STORE_LOCKED', 75, 'fund', '1')
    // Who only asks the chain needs no store.
    await site.ok('status')
    keeper.kill('SIGKILL')
    await keeper.ended

    const next = start()
    await next.says('"runner-started"')
    next.kill('SIGTERM')
    expect((await next.ended).code).to.equal(0)
  })
})

function dailyTime(): string[] {
  return ['--daily-time', isoTime(FIRST_CUT).slice(11, 16)]
}

function beatsFile(site: Site): string {
  const first = FIRST_CUT / SECONDS_PER_HOUR
  const rows = Array.from({ length: 24 }, (_, n) => `${nodeOf(1)},${first + n},10,10`)
  return site.write('beats.csv', `validator,hour,beats_expected,beats_seen\n${rows.join('\n')}\n`)
}
