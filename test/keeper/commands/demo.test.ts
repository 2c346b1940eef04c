import { expect } from 'chai'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openChain } from '../../../keeper/chain/client.ts'
import type { ChainClient } from '../../../keeper/chain/client.ts'
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
})
