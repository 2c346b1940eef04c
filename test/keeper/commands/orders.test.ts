import { expect } from 'chai'
import { SECONDS_PER_HOUR, isoTime, systemClock } from '../../../keeper/base/time.ts'
import { askKeeper } from '../../../keeper/api/control.ts'
import { POSTGRES_URL, createDatabase } from '../../helpers/databases.ts'
import type { Site, Started } from '../../helpers/cli.ts'
import { fundOf, nodeOf, openSite, runCli, startCli } from '../../helpers/cli.ts'
import { rejectionOf } from '../../helpers/errors.ts'

// The daemon lives by this machine's clock, so the chain is brought to it: an hour is over.
const NOW = systemClock.now()
const FIRST_CUT = NOW - (NOW % SECONDS_PER_HOUR) - SECONDS_PER_HOUR

// Hardhat's fourth account: see keeper/commands/local-accounts.ts.
const REPORTER = 3

interface Row {
  id: string
  kind: string
  state: string
  nonce: number
}

interface Attempt {
  purpose: string
  maxFeePerGas: string
}

describe("an operator's orders at the command line", function () {
  this.timeout(120_000)
  let site: Site
  let keeper: Started

  const mine = (): Promise<unknown> => site.client.request('evm_mine')
  const automine = (isOn: boolean): Promise<unknown> =>
    site.client.request('evm_setAutomine', [isOn])

  beforeEach(async () => {
    site = await openSite(FIRST_CUT - SECONDS_PER_HOUR)
    await site.ok('deploy', ...dailyTime(), '--first-cut', isoTime(FIRST_CUT))
    await site.ok('validators', 'add', nodeOf(1), fundOf(1))
    await site.moveTo(systemClock.now())
    await automine(false)
    await start(site.env)
    await untilAnswered()
  })
  afterEach(async () => {
    keeper.kill('SIGKILL')
    await keeper.ended
    await site.close()
  })

  /** Its first snapshot is out, and nobody mines it. */
  async function start(env: Record<string, string>, says = '"tx-broadcast"'): Promise<void> {
    const hour = FIRST_CUT / SECONDS_PER_HOUR
    const row = `${nodeOf(1)},${hour},10,10`
    const beats = site.write('beats.csv', `validator,hour,beats_expected,beats_seen\n${row}\n`)
    const flags = ['--beats', beats, ...dailyTime()]
    keeper = startCli(['keeper', ...flags], { ...env, MUSTER_POLL_MS: '50' })
    await keeper.says(says)
  }

  /** The socket opens right after the runner has started. */
  async function untilAnswered(): Promise<void> {
    const asked = { name: 'status', args: [], options: {} }
    const home = site.env['MUSTER_HOME'] ?? ''
    for (let look = 0; look < 100; look += 1) {
      if (await askKeeper(home, asked, AbortSignal.timeout(5_000))) return
      await systemClock.sleep(50)
    }
    throw new Error('the keeper does not answer')
  }

  async function pending(): Promise<Row> {
    const { transactions } = await site.ok('journal', '--kind', 'snapshot')
    const [row] = transactions as Row[]
    if (!row) throw new Error('the keeper sent no snapshot')
    return row
  }

  async function attemptsOf(id: string): Promise<Attempt[]> {
    return (await site.ok('journal', 'show', id))['attempts'] as Attempt[]
  }

  it('bump and cancel reach a running keeper on the embedded store; drain ends it with exit 0', async () => {
    const { id, state, nonce } = await pending()
    expect(state).to.equal('broadcast')
    const status = (await site.ok('status'))['keeper'] as Record<string, unknown>
    expect(status).to.include({ isRunning: true })
    expect(status).to.have.nested.property('queue[0].open[0].id', id)

    for (const step of ['bump', 'cancel']) {
      const dry = await site.ok(step, id, '--dry-run')
      expect(dry).to.include({ dryRun: true })
      expect(dry).to.have.nested.property('fees.maxFeePerGas').that.matches(/^\d+$/)
    }
    expect(await attemptsOf(id), 'a dry run signs nothing').to.have.length(1)

    const bumped = await site.ok('bump', id)
    expect(bumped).to.have.nested.property('attempt.purpose', 'bump')
    const [first, second] = await attemptsOf(id)
    expect(BigInt(second?.maxFeePerGas ?? 0) * 8n > BigInt(first?.maxFeePerGas ?? 0) * 9n).to.equal(
      true,
    )
    const cancelled = await site.muster('cancel', id)
    expect(cancelled.code).to.equal(0)
    expect(cancelled.stdout).to.contain('either it or the original is mined')
    expect((await attemptsOf(id)).map(({ purpose }) => purpose)).to.deep.equal([
      'send',
      'bump',
      'cancel',
    ])

    expect(await site.ok('drain', '--dry-run')).to.include({ isRunning: true })
    await automine(true)
    await mine()
    expect(await site.ok('drain')).to.include({ drained: true })
    expect(await keeper.ended).to.include({ code: 0 })
    const end = await pending()
    expect(end).to.include({ id, state: 'cancelled', nonce })
    await site.fails('TX_NOT_PENDING', 65, 'bump', id)
    await site.fails('TX_NOT_STOPPED', 65, 'resume', id)
    await site.fails('TX_NOT_FOUND', 65, 'cancel', '999')
    expect(await site.ok('drain')).to.include({ drained: false })
  })

  it('the same orders go on without a keeper: bump, and resume with the same bytes until final', async () => {
    const { id } = await pending()
    keeper.kill('SIGKILL')
    await keeper.ended
    expect((await site.ok('status'))['keeper']).to.include({ isRunning: false })
    expect(await site.ok('bump', id, '--dry-run')).to.have.nested.property('transactions[0].id', id)
    await site.ok('bump', id)
    expect(await attemptsOf(id)).to.have.length(2)
    await site.ok('resume', '--dry-run')
    await automine(true)
    await mine()
    const resumed = await site.ok('resume')
    expect(resumed).to.have.nested.property('resumed[0].state', 'final')
    expect(resumed['stopped']).to.deep.equal([])
    expect((await site.muster('resume')).stdout).to.equal('nothing was on its way\n')
  })

  it('a row that stopped the queue is closed by a person alone: TX_UNKNOWN_STILL without --abandon', async () => {
    await pending()
    keeper.kill('SIGKILL')
    await keeper.ended
    await automine(true)
    await mine()
    // Somebody else has the key: the next nonce is used by a transaction that the journal does not know.
    const accounts = await site.client.request<string[]>('eth_accounts')
    const from = accounts[REPORTER]
    await site.client.request('eth_sendTransaction', [{ from, to: from }])
    const refused = await site.muster('resume', '--json')
    expect(refused.code).to.equal(1)
    expect(refused.json['stopped']).to.have.length(1)
    const [stray] = (await site.ok('journal', '--state', 'unknown'))['transactions'] as Row[]
    const id = stray?.id ?? ''
    expect((await site.muster('status')).stdout).to.contain(`muster resume ${id}`)

    await site.fails('TX_UNKNOWN_STILL', 1, 'resume', id, '--dry-run')
    await site.fails('TX_UNKNOWN_STILL', 1, 'resume', id)
    await site.ok('resume', id, '--abandon', '--dry-run')
    expect((await site.ok('journal', '--state', 'unknown'))['transactions']).to.have.length(1)
    const closed = await site.ok('resume', id, '--abandon')
    expect(closed).to.have.nested.property('transaction.state', 'cancelled')
    await site.fails('TX_NOT_STOPPED', 65, 'resume', id, '--abandon')
    expect((await site.ok('resume'))['stopped']).to.deep.equal([])
  })

  it('refuses what the running keeper cannot do: keys it does not have, orders it does not know', async () => {
    const { transactions } = await site.ok('journal', '--limit', '100')
    const other = (transactions as Row[]).find(({ kind }) => kind !== 'snapshot')
    await site.fails('TX_NOT_PENDING', 65, 'bump', other?.id ?? '')
    const home = site.env['MUSTER_HOME'] ?? ''
    const unknown = { name: 'toString', args: [], options: {} }
    const refused = await rejectionOf(askKeeper(home, unknown, new AbortController().signal))
    expect(refused.code).to.equal('CONTROL_UNKNOWN')
  })

  it("refuses to raise another key's transaction with the keeper's keys, and does it without the keeper", async () => {
    keeper.kill('SIGKILL')
    await keeper.ended
    await mine()
    const hasty = { ...site.env, MUSTER_NONCE_WAIT_MS: '500', MUSTER_POLL_MS: '50' }
    expect((await runCli(['fund', '1'], hasty)).code).to.equal(75)
    await start(site.env, '"runner-started"')
    await untilAnswered()
    const { transactions } = await site.ok('journal', '--kind', 'fund')
    const [fund] = transactions as Row[]
    await site.fails('SENDER_NOT_OPEN', 65, 'bump', fund?.id ?? '')
    keeper.kill('SIGKILL')
    await keeper.ended
    expect(await site.ok('bump', fund?.id ?? '')).to.have.nested.property('attempt.purpose', 'bump')
  })

  it('unlock takes nothing from a keeper that lives, and what a killed one left', async () => {
    await site.fails('STORE_LOCKED', 75, 'unlock', '--dry-run')
    await site.fails('STORE_LOCKED', 75, 'unlock')
    keeper.kill('SIGKILL')
    await keeper.ended
    expect(await site.ok('unlock', '--dry-run')).to.include({ dryRun: true, directory: true })
    const freed = await site.ok('unlock')
    expect(freed).to.include({ directory: true })
    expect(freed['leases']).to.have.length(2)
    expect(await site.ok('unlock')).to.deep.equal({ dryRun: false, directory: false, leases: [] })
  })

  if (POSTGRES_URL !== undefined) {
    it('unlock on PostgreSQL is LEASE_HELD while the keeper lives, and frees its keys once it is killed', async () => {
      keeper.kill('SIGKILL')
      await keeper.ended
      const database = await createDatabase()
      try {
        const env = { ...site.env, DATABASE_URL: database.url }
        await start(env)
        const dry = await runCli(['unlock', '--dry-run', '--json'], env)
        expect(dry.json['leases']).to.have.length(2)
        const refused = await runCli(['unlock', '--json'], env)
        expect(refused.json).to.have.nested.property('error.code', 'LEASE_HELD')
        expect(refused.code).to.equal(75)
        keeper.kill('SIGKILL')
        await keeper.ended
        expect((await runCli(['unlock', '--json'], env)).json['leases']).to.have.length(2)
        expect((await runCli(['unlock', '--json'], env)).json['leases']).to.have.length(0)
      } finally {
        await database.drop()
      }
    })
  }
})

function dailyTime(): string[] {
  return ['--daily-time', isoTime(FIRST_CUT).slice(11, 16)]
}
