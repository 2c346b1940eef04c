import { expect } from 'chai'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildProgram } from '../../../keeper/commands/command-line.ts'
import { COMMANDS } from '../../../keeper/commands/command-table.ts'
import type { Site } from '../../helpers/cli.ts'
import { FIRST_CUT, HOUR, fundOf, nodeOf, openSite, runCli } from '../../helpers/cli.ts'

const ZERO = `0x${'0'.repeat(40)}`

describe('bad input at the command line', function () {
  this.timeout(120_000)
  let site: Site

  before(async () => {
    site = await openSite(FIRST_CUT - 3 * HOUR)
  })
  after(async () => site.close())

  it('names the missing deployment, the wrong chain and the node that is not there', async () => {
    await site.fails('DEPLOYMENT_MISSING', 78, 'status')
    await site.fails('CHAIN_ID_WRONG', 78, 'status', '--chain-id', '1')
    await site.fails('RPC_UNAVAILABLE', 69, 'status', '--rpc-url', 'http://127.0.0.1:9')
    await site.fails('SETTING_INVALID', 78, 'status', '--rpc-url', 'nonsense')
  })

  it('S-26 names a contract that is not at its address', async () => {
    await site.ok('deploy')
    const file = join(site.dir, 'deployments', '31337.json')
    const record = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const other = join(site.dir, 'elsewhere')
    mkdirSync(other)
    const write = (changes: object): void =>
      writeFileSync(join(other, '31337.json'), JSON.stringify({ ...record, ...changes }))

    write({ registry: fundOf(1) })
    const facts = await site.fails('NO_CODE', 78, 'status', '--deployments', other)
    expect(facts).to.include({ name: 'HeartbeatRegistry', chainId: 31_337 })
    write({ firstCut: 'soon' })
    await site.fails('DEPLOYMENT_INVALID', 78, 'status', '--deployments', other)
    write({ firstCut: FIRST_CUT + HOUR })
    await site.fails('DEPLOYMENT_INVALID', 78, 'status', '--deployments', other)
  })

  it('lists every fault of a CSV with its line and imports nothing', async () => {
    const file = site.write(
      'faults.csv',
      [
        'node,fund,weight',
        `${nodeOf(1)},${fundOf(1)},1`,
        `0x1234,${fundOf(2)},1`,
        `${nodeOf(3)},${ZERO},1`,
        `${nodeOf(1)},${fundOf(9)},1`,
        `${nodeOf(4)},${fundOf(4)},-3`,
        `${nodeOf(5)},${fundOf(5)}`,
      ].join('\n'),
    )

    const facts = await site.fails('CSV_INVALID', 65, 'validators', 'import', file)

    const lines = (facts['faults'] as { line: number }[]).map(({ line }) => line)
    expect(lines).to.deep.equal([3, 4, 5, 6, 7])
    expect((await site.ok('validators', 'list'))['validators']).to.deep.equal([])
    const told = await site.muster('validators', 'import', file)
    expect(told.code).to.equal(65)
    expect(told.stderr).to.match(/line 4: fund: the zero address/)
  })

  it('lists the faults of a JSON roster, and names files that are none', async () => {
    const json = site.write(
      'faults.json',
      JSON.stringify([{ node: nodeOf(1) }, { node: 'x', fund: fundOf(1) }]),
    )
    const facts = await site.fails('ROSTER_INVALID', 65, 'validators', 'import', json)
    expect(facts['faults']).to.have.length(2)
    await site.fails('FILE_UNREADABLE', 65, 'validators', 'import', join(site.dir, 'nowhere.csv'))
    await site.fails('ROSTER_INVALID', 65, 'validators', 'add', nodeOf(1), ZERO)
  })

  it('refuses the registry and the rewards contract as a fund address, before it is scheduled', async () => {
    const { registry } = JSON.parse(
      readFileSync(join(site.dir, 'deployments', '31337.json'), 'utf8'),
    )
    const facts = await site.fails('TX_WOULD_REVERT', 1, 'validators', 'add', nodeOf(1), registry)
    expect(facts['error']).to.equal('ForbiddenFund')
  })

  it('refuses a snapshot for an empty roster and an unreadable one', async () => {
    const list = site.write('online.txt', `${nodeOf(1)}\n`)
    await site.moveTo(FIRST_CUT + 2 * HOUR)
    const push = ['snapshot', 'push', '--hour', '2024-11-25T18:00:00Z', '--from']
    await site.fails('SNAPSHOT_UNKNOWN_NODES', 65, ...push, list)
    await site.fails('EMPTY_ROSTER', 65, ...push, site.write('none.hex', `0x${'0'.repeat(64)}`))
    const empty = await site.fails('SNAPSHOT_INPUT_INVALID', 65, ...push, site.write('empty', ''))
    expect(empty['faults']).to.match(/a bitmap of zeros/)
    await site.fails('SNAPSHOT_INPUT_INVALID', 65, ...push, site.write('bad.txt', 'node\nx\ny\n'))
    await site.fails('FILE_UNREADABLE', 65, ...push, join(site.dir, 'nowhere.txt'))
  })

  it('names a key that cannot be used: no file, no keystore, no password, a wrong one', async () => {
    const key = join(site.dir, 'home', 'keys', 'keeper.json')
    const run = async (env: Record<string, string>): Promise<[unknown, number]> => {
      const { json, code } = await runCli(['extract', '--json'], { ...site.env, ...env })
      return [(json['error'] as { code: string }).code, code]
    }
    expect(await run({ MUSTER_KEEPER_KEYSTORE: join(site.dir, 'none.json') })).to.deep.equal([
      'KEY_NOT_CONFIGURED',
      78,
    ])
    const created = await site.ok('keys', 'new', 'keeper', '--light')
    expect(created).to.include({ keystore: key })
    await site.fails('KEYSTORE_EXISTS', 78, 'keys', 'new', 'keeper')
    // An import that fails leaves nothing behind that would stop the next one.
    const noKey = site.write('no-key.txt', 'zz')
    for (const file of [noKey, noKey, join(site.dir, 'nowhere')]) {
      await site.fails('FILE_UNREADABLE', 65, 'keys', 'new', 'admin', '--light', '--import', file)
    }
    expect(await run({})).to.deep.equal(['PASSWORD_MISSING', 78])
    expect(await run({ MUSTER_KEEPER_PASSWORD: 'not this one' })).to.deep.equal([
      'PASSWORD_WRONG',
      77,
    ])
    writeFileSync(key, '{}')
    expect(await run({ MUSTER_KEEPER_PASSWORD: 'any password' })).to.deep.equal([
      'KEYSTORE_UNREADABLE',
      78,
    ])
    const { keys } = JSON.parse(
      (await site.muster('keys', 'list', '--json')).stdout || '{"keys":[]}',
    )
    expect(keys ?? []).to.be.an('array')
    await site.fails('USAGE', 64, 'keys', 'new', 'treasurer')
  })

  it('names a key without coin: no nonce is used', async () => {
    const home = join(site.dir, 'poor')
    const env = { ...site.env, MUSTER_HOME: home, MUSTER_DEPLOYER_PASSWORD: 'correct horse' }
    await runCli(['keys', 'new', 'deployer', '--light'], env)
    const { json, code } = await runCli(['fund', '1', '--json'], env)
    expect(json).to.have.nested.property('error.code', 'INSUFFICIENT_FUNDS')
    expect(code).to.equal(1)
  })

  it('names a key without the role', async () => {
    const home = join(site.dir, 'stranger')
    const env = { ...site.env, MUSTER_HOME: home, MUSTER_GUARDIAN_PASSWORD: 'correct horse' }
    const created = await runCli(['keys', 'new', 'guardian', '--light', '--json'], env)
    await site.client.request('hardhat_setBalance', [created.json['address'], '0xde0b6b3a7640000'])
    const { json, code } = await runCli(['pause', '--json'], env)
    expect(json).to.have.nested.property('error.code', 'TX_WOULD_REVERT')
    expect(json).to.have.nested.property('error.facts.error', 'AccessControlUnauthorizedAccount')
    expect(code).to.equal(1)
  })

  it('refuses a deployment that would not be sound, before anything is sent', async () => {
    const before = await site.client.blockNumber()
    const deploy = ['deploy', '--force', '--keeper', fundOf(8)]
    await site.fails('DEPLOY_PARAMS_INVALID', 78, ...deploy, '--reporter', fundOf(8))
    await site.fails('NO_CODE', 78, ...deploy, '--token', fundOf(3))
    await site.fails('ZONE_GRID_MISFIT', 78, ...deploy, '--first-cut', '2024-11-26T03:00:00Z')
    await site.fails('TIME_INVALID', 64, ...deploy, '--first-cut', 'tomorrow')
    await site.fails('VERIFY_IMPOSSIBLE', 69, 'verify-source')
    expect(await site.client.blockNumber()).to.equal(before)
  })

  it('answers a wrong word, a missing argument and an unknown flag with exit 64', async () => {
    for (const args of [['settle'], ['fund'], ['status', '--fast'], ['demo', '--batch', 'many']]) {
      await site.fails('USAGE', 64, ...args)
    }
  })

  it('shows the commands to who names none, and points to the nearest for a misspelt one', async () => {
    const nothing = await site.muster()
    expect(nothing.code).to.equal(64)
    expect(nothing.stderr).to.contain('run-day').and.contain('See `muster --help`.')
    const group = await site.muster('admin')
    expect(group.stderr).to.contain('schedule').and.contain('See `muster admin --help`.')
    const typo = await site.muster('statsu')
    expect(typo.stderr).to.contain('Did you mean status?').and.contain('See `muster --help`.')
    const nested = await site.muster('validators', 'lst')
    expect(nested.stderr).to.contain('See `muster validators --help`.')
    expect((await site.muster('--version')).stdout).to.match(/^\d+\.\d+\.\d+\n$/)
  })

  it('names the header of a CSV that lacks a column, once', async () => {
    const row = `${nodeOf(1)},${fundOf(1)}\n`
    const file = site.write('bare.csv', `${row}${row}${row}`)
    const facts = await site.fails('CSV_INVALID', 65, 'validators', 'import', file)
    expect(facts['faults']).to.have.length(1)
    expect(facts).to.have.nested.property('faults[0].line', 1)
  })

  it('says one fault in its sentence, and several one a line, without brackets', async () => {
    const one = await site.muster('params', 'set', 'rateBps=1', '--chain-id', '0')
    expect(one.stderr).to.not.match(/[[\]]/)
    const two = site.write('two.csv', `node,fund\nx,${fundOf(1)}\ny,${fundOf(1)}\n`)
    const { stderr } = await site.muster('validators', 'import', two)
    expect(stderr)
      .to.contain('nothing was imported:\n  - line 2: node')
      .and.not.match(/[[\]{}]/)
  })

  it('refuses parameters that the constructors would refuse before anything is sent', async () => {
    const before = await site.client.blockNumber()
    const wrong = ['--rate', '10001', '--min-snapshots', '25', '--max-refused', '0', '--cap', '0']
    const more = ['--stipend', '1', '--grace', '5', '--push-window', '100']
    const plain = ['deploy', '--force', '--keeper', fundOf(8)]
    const facts = await site.fails('DEPLOY_PARAMS_INVALID', 78, ...plain, ...wrong, ...more)
    expect(facts['faults']).to.have.length(7)
    const flag = await site.fails('USAGE', 64, ...plain, '--timelock-delay', '-5')
    expect(flag).to.deep.equal({
      what: '--timelock-delay "-5" is not a whole number',
      command: 'deploy',
    })
    await site.fails('USAGE', 64, ...plain, '--verify', '--explorer', 'google')
    expect(await site.client.blockNumber()).to.equal(before)
  })

  it('names a folder in which no chain can be kept', async () => {
    const file = site.write('not-a-folder', '')
    await site.fails('CHAIN_STATE_BROKEN', 65, 'chain', '--port', '0', '--state', file)
  })
})

describe('every command', () => {
  /** What the process of the command line prints, without one for each of a hundred. */
  function helpOf(usage: string): string {
    let shown = ''
    const words = usage.split(' ').filter((word) => /^[a-z]/.test(word))
    const program = buildProgram()
    const command = words.reduce(
      (at, word) => at.commands.find((each) => each.name() === word) ?? at,
      program,
    )
    // As into a pipe.
    const output = { getOutHelpWidth: () => 80, getOutHasColors: () => false }
    command.configureOutput({ ...output, writeOut: (text) => (shown += text) }).outputHelp()
    return shown
  }

  it('explains itself with --help: what it does and an example', () => {
    const helps = COMMANDS.map(({ usage, example, about }) => ({
      usage,
      example,
      about,
      help: helpOf(usage),
    }))
    const bad = helps.filter(
      ({ example, help }) => !help.includes(example) || !help.includes('--json'),
    )
    expect(bad.map(({ usage }) => usage)).to.deep.equal([])
  })

  it('is asked for its help by a real process, too', async () => {
    const { code, stdout } = await runCli(['partners', 'run', '--help'])
    expect([code, stdout]).to.deep.equal([0, helpOf('partners run')])
  })
})
