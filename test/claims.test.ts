import { expect } from 'chai'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from '../keeper/base/schema.ts'
import { FIRST_CUT, HOUR, openSite } from './helpers/cli.ts'
import type { Site } from './helpers/cli.ts'
import { payeeAt } from './helpers/paying.ts'

const PAYEES = 20

function fileOf(prefix: string, count: number): string {
  const lines = Array.from({ length: count }, (_, i) => `${prefix}-${i},${payeeAt(i)},0.01,March`)
  return ['reference,address,amount,reason', ...lines].join('\n')
}

interface Chain {
  file: string
  root: string
  waiting?: { root: string; readyAt: number; file: string }
}

describe('the claims of a program at the command line', function () {
  this.timeout(300_000)
  let site: Site
  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    await site.ok('deploy')
    await site.ok('deploy-payouts')
    await site.ok('program', 'add', 'manual', '--capacity', '100', '--per-day', '100')
    await site.ok('program', 'fund', 'manual', '50')
  })
  after(() => site.close())

  const chainOf = async (): Promise<Chain> => {
    const { chain } = await site.ok('claims', 'status', 'manual')
    return chain as Chain
  }
  const balanceOf = (index: number): Promise<bigint> =>
    site.client.balanceOf(payeeAt(index) as Address)
  it('from a file of payments to a published root, its acceptance and ranges that the keeper pays', async () => {
    const file = site.write('pay.csv', fileOf('march', PAYEES))
    await site.fails('CLAIMS_NOT_DEPLOYED', 78, 'payout', '--file', file, '--method', 'claim')
    await site.ok('claims', 'deploy', 'manual', '--delay', '1')

    const asked = await site.ok('payout', '--file', file, '--method', 'claim')
    expect(asked).to.include({ payments: 0 })
    const { waiting } = await chainOf()
    expect(existsSync(waiting?.file ?? '')).to.equal(true)
    await site.fails('CLAIMS_ROOT_RESTS', 75, 'claims', 'accept', 'manual')
    const resting = await site.ok('claims', 'verify', waiting?.file ?? '')
    expect(resting).to.include({ ok: true, standing: 'proposed', leaves: PAYEES })

    await site.moveTo((waiting?.readyAt ?? 0) + 1)
    await site.ok('claims', 'accept', 'manual')
    const paid = await site.ok('claims', 'pay', 'manual')
    const twice = await site.ok('claims', 'pay', 'manual')

    const { claims } = await site.ok('reconcile')
    expect(claims).to.have.nested.property('0.claimed', String(2n * 10n ** 17n))
    expect(paid['booked']).to.deep.include({ claims: PAYEES, claimed: String(2n * 10n ** 17n) })
    expect(twice['ranges']).to.deep.equal([])
    expect(await balanceOf(0)).to.equal(10n ** 16n)
    const { booked } = await site.ok('claims', 'status', 'manual')
    expect(booked).to.include({ leaves: PAYEES, outstanding: '0' })
    const { payout } = await site.ok('why', 'manual:march-3')
    expect(payout).to.have.nested.property('claims[0].root.state', 'accepted')
    expect(payout).to.have.nested.property('claims[0].taken[0].amount', String(10n ** 16n))
  })

  it('prints what a payee sends, and a file that was changed is refused', async () => {
    const { file } = await chainOf()
    const proof = await site.ok('claims', 'proof', 'manual', payeeAt(3))
    expect(proof).to.include({ cumulative: String(10n ** 16n), open: '0' })
    expect(proof['proof']).to.have.length(5)
    await site.fails('CLAIMS_LEAF_UNKNOWN', 65, 'claims', 'proof', 'manual', payeeAt(900))
    const changed = join(site.dir, 'changed.json')
    writeFileSync(changed, readFileSync(file, 'utf8').replace('"10000000000000000"', '"1"'))
    await site.fails('CLAIMS_FILE_INVALID', 65, 'claims', 'verify', changed)
  })

  it('the guardian vetoes the next root and sets the one in force aside; both are shown', async () => {
    const file = site.write('april.csv', fileOf('april', 2))
    await site.ok('payout', '--file', file, '--method', 'claim')
    await site.ok('claims', 'set-aside', 'manual', '--hours', '2')
    expect(await chainOf()).to.have.property('asideUntil')
    await site.ok('claims', 'restore', 'manual')
    await site.ok('claims', 'veto', 'manual')

    await site.fails('CLAIMS_ROOT_VETOED', 77, 'claims', 'publish', 'manual')
    const { booked } = await site.ok('claims', 'status', 'manual')
    expect(booked).to.have.nested.property('last.state', 'vetoed')
    expect(booked).to.have.nested.property('owed.payouts', 2)
    await site.ok('hold', 'add', '--payee', payeeAt(1), '--program', 'manual', '--reason', 'odd')
    await site.ok('claims', 'publish', 'manual', '--after-veto')
    const { waiting, file: before } = await chainOf()
    const next = await site.ok('claims', 'verify', waiting?.file ?? '', '--previous', before)
    expect(next).to.include({ ok: true, standing: 'proposed' })
  })

  it('what is asked wrongly is refused with its code', async () => {
    await site.fails('USAGE', 64, 'claims', 'deploy', 'manual', '--delay', '0')
    await site.fails('USAGE', 64, 'claims', 'pay', 'manual', '--leaves', '100')
    await site.fails('USAGE', 64, 'payout', '--file', 'x.csv', '--method', 'post')
  })
})
