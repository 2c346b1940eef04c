import { expect } from 'chai'
import type { Site } from '../../helpers/cli.ts'
import { DAY, FIRST_CUT, HOUR, fundOf, nodeOf, openSite } from '../../helpers/cli.ts'

const SNAPSHOTS = 2

describe('muster plan', function () {
  this.timeout(120_000)
  let site: Site

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.ok('deploy', '--min-snapshots', String(SNAPSHOTS))
    const rows = [0, 1, 2].map((n) => `${nodeOf(n)},${fundOf(n)},1`)
    await site.ok(
      'validators',
      'import',
      site.write('v.csv', `node,fund,weight\n${rows.join('\n')}\n`),
    )
    await site.ok('fund', '1')
  })
  after(() => site.close())

  const said = async (): Promise<string> => (await site.muster('plan')).stdout

  it('follows the day: open, ready to extract, batches due, done; and changes nothing', async () => {
    await site.moveTo(FIRST_CUT + HOUR + 60)
    expect(await site.ok('plan')).to.nested.include({ cycle: 1, 'next.do': 'wait-for-cut' })
    expect(await said()).to.contain('snapshots to push first: 2024-11-25 18:00 UTC')
    const list = site.write('online.txt', `${nodeOf(0)}\n${nodeOf(1)}\n`)
    for (let hour = 0; hour < SNAPSHOTS; hour += 1) {
      await site.moveTo(FIRST_CUT + (hour + 1) * HOUR + 120)
      const at = String(FIRST_CUT / HOUR + hour)
      await site.ok('snapshot', 'push', '--from', list, '--hour', at)
    }
    await site.moveTo(FIRST_CUT + DAY + 5 * HOUR)

    const ready = await site.ok('plan')
    expect(ready).to.nested.include({ 'next.do': 'extract', extracts: 1, payees: 2, batches: 1 })
    for (const field of ['pool', 'gasLimit', 'costAtMost', 'balance', 'ceiling', 'feePerGas']) {
      expect(ready[field], field).to.match(/^\d+$/)
    }
    const block = await site.client.blockNumber()
    expect(await said()).to.match(
      /ready to extract\n.*\n {2}extract: 1 transaction\n {2}transfer: 2 payees/,
    )
    expect(await site.client.blockNumber()).to.equal(block)

    await site.ok('extract')
    expect(await site.ok('plan')).to.nested.include({
      'next.do': 'transfer',
      extracts: 0,
      payees: 2,
    })
    await site.ok('transfer', '--all')
    expect(await site.ok('plan', '--cycle', '1')).to.nested.include({
      'next.do': 'done',
      payees: 0,
    })
    expect(await said()).to.contain('nothing would be sent')
    await site.fails('INPUT_INVALID', 65, 'plan', '--cycle', 'x')
  })
})
