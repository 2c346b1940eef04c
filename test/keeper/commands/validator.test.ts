import { expect } from 'chai'
import { join } from 'node:path'
import { testAddress } from '../../../keeper/commands/local-accounts.ts'
import type { Site } from '../../helpers/cli.ts'
import { DAY, FIRST_CUT, HOUR, fundOf, nodeOf, openSite, runCli } from '../../helpers/cli.ts'

const FIRST_HOUR = FIRST_CUT / HOUR
/** Hours in which each of three is up, in every cycle. */
const HOURS_UP = [24, 20, 19]

describe('a validator and the reporters at the command line', function () {
  this.timeout(120_000)
  let site: Site
  let rewards: string

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    rewards = (await site.ok('deploy'))['rewards'] as string
    const rows = HOURS_UP.map((_, n) => `${nodeOf(n)},${fundOf(n < 2 ? 0 : n)}`)
    const roster = site.write('validators.csv', `node,fund\n${rows.join('\n')}\n`)
    await site.ok('validators', 'import', roster)
    await site.ok('fund', '3')
    const beats = site.write('beats.csv', beatsOf(2))
    await site.ok('run-day', '--replay', beats)
    await site.moveTo(FIRST_CUT + DAY + HOUR + 10)
    await site.ok('snapshot', 'push', '--from', beats, '--hour', String(FIRST_HOUR + 24))
    await site.moveTo(FIRST_CUT + DAY + 2 * HOUR + 10)
  })
  after(async () => site.close())

  it('a validator reads its hours, its chances and its pay without key, store or file of ours', async () => {
    const env = { MUSTER_RPC_URL: site.url, MUSTER_HOME: join(site.dir, 'stranger') }
    const args = [
      'validator',
      nodeOf(1),
      '--rewards',
      rewards,
      '--explorer',
      'https://scan.example/',
    ]
    const { code, stdout } = await runCli(args, env)
    expect(code, stdout).to.equal(0)
    expect(stdout).to.contain('18:00 ●?····  00:00 ······  06:00 ······  12:00 ······')
    expect(stdout).to.contain('online in 1 of the 1 hour that counts (100.00 %)')
    expect(stdout).to.contain('needs 19 of the 23 hours that may still count, may miss 4')
    expect(stdout).to.match(/1 {2}settled {2}20 of 24 {2}1\.5 ETH {2}paid/)
    expect(stdout).to.match(
      /paid {2}cycle 1 {2}1\.5 ETH {2}https:\/\/scan\.example\/tx\/0x[0-9a-f]{64}/,
    )
  })

  it('one that was not paid reads why, and the transaction that proves each hour (Z-05)', async () => {
    const { stdout } = await site.muster('validator', '2', '--cycle', '1')
    expect(stdout).to.contain('out: online in 19 of 24 hours, 20 were needed')
    expect(stdout).to.contain('12:00 ●○○○○○')
    expect(stdout.match(/0x[0-9a-f]{64}/g)).to.have.length(24)
  })

  it('a fund address of two nodes gets a line for each', async () => {
    const { stdout } = await site.muster('validator', fundOf(0))
    expect(stdout).to.contain('is paid for 2 validators')
    expect(stdout).to.contain('earned 3 ETH = paid 3 ETH')
  })

  it('--json has every name that the guide lists', async () => {
    const view = await site.ok('validator', nodeOf(0), '--cycles', '0')
    expect(Object.keys(view)).to.deep.equal([
      'chainId',
      'block',
      'blockTime',
      'registry',
      'rewards',
      'asset',
      'symbol',
      'decimals',
      'address',
      'openCycle',
      'validators',
      'money',
      'credits',
      'payments',
      'paymentsFound',
    ])
    const first = 'validators[0].cycles[0]'
    expect(view).to.have.nested.property(`${first}.state`, 'open')
    expect(view).to.have.nested.property(`${first}.standing`, 'possible')
    expect(view).to.have.nested.property(`${first}.needed`, 19)
    expect(view).to.have.nested.property(`${first}.hours[0].state`, 'online')
    expect(view).to.have.nested.property(`${first}.preview.pool`, '0')
    expect(view).to.have.nested.property('payments[0].kind', 'paid')
    expect(view).to.have.nested.property('payments[0].link', null)
  })

  it('bad input is refused with a code', async () => {
    await site.fails('VALIDATOR_UNKNOWN', 65, 'validator', fundOf(9))
    await site.fails('USAGE', 64, 'validator', '0', '--cycles', '99')
    await site.fails('USAGE', 64, 'validator', '0', '--from-block', '3')
    await site.fails('NO_CODE', 78, 'validator', '0', '--rewards', fundOf(3))
    await site.fails('INPUT_INVALID', 65, 'reporters', '--cycle', 'x')
  })

  it('reporters: what each pushed, what is missing, and what an even number means (R-11)', async () => {
    const one = await site.muster('reporters')
    expect(one.stdout).to.contain('cycle 2: 2 hours over, 1 of them counted')
    expect(one.stdout).to.contain('has not pushed 2024-11-26 19:00 UTC')
    const own = testAddress('reporter')
    await site.fails('NOTHING_CHANGES', 65, 'reporters', 'add', own)
    await site.fails('NOTHING_CHANGES', 65, 'reporters', 'remove', own)
    await site.fails('NOTHING_CHANGES', 65, 'reporters', 'expel', fundOf(5))

    const added = await site.muster('reporters', 'add', fundOf(5))
    expect(added.stdout).to.contain('when 2 pushed it, so none of them may fail; 3 would')
    await site.ok('reporters', 'add', fundOf(6))
    const { reporters } = await site.ok('reporters')
    expect((reporters as { state: string }[]).map(({ state }) => state)).to.deep.equal([
      'active',
      'pending',
      'pending',
    ])
    await site.ok('reporters', 'remove', fundOf(6))
    await site.ok('reporters', 'expel', fundOf(5))
    await site.fails('NOTHING_CHANGES', 65, 'reporters', 'expel', fundOf(5))
  })
})

function beatsOf(cycles: number): string {
  const lines = ['validator,hour,beats_expected,beats_seen']
  for (let hour = 0; hour < cycles * 24; hour += 1) {
    for (const [n, up] of HOURS_UP.entries()) {
      lines.push(`${nodeOf(n)},${FIRST_HOUR + hour},10,${hour % 24 < up ? 10 : 0}`)
    }
  }
  return `${lines.join('\n')}\n`
}
