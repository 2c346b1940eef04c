import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Interface, getAddress } from 'ethers'
import type { Address, Hex } from '../../../keeper/base/schema.ts'
import { ROOT } from '../../../keeper/commands/artifacts.ts'
import { testAddress } from '../../../keeper/commands/local-accounts.ts'
import type { Site } from '../../helpers/cli.ts'
import { FIRST_CUT, HOUR, fundOf, nodeOf, openSite } from '../../helpers/cli.ts'

const TOKENS = 5n * 10n ** 18n
const FIRST_HOUR = FIRST_CUT / HOUR

describe('an ERC-20 deployment at the command line', function () {
  this.timeout(120_000)
  let site: Site
  let token: Address
  const erc20 = new Interface([
    'function mint(address to, uint256 amount)',
    'function balanceOf(address) view returns (uint256)',
  ])

  async function send(to: Address | undefined, data: string): Promise<Address> {
    const from = testAddress('deployer')
    const hash = await site.client.request<Hex>('eth_sendTransaction', [
      { from, ...(to ? { to } : {}), data, gas: '0x500000' },
    ])
    const receipt = await site.client.request<{ contractAddress: Address | null }>(
      'eth_getTransactionReceipt',
      [hash],
    )
    return getAddress(receipt.contractAddress ?? testAddress('deployer')) as Address
  }

  async function tokensOf(account: string): Promise<bigint> {
    const data = erc20.encodeFunctionData('balanceOf', [account]) as Hex
    return BigInt(await site.client.call({ to: token, data }))
  }

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
    const file = join(ROOT, 'artifacts/contracts/mocks/ERC20Mock.sol/ERC20Mock.json')
    const { bytecode } = JSON.parse(readFileSync(file, 'utf8')) as { bytecode: string }
    token = await send(undefined, bytecode)
    await send(token, erc20.encodeFunctionData('mint', [testAddress('deployer'), TOKENS]))
  })
  after(async () => site.close())

  it('reads name and decimals of the token, approves, funds and pays a day in it', async () => {
    const deployed = await site.ok('deploy', '--token', token)
    expect(deployed).to.include({ asset: token, decimals: 18 })
    await site.ok('validators', 'add', nodeOf(1), fundOf(1))
    await site.ok('validators', 'add', nodeOf(2), fundOf(2))
    await site.ok('fund', '5')
    const rows = Array.from({ length: 24 }, (_, hour) =>
      [1, 2].map((n) => `${nodeOf(n)},${FIRST_HOUR + hour},10,${n === 1 ? 10 : 0}`).join('\n'),
    )
    const beats = site.write(
      'beats.csv',
      `validator,hour,beats_expected,beats_seen\n${rows.join('\n')}\n`,
    )

    const day = await site.ok('run-day', '--replay', beats)

    expect(day).to.include({ eligible: 1, paid: String(TOKENS), carried: '0' })
    expect(await tokensOf(fundOf(1))).to.equal(TOKENS)
    expect(await tokensOf(fundOf(2))).to.equal(0n)
    const status = await site.ok('status')
    expect(status).to.include({ isConserved: true, asset: token })
    // The funds are gone: the next funding cannot be approved away.
    await site.fails('TX_WOULD_REVERT', 1, 'fund', '1')
  })
})
