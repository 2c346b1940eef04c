import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet, getAddress } from 'ethers'
import type { Address } from '../../../keeper/base/schema.ts'
import { NATIVE, writeDeployment } from '../../../keeper/chain/contracts.ts'
import type { Deployment } from '../../../keeper/chain/contracts.ts'
import { contractsOf } from '../../../keeper/commands/wallet.ts'
import { startNode } from '../../helpers/chain.ts'
import type { TestNode } from '../../helpers/chain.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'

const addressOf = (byte: string): Address => getAddress(`0x${byte.repeat(20)}`) as Address
const REGISTRY = addressOf('a1')

function deploymentOn(chainId: number): Deployment {
  return {
    chainId,
    registry: REGISTRY,
    rewards: addressOf('a2'),
    timelock: addressOf('a3'),
    extraction: addressOf('a4'),
    asset: NATIVE,
    decimals: 18,
    symbol: 'ETH',
    firstCut: 1_732_298_400,
    pushWindow: 14_400,
    deployBlock: 1,
    deployTx: {},
    sponsor: addressOf('b1'),
    guardian: addressOf('b2'),
    keeper: addressOf('b3'),
    reporter: addressOf('b4'),
    commit: 'c1'.repeat(20),
    deployedAt: '2026-11-21T12:00:00Z',
  }
}

describe('the commands of wallets and holds', function () {
  this.timeout(180_000)
  const first = new Wallet(`0x${'11'.repeat(32)}`)
  const second = new Wallet(`0x${'22'.repeat(32)}`)
  let node: TestNode
  let dir: string

  before(async () => {
    node = await startNode()
    dir = mkdtempSync(join(tmpdir(), 'muster-wallets-'))
    await writeDeployment(join(dir, 'deployments'), deploymentOn(node.client.chainId))
  })

  after(async () => {
    rmSync(dir, { recursive: true, force: true })
    await node.close()
  })

  const muster = (...args: string[]): Promise<Outcome> =>
    runCli([...args, '--json'], {
      MUSTER_HOME: join(dir, 'home'),
      MUSTER_DEPLOYMENTS: join(dir, 'deployments'),
      MUSTER_RPC_URL: node.url,
    })

  async function ok(...args: string[]): Promise<Record<string, unknown>> {
    const { code, json, stdout, stderr } = await muster(...args)
    expect(code, `${args.join(' ')}\n${stdout}\n${stderr}`).to.equal(0)
    return json
  }

  async function refusal(...args: string[]): Promise<string> {
    const { json } = await muster(...args)
    return (json['error'] as { code: string }).code
  }

  /** As the payee's wallet does: signs what it is shown and nothing else. */
  async function signed(wallet: Wallet): Promise<[file: string, signature: string]> {
    const request = await ok('wallet', 'message', 'players', 'player-7', wallet.address)
    const file = join(dir, `${wallet.address}.json`)
    writeFileSync(file, JSON.stringify(request))
    const { types, domain, message } = request as Record<string, Record<string, never>>
    const { EIP712Domain: _, ...own } = types ?? {}
    return [file, await wallet.signTypedData(domain ?? {}, own, message ?? {})]
  }

  it('a wallet is linked by its message, changed with a delay, and the change cancelled', async () => {
    const [file, signature] = await signed(first)
    expect(await ok('wallet', 'link', file, '--signature', signature)).to.deep.include({
      primary: first.address,
      pending: null,
    })
    expect(await refusal('wallet', 'link', file, '--signature', signature)).to.equal(
      'WALLET_NONCE_USED',
    )
    const [next, by] = await signed(second)
    const changed = await ok('wallet', 'link', next, '--signature', by)
    expect(changed).to.include({ primary: first.address })
    expect(changed['pending']).to.include({ wallet: second.address })

    await ok('wallet', 'cancel', 'players', 'player-7', '--reason', 'not by the payee')

    expect(await ok('wallet', 'list', 'players', 'player-7')).to.deep.equal({
      program: 'players',
      payee: 'player-7',
      primary: first.address,
      linked: [first.address],
      pending: null,
    })
    await ok('wallet', 'unlink', 'players', 'player-7', first.address, '--reason', 'key lost')
    const { entries } = (await ok('trail')) as { entries: { action: string; target: string }[] }
    expect(entries.map(({ action }) => action)).to.deep.equal([
      'wallet.unlink',
      'wallet.cancel',
      'wallet.link',
      'wallet.link',
    ])
    expect(entries[0]?.target).to.equal('players/player-7')
  })

  it('a denied address is not linked until the denial is removed', async () => {
    const third = new Wallet(`0x${'33'.repeat(32)}`)
    const denial = await ok('deny', 'add', third.address, '--reason', 'sanctions')
    const [file, signature] = await signed(third)
    expect(await refusal('wallet', 'link', file, '--signature', signature)).to.equal('PAYEE_DENIED')

    await ok('deny', 'remove', String(denial['id']), '--reason', 'another person')

    await ok('wallet', 'link', file, '--signature', signature)
    expect(await ok('deny', 'list')).to.deep.equal({ deny: [] })
  })

  it('a hold is listed with who, why and until when, and removed', async () => {
    const why = ['--reason', 'in dispute']
    const held = await ok(
      'hold',
      'add',
      '--program',
      'players',
      '--payee',
      'p-1',
      '--until',
      '7d',
      ...why,
    )

    const { hold } = (await ok('hold', 'list')) as { hold: Record<string, unknown>[] }
    expect(hold).to.have.length(1)
    expect(hold[0]).to.include({ payee: 'p-1', reason: 'in dispute', until: held['until'] })
    expect(hold[0]?.['actor']).to.match(/^cli:/)
    await ok('hold', 'remove', String(held['id']), ...why)
    expect(await refusal('hold', 'remove', String(held['id']), ...why)).to.equal('HOLD_UNKNOWN')
  })

  it('what does not say whom, why or until when is refused', async () => {
    const why = ['--reason', 'x']
    for (const args of [
      ['hold', 'add', ...why],
      ['hold', 'add', '--payee', 'p-1', ...why],
      ['hold', 'add', '--program', 'players'],
      ['hold', 'add', '--program', 'players', '--until', '2020-01-01T00:00:00Z', ...why],
      ['wallet', 'link', 'file'],
      ['wallet', 'message', 'players', 'p-1', first.address, '--hours', '169'],
    ]) {
      expect(await refusal(...args), args.join(' ')).to.equal('USAGE')
    }
    expect(await refusal('deny', 'add', '0x12', ...why)).to.equal('INPUT_INVALID')
  })
})

describe('the addresses where nobody is paid', () => {
  it('are the contracts of a deployment, not its people', () => {
    const contracts = contractsOf(deploymentOn(31_337))

    expect(contracts).to.have.members([
      REGISTRY,
      addressOf('a2'),
      addressOf('a3'),
      addressOf('a4'),
      NATIVE,
    ])
  })
})
