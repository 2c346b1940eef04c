import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testAddress } from '../../../keeper/commands/local-accounts.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import type { Site } from '../../helpers/cli.ts'
import { DAY, FIRST_CUT, HOUR, fundOf, nodeOf, openSite, runCli } from '../../helpers/cli.ts'

const ETH = 10n ** 18n
const FIRST_HOUR = FIRST_CUT / HOUR
const REFUSES = '0x60006000fd'
const ACCEPTS = '0x00'
const CONTRACT = fundOf(0xc0de)
const ELSEWHERE = fundOf(0xe15e)
const PASSWORD = noteSecret('correct horse battery')

describe('unpaid shares and credits at the command line', function () {
  this.timeout(120_000)
  let site: Site
  let payee: { address: string; keystore: string; env: Record<string, string> }

  const setCode = (account: string, code: string): Promise<unknown> =>
    site.client.request('hardhat_setCode', [account, code])
  const coinOf = (account: string): Promise<bigint> => site.client.balanceOf(account as never)

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    payee = await newPayee(site)
    // Within the settle delay the shares are decided and nobody is paid yet.
    await site.ok('deploy', '--settle-delay', '7200')
    const funds = [testAddress('deployer'), CONTRACT, testAddress('reporter'), payee.address]
    const rows = [...funds, fundOf(4)].map((fund, n) => `${nodeOf(n)},${fund}`)
    const roster = site.write('validators.csv', `node,fund\n${rows.join('\n')}\n`)
    await site.ok('validators', 'import', roster)
    await site.ok('fund', '5')
    const beats = site.write('beats.csv', beatsOf(5))
    await site.fails('TRANSFER_TOO_EARLY', 75, 'run-day', '--replay', beats)
  })
  after(async () => site.close())

  it('lets a payee claim its own share once it is settled, and nobody else', async () => {
    await site.fails('TRANSFER_TOO_EARLY', 75, 'claim', '0')
    await site.moveTo(FIRST_CUT + DAY + 3 * HOUR)
    const claimed = await site.ok('claim', '0')
    expect(claimed).to.include({ index: 0, amount: String(ETH), to: testAddress('deployer') })
    expect(claimed['cycles']).to.deep.equal([1])
    expect(await site.ok('balance', '0')).to.include({ paid: String(ETH), unpaid: '0' })

    const facts = await site.fails('NOT_PAYEE', 77, 'claim', '3')
    expect(facts).to.include({ index: 3, payee: payee.address })
    await site.fails('NOTHING_CHANGES', 65, 'claim', '0')
  })

  it('claims with any keystore file, whatever its role', async () => {
    const before = await coinOf(payee.address)
    const args = ['claim', '3', '--keystore', payee.keystore]
    const { code, stdout } = await runCli(args, { ...site.env, ...payee.env })
    expect(code).to.equal(0)
    expect(stdout).to.contain(`claimed 1 ETH to ${payee.address}: 1 cycle of validator 3`)
    expect(await coinOf(payee.address)).to.be.within(before + ETH - ETH / 100n, before + ETH)
    await site.fails('KEYSTORE_UNREADABLE', 78, ...args.slice(0, 3), join(site.dir, 'none.json'))
  })

  it('shows what is paid and what is not after a part of a cycle was transferred', async () => {
    await setCode(CONTRACT, REFUSES)
    await setCode(testAddress('reporter'), REFUSES)

    const sent = await site.ok('transfer', '1,2')

    expect(sent).to.include({ batches: 1, paid: String(2n * ETH), credited: String(2n * ETH) })
    expect(await site.ok('balance', '1')).to.include({ paid: '0', credit: String(ETH) })
    expect(await site.ok('balance', nodeOf(4))).to.include({ paid: '0', unpaid: String(ETH) })
    expect((await site.ok('credits'))['credits']).to.have.length(2)
    const { stdout } = await site.muster('transfer', '1')
    expect(stdout).to.contain('nothing of it was unpaid, nothing was sent')
  })

  it('withdraws a credit to its account once it accepts coin', async () => {
    await site.fails('TX_WOULD_REVERT', 1, 'withdraw', CONTRACT)
    await setCode(CONTRACT, ACCEPTS)

    const withdrawn = await site.ok('withdraw', CONTRACT)

    expect(withdrawn).to.include({ amount: String(ETH) })
    expect(await coinOf(CONTRACT)).to.equal(ETH)
    await site.fails('NO_CREDIT', 65, 'withdraw', CONTRACT)
  })

  it('withdraws a credit elsewhere for the account itself and for nobody else', async () => {
    const account = testAddress('reporter')
    await setCode(account, '0x')
    await site.fails('USAGE', 64, 'withdraw', account, '--to', ELSEWHERE)

    const withdrawn = await site.ok('withdraw', '--to', ELSEWHERE, '--key', 'reporter')

    expect(withdrawn).to.include({ account, amount: String(ETH) })
    expect(await coinOf(ELSEWHERE)).to.equal(ETH)
  })

  it('R-35 sweeps what nobody took within 30 days into credits, not a day before', async () => {
    await site.moveTo(FIRST_CUT + 30 * DAY)
    await site.fails('TX_WOULD_REVERT', 1, 'sweep', '1')
    await site.moveTo(FIRST_CUT + 32 * DAY)

    expect(await site.ok('sweep', '1')).to.include({ cycle: 1, swept: 1 })

    await site.ok('withdraw', fundOf(4))
    expect(await coinOf(fundOf(4))).to.equal(ETH)
    const status = await site.ok('status')
    expect(status).to.include({ isConserved: true })
    expect(status['books']).to.include({ paid: String(2n * ETH), withdrawn: String(3n * ETH) })
  })

  it('exits with 1 and says so when the contract holds less than its books', async () => {
    await site.ok('fund', '2')
    const file = join(site.dir, 'deployments', '31337.json')
    const { rewards } = JSON.parse(readFileSync(file, 'utf8')) as { rewards: string }
    await site.client.request('hardhat_setBalance', [rewards, '0x1'])

    const { code, stdout } = await site.muster('status')

    expect(code).to.equal(1)
    expect(stdout).to.contain(`✗ the contract holds 1 units, its books ask for ${2n * ETH}`)
  })
})

/** A key with a little coin that has none of the operator's roles. */
async function newPayee(site: Site): Promise<{
  address: string
  keystore: string
  env: Record<string, string>
}> {
  const passwordFile = site.write('payee.password', `${PASSWORD}\n`)
  const env = { MUSTER_PASSWORD_FILE: passwordFile }
  const home = join(site.dir, 'payee')
  const created = await runCli(['keys', 'new', 'keeper', '--light', '--json'], {
    ...site.env,
    ...env,
    MUSTER_HOME: home,
  })
  const { address, keystore } = created.json as { address: string; keystore: string }
  await site.client.request('hardhat_setBalance', [address, '0xde0b6b3a7640000'])
  return { address, keystore, env }
}

function beatsOf(validators: number): string {
  const lines = ['validator,hour,beats_expected,beats_seen']
  for (let hour = 0; hour < 24; hour += 1) {
    for (let n = 0; n < validators; n += 1) lines.push(`${nodeOf(n)},${FIRST_HOUR + hour},10,10`)
  }
  return `${lines.join('\n')}\n`
}
