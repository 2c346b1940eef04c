import { expect } from 'chai'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openChain } from '../../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../../keeper/chain/rpc/client.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'

interface DemoTx {
  kind: string
  hash: `0x${string}`
  gasUsed: number
}

describe('the demo', function () {
  // It takes ten seconds on two free cores; the whole suite may run beside it.
  this.timeout(120_000)
  let outcome: Outcome
  let folder: string
  let client: ChainClient
  let pid = 0

  before(async () => {
    outcome = await runCli(['demo', '--json', '--keep'])
    folder = /chain and store in (\S+)/.exec(outcome.stderr)?.[1] ?? ''
    const started = JSON.parse(
      readFileSync(join(folder, 'chain.log'), 'utf8').split('\n')[0] ?? '{}',
    )
    pid = started.pid
    client = await openChain({ rpcUrl: started.url, timeoutMs: 10_000 })
  })
  after(() => {
    client?.close()
    if (pid > 0) process.kill(pid, 'SIGTERM')
    if (folder !== '') rmSync(folder, { recursive: true, force: true })
  })

  it('ends with one JSON object of the agreed shape', () => {
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(Object.keys(outcome.json)).to.deep.equal([
      'chainId',
      'cycle',
      'validators',
      'snapshots',
      'eligible',
      'batchSize',
      'batches',
      'transactions',
      'pool',
      'paid',
      'credited',
      'carried',
      'seconds',
    ])
    expect(outcome.stdout.trimEnd().split('\n')).to.have.length(1)
  })

  it('finds 854 of the 900 real validators eligible by 24 snapshots', () => {
    const facts = { chainId: 31_337, cycle: 1, validators: 900, snapshots: 24, eligible: 854 }
    expect(outcome.json).to.include(facts)
  })

  it('pays out the pool to the last wei, and one refusal is a credit', () => {
    const amount = (key: string): bigint => BigInt(outcome.json[key] as string)
    expect(amount('pool')).to.equal(amount('paid') + amount('credited') + amount('carried'))
    expect(amount('credited')).to.equal(amount('pool') / 854n)
    expect(amount('carried')).to.equal(amount('pool') % 854n)
  })

  it('sent every transaction it lists, of the six kinds, and one transfer a batch', async () => {
    const transactions = outcome.json['transactions'] as DemoTx[]
    for (const { hash, gasUsed } of transactions) {
      const receipt = await client.receipt(hash)
      expect(receipt?.succeeded).to.equal(true)
      expect(Number(receipt?.gasUsed)).to.equal(gasUsed)
    }
    const count = (kind: string): number => transactions.filter((tx) => tx.kind === kind).length
    expect(count('snapshot')).to.equal(24)
    expect(count('extract')).to.equal(1)
    expect(count('transfer')).to.equal(outcome.json['batches'])
    const kinds = ['deploy', 'register', 'fund', 'snapshot', 'extract', 'transfer']
    expect([...new Set(transactions.map(({ kind }) => kind))]).to.deep.equal(kinds)
  })

  it('leaves a chain on which status, credits, withdraw and a second run-day work', async () => {
    const { url } = JSON.parse(
      readFileSync(join(folder, 'chain.log'), 'utf8').split('\n')[0] ?? '{}',
    )
    const env = {
      MUSTER_RPC_URL: url,
      MUSTER_HOME: folder,
      MUSTER_DEPLOYMENTS: join(folder, 'deployments'),
    }
    const status = await runCli(['status', '--json'], env)
    expect(status.json).to.include({ isConserved: true, openCycle: 2 })
    expect(status.json).to.have.nested.property('runway.cycles', 9)
    const credits = (await runCli(['credits', '--json'], env)).json['credits'] as object[]
    expect(credits).to.have.length(1)
    const { account, amount } = credits[0] as { account: string; amount: string }
    expect(amount).to.equal(outcome.json['credited'])
    // The payee still refuses: its credit stays where it is.
    const refused = await runCli(['withdraw', account, '--json'], env)
    expect(refused.json).to.have.nested.property('error.facts.error', 'PaymentFailed')
    const again = await runCli(['run-day', '--cycle', '1', '--json'], env)
    expect(again.json['txs']).to.deep.equal([])
  })

  it('without --keep leaves neither a folder nor a process behind', async () => {
    const { code, stderr, json } = await runCli(['demo', '--json', '--batch', '100'])

    expect(code, stderr).to.equal(0)
    expect(json).to.include({ eligible: 854, batchSize: 100 })
    expect(json['batches']).to.be.at.least(9)
    expect(existsSync(/chain and store in (\S+)/.exec(stderr)?.[1] ?? '/')).to.equal(false)
  })
})
