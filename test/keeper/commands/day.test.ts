import { expect } from 'chai'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { keccak256 } from 'ethers'
import type { Site } from '../../helpers/cli.ts'
import { DAY, FIRST_CUT, HOUR, fundOf, nodeOf, openSite } from '../../helpers/cli.ts'

const FIRST_HOUR = FIRST_CUT / HOUR
const ETH = 10n ** 18n

/** Who of five was up in which hours: all the day, 20 hours, 19 hours, never, all the day. */
const HOURS_UP = [24, 20, 19, 0, 24]

function beatsCsv(cycle: number): string {
  const lines = ['validator,hour,beats_expected,beats_seen']
  for (let hour = 0; hour < 24; hour += 1) {
    HOURS_UP.forEach((up, n) => {
      const seen = hour < up ? 10 : 5
      lines.push(`${nodeOf(n)},${FIRST_HOUR + (cycle - 1) * 24 + hour},10,${seen}`)
    })
  }
  return `${lines.join('\n')}\n`
}

describe('a day at the command line', function () {
  this.timeout(120_000)
  let site: Site

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
  })
  after(async () => site.close())

  it('deploys: a dry run sends nothing, the record has every address, a second one is refused', async () => {
    const dry = await site.ok('deploy', '--dry-run')
    expect(dry).to.have.nested.property('plan.firstCut', FIRST_CUT)
    expect(await site.client.blockNumber()).to.equal(0)

    const deployed = await site.ok('deploy')
    expect(deployed).to.include({
      chainId: 31_337,
      firstCut: FIRST_CUT,
      symbol: 'ETH',
      decimals: 18,
    })
    expect(Object.keys(deployed['deployTx'] as object)).to.have.members([
      'TimelockController',
      'HeartbeatRegistry',
      'Extraction',
      'ValidatorRewards',
      'setRewards',
    ])
    await site.fails('DEPLOYMENT_EXISTS', 78, 'deploy')
  })

  it('imports validators once: the second time all are skipped', async () => {
    const rows = HOURS_UP.slice(0, 4).map((_, n) => `${nodeOf(n)},${fundOf(n)},${n + 1}`)
    const file = site.write('validators.csv', `node,fund,weight\n${rows.join('\n')}\n`)

    const first = await site.ok('validators', 'import', file)
    expect(first['operations']).to.have.length(1)
    expect(first).to.have.nested.property('operations[0].state', 'executed')
    const second = await site.ok('validators', 'import', file)
    expect(second['operations']).to.deep.equal([])
    await site.ok('validators', 'add', nodeOf(4), fundOf(4))

    const { validators } = await site.ok('validators', 'list')
    expect(validators).to.have.length(5)
    const exported = await site.muster('export', 'roster')
    expect(exported.stdout.split('\n')[1]?.toLowerCase()).to.equal(rows[0])
  })

  it('changes fund address and weight, removes and lists', async () => {
    await site.ok('validators', 'add', nodeOf(9))
    await site.ok('validators', 'set-fund', nodeOf(9), fundOf(9))
    await site.ok('validators', 'set-weight', '5', '70')
    const { validators } = await site.ok('validators', 'list')
    expect((validators as Record<string, string>[])[5]).to.include({ weight: '70' })
    await site.fails('NOTHING_CHANGES', 65, 'validators', 'set-weight', '5', '70')
    await site.ok('validators', 'remove', '5')
    const left = await site.ok('validators', 'list')
    expect(left['validators']).to.have.length(5)
    await site.fails('VALIDATOR_UNKNOWN', 65, 'validators', 'remove', '17')
  })

  it('funds the pool and says which cycle the money joins', async () => {
    const funded = await site.ok('fund', '1.000000000000000003')
    expect(funded).to.include({ amount: '1000000000000000003', cycle: 1 })
    await site.fails('AMOUNT_INVALID', 64, 'fund', '1.5e3')
  })

  it('refuses to extract before the cut, exit 75', async () => {
    await site.fails('NOTHING_DECIDED', 75, 'transfer', '--all')
    await site.fails('CYCLE_OPEN', 75, 'extract')
    await site.fails('CYCLE_OPEN', 75, 'run-day', '--cycle', '1')
  })

  it('pushes an hour from a list, from a bitmap and from beats, each once', async () => {
    await site.moveTo(FIRST_CUT + 3 * HOUR)
    const list = site.write(
      'online.txt',
      `${nodeOf(0)}\n${nodeOf(1)}\n${nodeOf(2)}\n${nodeOf(4)}\n`,
    )
    const bitmap = site.write('online.hex', `0x${(0b10111).toString(16).padStart(64, '0')}\n`)
    const beats = site.write('beats.csv', beatsCsv(1))

    const byList = await site.ok('snapshot', 'push', '--from', list, '--hour', String(FIRST_HOUR))
    expect(byList).to.include({ online: 4, cycle: 1, status: 'pushed' })
    const byBitmap = await site.ok(
      'snapshot',
      'push',
      '--from',
      bitmap,
      '--hour',
      '2024-11-25T19:00:00Z',
    )
    expect(byBitmap).to.include({ online: 4, hour: FIRST_HOUR + 1 })
    // Without --hour it is the one that closed last.
    const byBeats = await site.ok('snapshot', 'push', '--from', beats)
    expect(byBeats).to.include({ online: 4, hour: FIRST_HOUR + 2 })
    const again = await site.ok('snapshot', 'push', '--from', list, '--hour', String(FIRST_HOUR))
    expect(again).to.include({ status: 'already' })
  })

  it('refuses hours and lists that are not right', async () => {
    const strangers = site.write('strangers.txt', `${nodeOf(0)}\n${nodeOf(77)}\n`)
    const list = site.write('online.txt', `${nodeOf(0)}\n`)
    const wide = site.write('wide.hex', `0x${'0'.repeat(128)}\n`)
    const beyond = site.write('beyond.hex', `0x8${'0'.repeat(63)}\n`)
    const push = (file: string, hour: string | number): string[] => [
      'snapshot',
      'push',
      '--from',
      file,
      '--hour',
      String(hour),
    ]
    await site.fails('SNAPSHOT_UNKNOWN_NODES', 65, ...push(strangers, FIRST_HOUR))
    await site.fails('HOUR_MISALIGNED', 64, ...push(list, '2024-11-25T19:30:00Z'))
    await site.fails('HOUR_NOT_OVER', 75, ...push(list, FIRST_HOUR + 3))
    await site.fails('HOUR_BEFORE_FIRST_CUT', 65, ...push(list, FIRST_HOUR - 1))
    await site.fails('SNAPSHOT_DIFFERS', 1, ...push(list, FIRST_HOUR))
    await site.fails('WORD_COUNT_WRONG', 65, ...push(wide, FIRST_HOUR))
    await site.fails('BITS_BEYOND_ROSTER', 65, ...push(beyond, FIRST_HOUR + 2))
  })

  it('goes on with a replay that was interrupted, also when its store is lost', async () => {
    // The windows of the hours that were pushed are over; those of the others are not.
    await site.moveTo(FIRST_CUT + 6 * HOUR)
    rmSync(join(site.dir, 'home', 'store'), { recursive: true })
    const beats = site.write('beats.csv', beatsCsv(1))
    await site.fails('CYCLE_OPEN', 75, 'run-day', '--beats', beats, '--cycle', '1')
    expect(await site.ok('status')).to.include({ snapshots: 6 })
  })

  it('replays the day: 20 of 24 is paid, 19 is not, and running it again pays nothing', async () => {
    const beats = site.write('beats.csv', beatsCsv(1))

    const day = await site.ok('run-day', '--replay', beats)

    expect(day).to.include({ cycle: 1, state: 'settled', snapshots: 24, eligible: 3, batches: 1 })
    const pool = BigInt(day['pool'] as string)
    const sum = ['paid', 'credited', 'carried'].reduce(
      (total, key) => total + BigInt(day[key] as string),
      0n,
    )
    expect(sum).to.equal(pool)
    const share = (ETH + 3n) / 3n
    const paid = await Promise.all(
      [0, 1, 2, 4].map((n) => site.client.balanceOf(fundOf(n) as never)),
    )
    expect(paid).to.deep.equal([share, share, 0n, share])
    const again = await site.ok('run-day', '--cycle', '1')
    expect(again['txs']).to.deep.equal([])
    expect(await site.client.balanceOf(fundOf(0) as never)).to.equal(share)
  })

  it('extract and transfer of a settled cycle send nothing', async () => {
    expect(await site.ok('extract', '--cycle', '1')).to.include({ state: 'settled', eligible: 3 })
    expect(await site.ok('transfer', '--all', '--cycle', '1')).to.include({ batches: 0 })
    await site.fails('CYCLE_OPEN', 75, 'extract', '--cycle', '7')
    await site.fails('USAGE', 64, 'transfer')
  })

  it('shows balanced books, the pay of an address and the journal', async () => {
    const status = await site.ok('status')
    expect(status).to.include({ isConserved: true, openCycle: 2, validators: 6 })
    const text = await site.muster('status')
    expect(text.stdout).to.match(/funded 1.000000000000000003 ETH\n {2}= paid/)
    expect(text.stdout).to.contain('✓ the books balance').and.contain('ALERT: ')

    const balance = await site.ok('balance', nodeOf(1))
    expect(balance).to.include({ paid: String((ETH + 3n) / 3n), unpaid: '0' })
    await site.fails('VALIDATOR_UNKNOWN', 65, 'balance', nodeOf(88))

    const journal = await site.ok('journal', '--kind', 'transfer')
    expect(journal['transactions']).to.have.length(1)
    const [{ id, hash }] = journal['transactions'] as [{ id: string; hash: string }]
    const shown = await site.ok('journal', 'show', hash)
    expect(shown).to.have.nested.property('transaction.id', id)
    await site.fails('TX_NOT_FOUND', 65, 'journal', 'show', keccak256('0x'))
    await site.fails('USAGE', 64, 'journal', '--state', 'lost')
  })

  it('has no credits when nobody refused', async () => {
    expect(await site.ok('credits')).to.deep.equal({ credits: [] })
    await site.fails('NO_CREDIT', 65, 'withdraw', fundOf(0))
    await site.fails('NOTHING_CHANGES', 65, 'claim', '0')
  })

  it('pauses and lifts the pause; an extract in between waits, exit 75', async () => {
    await site.ok('fund', '0.5')
    await site.ok('pause', '--hours', '2')
    await site.fails('USAGE', 64, 'pause', '--hours', '73')
    expect((await site.ok('status'))['alerts']).to.satisfy((alerts: string[]) =>
      alerts.some((alert) => alert.includes('paused')),
    )
    await site.ok('unpause')
    await site.fails('TX_WOULD_REVERT', 1, 'unpause')
  })

  it('settles by extract and transfer of chosen validators, and a rolled-over cycle pays nobody', async () => {
    await site.moveTo(FIRST_CUT + 2 * DAY + 5 * HOUR)
    await site.fails('CYCLE_OPEN', 75, 'extract', '--cycle', '3')
    const rolled = await site.ok('extract')
    expect(rolled).to.include({ cycle: 2, state: 'rolled-over', snapshots: 0 })
    await site.fails('CYCLE_NOT_SETTLED', 65, 'transfer', '--all')
    const hour = await site.fails(
      'HOUR_TOO_OLD',
      65,
      'snapshot',
      'push',
      '--from',
      site.write('l', nodeOf(0)),
      '--hour',
      String(FIRST_HOUR + 48),
    )
    expect(hour).to.have.property('closedAt')
    await site.fails(
      'CYCLE_SETTLED',
      65,
      'snapshot',
      'push',
      '--from',
      site.write('l', nodeOf(0)),
      '--hour',
      String(FIRST_HOUR + 47),
    )
  })

  it('shows parameters and changes them for the next cycle', async () => {
    await site.ok('params', 'set', 'rateBps=9000', 'cap=2.5', 'settleDelay=3600')
    const params = await site.ok('params')
    expect(params).to.have.nested.property('params.rateBps', '8000')
    expect(params).to.have.nested.property('next.rateBps', '9000')
    expect(params).to.have.nested.property('next.cap', '2500000000000000000')
    await site.fails('PARAM_INVALID', 65, 'params', 'set', 'speed=9')
    await site.fails('PARAM_INVALID', 65, 'params', 'set', 'weighted=maybe')
    await site.fails('PARAM_INVALID', 65, 'params', 'set', 'rateBps=0')
  })

  it('R-24 voids a cycle within its settle delay and returns the money to the pool', async () => {
    const cycle = 4
    // The window of cycle 3's last hour has just ended, that of cycle 4's first has not.
    await site.moveTo(FIRST_CUT + 3 * DAY + 4 * HOUR)
    await site.ok('extract')
    const beats = site.write('beats4.csv', beatsCsv(cycle))
    await site.fails(
      'TRANSFER_TOO_EARLY',
      75,
      'run-day',
      '--replay',
      beats,
      '--cycle',
      String(cycle),
    )
    const before = await site.ok('status')
    expect(before).to.have.nested.property('books.unpaid').that.is.not.equal('0')
    await site.ok('void', String(cycle))
    const after = await site.ok('status')
    expect(after).to.have.nested.property('books.unpaid', '0')
    expect(after).to.include({ isConserved: true })
    await site.fails('CYCLE_NOT_SETTLED', 65, 'transfer', '--all', '--cycle', String(cycle))
  })

  it('R-42 returns the pool to the sponsor after 90 days of silence, and not a day before', async () => {
    await site.fails('TX_WOULD_REVERT', 1, 'return-pool')
    await site.fails('NOTHING_CHANGES', 65, 'sweep', '1')
    await site.moveTo(FIRST_CUT + 100 * DAY)
    const before = await site.ok('status')
    const returned = await site.ok('return-pool')
    expect(returned).to.have.property('returned', (before['books'] as { pool: string }).pool)
    const after = await site.ok('status')
    expect(after).to.include({ isConserved: true })
    expect(after).to.have.nested.property('books.pool', '0')
  })
})
