import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../../keeper/base/time.ts'
import { openStore } from '../../../keeper/store/open-store.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'

describe('muster verify at the command line', function () {
  // The demo takes ten seconds on two free cores; the whole suite may run beside it.
  this.timeout(180_000)
  let folder = ''
  let pid = 0
  let env: Record<string, string>

  before(async () => {
    const demo = await runCli(['demo', '--json', '--keep'])
    folder = /chain and store in (\S+)/.exec(demo.stderr)?.[1] ?? ''
    const log = readFileSync(join(folder, 'chain.log'), 'utf8').split('\n')[0] ?? '{}'
    const started = JSON.parse(log) as { pid: number; url: string }
    pid = started.pid
    env = {
      MUSTER_RPC_URL: started.url,
      MUSTER_HOME: folder,
      MUSTER_DEPLOYMENTS: join(folder, 'deployments'),
    }
  })
  after(() => {
    if (pid > 0) process.kill(pid, 'SIGTERM')
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  })

  const verify = (...args: string[]): Promise<Outcome> => runCli(['verify', ...args], env)

  it('verifies the demo’s day of 900 validators: exit 0, a line a cycle, the sums', async () => {
    const { code, stdout, stderr } = await verify()
    expect(code, stdout + stderr).to.equal(0)
    expect(stdout).to.match(/✓ +1 +settled +24 +854 +100 ETH/)
    expect(stdout).to.include('✓ derived from events ↔ chain')
    expect(stdout).to.match(/✓ chain ↔ journal \(\d+ rows\)/)
    expect(stdout).to.include('✓ journal ↔ store')
    expect(stdout).to.match(/funded 1000 ETH\n {2}= paid /)
  })

  it('with --json gives one object of the agreed shape, amounts as decimal strings', async () => {
    const { code, json, stdout } = await verify('--json', '--from', '1', '--to', '3')
    expect(code).to.equal(0)
    expect(stdout.trimEnd().split('\n')).to.have.length(1)
    expect(Object.keys(json)).to.deep.equal([
      'ok',
      'chainId',
      'block',
      'events',
      'transactions',
      'layers',
      'cycles',
      'totals',
      'journalRows',
      'receipts',
      'notes',
      'divergence',
      'divergences',
      'found',
    ])
    expect(json).to.include({ ok: true, chainId: 31_337, divergence: null, found: 0 })
    const layers = { chain: 'ok', journal: 'ok', store: 'ok', receipts: 'skipped' }
    expect(json['layers']).to.deep.equal(layers)
    const totals = json['totals'] as Record<string, string>
    const { funded = '0', ...parts } = totals
    const sum = Object.values(parts).reduce((total, part) => total + BigInt(part), 0n)
    expect(sum).to.equal(BigInt(funded))
  })

  it('an auditor needs a node and two addresses, nothing of the keeper', async () => {
    const file = readFileSync(join(folder, 'deployments', '31337.json'), 'utf8')
    const { registry, rewards } = JSON.parse(file) as { registry: string; rewards: string }
    const { MUSTER_RPC_URL = '' } = env
    const named = ['--registry', registry, '--rewards', rewards]
    const args = ['verify', '--chain-only', ...named, '--json']
    const { code, json, stdout, stderr } = await runCli(args, { MUSTER_RPC_URL })
    expect(code, stdout + stderr).to.equal(0)
    const skipped = { journal: 'skipped', store: 'skipped', receipts: 'skipped' }
    expect(json['layers']).to.deep.equal({ chain: 'ok', ...skipped })
    expect(json['cycles']).to.have.nested.property('[0].eligible', 854)
  })

  it('exits 1 and names the row after somebody edited the journal', async () => {
    const db = await openStore({ home: folder, clock: systemClock })
    const { id, gas_used: gas } = await db.one<{ id: bigint; gas_used: bigint }>(
      `update tx set gas_used = gas_used + 1 where kind = 'extract' returning id, gas_used`,
    )
    await db.close()
    const { code, stdout } = await verify()
    expect(code).to.equal(1)
    expect(stdout).to.match(
      new RegExp(
        `✗ the gas used of row ${id} \\(extract 1\\) \\(tx 0x\\w+\\): expected ${gas}, found ${gas - 1n}\\.`,
      ),
    )
    const json = (await verify('--json')).json
    expect(json).to.include({ ok: false })
    expect(json).to.have.nested.property('divergence.kind', 'receipt-differs')
    // The chain itself is as it should be.
    expect((await verify('--chain-only')).code).to.equal(0)
  })

  const REFUSED: [string, string[]][] = [
    ['a range that is empty', ['--from', '3', '--to', '2']],
    ['a cycle that is no number', ['--from', 'x']],
    ['one address without the other', ['--chain-only', '--registry', `0x${'1'.repeat(40)}`]],
    [
      'addresses and the store',
      ['--registry', `0x${'1'.repeat(40)}`, '--rewards', `0x${'2'.repeat(40)}`],
    ],
  ]
  for (const [what, args] of REFUSED) {
    it(`refuses ${what}`, async () => {
      const { code, json } = await verify(...args, '--json')
      expect(code).to.equal(64)
      expect(json).to.have.nested.property('error.code', 'USAGE')
    })
  }
})
