import { expect } from 'chai'
import { id } from 'ethers'
import type { Site } from '../../helpers/cli.ts'
import { FIRST_CUT, HOUR, fundOf, nodeOf, openSite } from '../../helpers/cli.ts'

const DELAY = 48 * HOUR

describe('the timelock at the command line', function () {
  this.timeout(120_000)
  let site: Site
  let operation: string

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.ok('deploy', '--timelock-delay', String(DELAY))
  })
  after(async () => site.close())

  it('R-50 schedules an import of three roster words and says when it can be executed', async () => {
    const rows = Array.from({ length: 600 }, (_, n) => `${nodeOf(n)},${fundOf(n)}`)
    const file = site.write('validators.csv', `node,fund\n${rows.join('\n')}\n`)

    const imported = await site.ok('validators', 'import', file)

    const operations = imported['operations'] as { id: string; state: string; hashes: string[] }[]
    expect(operations.map(({ state }) => state)).to.deep.equal(['waiting', 'waiting', 'waiting'])
    // Asked again while they wait, nothing is scheduled a second time.
    const again = (await site.ok('validators', 'import', file))['operations'] as typeof operations
    expect(again.map((each) => each.id)).to.deep.equal(operations.map((each) => each.id))
    expect(again.flatMap(({ hashes }) => hashes)).to.deep.equal([])
    operation = operations[0]?.id ?? ''
    const listed = await site.ok('admin', 'list')
    expect(listed).to.include({ delay: DELAY })
    expect(listed['operations']).to.have.length(3)
  })

  it('R-50 refuses to execute before the delay is over, exit 75', async () => {
    const facts = await site.fails('OPERATION_NOT_READY', 75, 'admin', 'execute', operation)
    expect(facts['state']).to.equal('waiting')
    await site.fails('OPERATION_UNKNOWN', 65, 'admin', 'execute', id('nothing'))
    await site.fails('USAGE', 64, 'admin', 'execute')
  })

  it('cancels one, and executes in order what is ready', async () => {
    const call = ['rewards', 'grantRole', 'KEEPER_ROLE', fundOf(1)]
    const granted = await site.ok('admin', 'schedule', ...call)
    const [{ id: grant, what }] = granted['operations'] as [{ id: string; what: string }]
    expect(what).to.match(/^rewards\.grantRole\(KEEPER_ROLE, 0x2/)
    await site.ok('admin', 'cancel', grant)
    await site.fails('OPERATION_OVER', 65, 'admin', 'cancel', grant)
    await site.moveTo(FIRST_CUT + DELAY)

    const { executed } = await site.ok('admin', 'execute', '--ready')

    expect(executed).to.have.length(3)
    expect((await site.ok('validators', 'list'))['validators']).to.have.length(600)
    expect((await site.ok('admin', 'list'))['operations']).to.deep.equal([])
    await site.fails('OPERATION_OVER', 65, 'admin', 'execute', operation)
  })

  it('schedules one change of parameters at a time: a second one would take the first back', async () => {
    const first = await site.ok('params', 'set', 'rateBps=9000')
    const [{ id: waiting, what }] = first['operations'] as [{ id: string; what: string }]
    expect(what).to.contain('rateBps: 9000').and.contain('cap: none')
    const facts = await site.fails('PARAMS_PENDING', 75, 'params', 'set', 'cap=5')
    expect(facts['id']).to.equal(waiting)
    await site.ok('params', 'set', 'rateBps=9000')
    await site.ok('admin', 'cancel', waiting)
    await site.ok('params', 'set', 'cap=5')
  })

  it('refuses today what would fail after the delay', async () => {
    await site.fails('PARAM_INVALID', 65, 'params', 'set', 'minSnapshots=25')
    await site.fails('PARAM_INVALID', 65, 'params', 'set', 'rateBps=99999999')
    await site.fails(
      'TX_WOULD_REVERT',
      1,
      'admin',
      'schedule',
      'registry',
      'removeReporter',
      fundOf(7),
    )
    await site.fails('USAGE', 64, 'admin', 'schedule', 'rewards', 'mint', '1')
    await site.fails('USAGE', 64, 'admin', 'schedule', 'pool', 'drain')
  })
})
