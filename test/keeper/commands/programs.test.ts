import { expect } from 'chai'
import type { Address } from '../../../keeper/base/schema.ts'
import { FIRST_CUT, HOUR, openSite, startCli } from '../../helpers/cli.ts'
import type { Site, Started } from '../../helpers/cli.ts'
import { payeeAt } from '../../helpers/paying.ts'

const PAYEES = 20
const COIN = 10n ** 18n

interface Listed {
  programs: {
    program: string
    states: Record<string, { payouts: number; amount: string }>
    settings?: object
    chain: { balance: string } | null
  }[]
  pausedUntil: number | null
}

describe('the programs at the command line', function () {
  this.timeout(180_000)
  let site: Site
  const running: Started[] = []
  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.ok('deploy')
    await site.ok('deploy-payouts')
  })
  afterEach(async () => {
    for (const keeper of running.splice(0)) {
      keeper.kill('SIGKILL')
      await keeper.ended
    }
  })
  after(() => site.close())

  function start(...args: string[]): Started {
    const keeper = startCli(['keeper', ...args], site.env)
    running.push(keeper)
    return keeper
  }

  const fileOf = (name: string, from: number): string =>
    site.write(
      `${name}.csv`,
      ['reference,address,amount']
        .concat(Array.from({ length: PAYEES }, (_, i) => `${name}-${i},${payeeAt(from + i)},0.1`))
        .join('\n'),
    )

  async function expectPaid(from: number): Promise<void> {
    for (let i = 0; i < PAYEES; i += 1) {
      expect(await site.client.balanceOf(payeeAt(from + i) as Address)).to.equal(COIN / 10n)
    }
  }

  const list = async (): Promise<Listed> => (await site.ok('program', 'list')) as unknown as Listed

  it('are listed before they are added, set, changed through the timelock, and paused by the guardian', async () => {
    expect((await list()).programs[0]).to.deep.include({ program: 'manual', chain: null })
    await site.ok('program', 'add', 'manual', '--capacity', '100', '--per-day', '100')
    await site.ok('program', 'fund', 'manual', '50')
    await site.ok('program', 'terms', 'manual', '--stipend', '40000')
    expect(await site.ok('program', 'show')).to.include({
      capacity: String(100n * COIN),
      stipend: '40000',
    })
    await site.fails('PROGRAM_SETTINGS_INVALID', 64, 'program', 'set', 'manual', '--unit', '0')
    await site.ok('program', 'set', 'manual', '--minimum', '0.05', '--cap', '10')
    const set = await list()
    expect(set.programs[0]?.settings).to.deep.include({
      minimum: String(COIN / 20n),
      capPerPayee: String(10n * COIN),
    })
    expect(await site.ok('trail', '--action', 'program.set')).to.have.property('entries')

    await site.fails('USAGE', 64, 'program', 'pause', '--hours', '73')
    await site.ok('program', 'pause', '--hours', '2')
    const paused = await site.muster('payout', '--file', fileOf('paused', 0), '--json')
    expect([paused.code, paused.json['payments']]).to.deep.equal([1, 0])
    expect(paused.json).to.have.property('pausedUntil')
    expect((await list()).pausedUntil).to.be.a('number')
    await site.ok('program', 'unpause')
    await site.ok('payout', '--file', fileOf('paused', 0))
    await expectPaid(0)
  })

  it('a running keeper takes a file in and pays it; killed in the middle, it pays once after its restart', async () => {
    const first = start()
    await first.says('"queue-started"')
    await site.fails('USAGE', 64, 'payout', '--file', fileOf('x', 9), '--payments', '3')
    await site.fails('CSV_INVALID', 65, 'payout', '--file', site.write('bad.csv', 'a,b\n1,2'))
    const file = fileOf('daemon', 100)
    const taken = await site.ok('payout', '--file', file)
    expect(taken).to.deep.include({ takenIn: true })
    await first.says('"payouts-sent"')
    first.kill('SIGKILL')
    await first.ended

    const second = start()
    await second.says('"queue-started"')
    const again = await site.ok('payout', '--file', file)
    expect(again['accrued']).to.include({ awards: 0, known: PAYEES })
    // The job of that second file: nothing is left by then.
    await second.says('"lane":"manual/pay"', 2)
    await site.ok('jobs')
    const { programs } = await list()
    const { states } = programs[0] ?? { states: {} }
    expect(states).to.deep.include({
      owed: { payouts: 0, amount: '0' },
      inflight: { payouts: 0, amount: '0' },
    })
    await expectPaid(100)
    // Through its socket: the embedded store is the keeper's.
    expect(await site.ok('reconcile')).to.include({ ok: true, found: 0 })
  })

  it('a keeper without the payer key takes no file', async () => {
    const keeper = start('--without-payer')
    await keeper.says('"queue-started"')
    await site.fails('PAYER_ELSEWHERE', 78, 'payout', '--file', fileOf('y', 200))
  })
})
