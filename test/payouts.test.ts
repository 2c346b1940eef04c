import { expect } from 'chai'
import type { Address } from '../keeper/base/schema.ts'
import { FIRST_CUT, HOUR, openSite } from './helpers/cli.ts'
import type { Site } from './helpers/cli.ts'
import { payeeAt } from './helpers/paying.ts'

const PAYEES = 1_000
// PUSH1 0, PUSH1 0, REVERT: takes no coin.
const REFUSES = '0x60006000fd'
const REFUSER = payeeAt(17)

function fileOf(change: (line: string, index: number) => string = (line) => line): string {
  const lines = Array.from({ length: PAYEES }, (_, i) =>
    change(`inv-${i},${payeeAt(i)},0.00${1 + (i % 9)},March`, i),
  )
  return ['reference,address,amount,reason', ...lines].join('\n')
}

describe('a file of payments', function () {
  this.timeout(300_000)
  let site: Site
  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.client.request('hardhat_setCode', [REFUSER, REFUSES])
    await site.ok('deploy')
    await site.ok('deploy-payouts')
    await site.ok('program', 'add', 'manual', '--capacity', '100', '--per-day', '100')
    await site.ok('program', 'fund', 'manual', '50')
  })
  after(() => site.close())

  const balanceOf = (index: number): Promise<bigint> =>
    site.client.balanceOf(payeeAt(index) as Address)

  it('pays a thousand addresses, one of which refuses; the same file again pays nobody', async () => {
    const file = site.write('pay.csv', fileOf())

    const first = await site.ok('payout', '--file', file)
    const second = await site.ok('payout', '--file', file)

    expect(first).to.include({ payments: PAYEES, refused: 1, isShort: false })
    expect(await balanceOf(0)).to.equal(10n ** 15n)
    expect(await balanceOf(8)).to.equal(9n * 10n ** 15n)
    expect(await balanceOf(17)).to.equal(0n)
    expect(second).to.deep.include({ payments: 0, paid: '0', batches: [] })
    expect(second['accrued']).to.deep.equal({ awards: 0, amount: '0', known: PAYEES })
    expect(await balanceOf(0)).to.equal(10n ** 15n)
  })

  it('is in books that agree with the records, the receipts and the chain', async () => {
    const result = await site.ok('reconcile')

    expect(result).to.include({ ok: true, found: 0 })
    // An award, a payout, a sent payment and its outcome each, and the funding of the program.
    expect(result['matched']).to.equal(4 * PAYEES + 1)
  })

  it('is explained from the line of the file to the event of the receipt', async () => {
    const { awards, payout, receipts } = await site.ok('why', 'manual:inv-17')
    const { stdout } = await site.muster('why', 'inv-0')
    const { ref } = await site.fails('PAYMENT_UNKNOWN', 65, 'why', 'inv-none')

    expect(awards).to.have.length(1)
    expect(payout).to.include({ state: 'credited' })
    expect((receipts as { lines: object[] }[])[0]?.lines).to.have.length(2)
    expect(stdout)
      .to.match(/award inv-0/)
      .and.match(/BatchPaid/)
      .and.match(/hash chain/)
    expect(ref).to.equal('inv-none')
  })

  it('a changed amount under a known reference is a conflict of that line, and the file pays nobody', async () => {
    const changed = fileOf((line, i) => (i === 3 ? line.replace('0.004', '0.4') : line))
    const more = `${changed}\ninv-new,${payeeAt(2_000)},1,April`

    const { faults } = await site.fails(
      'AWARD_CONFLICT',
      65,
      'payout',
      '--file',
      site.write('changed.csv', more),
    )

    expect(faults).to.have.length(1)
    expect((faults as { line: number }[])[0]?.line).to.equal(5)
    expect(await balanceOf(2_000)).to.equal(0n)
  })

  it('what is asked wrongly is refused with its code', async () => {
    await site.fails('PAYOUTS_DEPLOYED', 78, 'deploy-payouts')
    await site.fails('PROGRAM_UNKNOWN', 64, 'program', 'show', 'nobody')
    await site.fails('USAGE', 64, 'payout', '--file', 'x.csv', '--payments', '0')
    const shown = await site.ok('program', 'show')
    expect(shown).to.include({ program: 'manual', number: 1 })
  })

  it('the guardian lowers the budget and revokes the payer at once: then nobody is paid (R-61)', async () => {
    const file = site.write('late.csv', `reference,address,amount\nlate,${payeeAt(3_000)},5`)
    await site.ok('program', 'lower', 'manual', '--capacity', '1', '--per-day', '0')

    const { code, json } = await site.muster('payout', '--file', file, '--json')
    await site.ok('program', 'revoke', 'manual')

    expect(code).to.equal(1)
    expect(json).to.include({ paid: '0', isShort: true })
    expect(json['left']).to.deep.equal({ payouts: 1, payees: 1, amount: String(5n * 10n ** 18n) })
    const { payer } = await site.ok('program', 'show')
    expect(payer).to.equal(`0x${'0'.repeat(40)}`)
  })
})
