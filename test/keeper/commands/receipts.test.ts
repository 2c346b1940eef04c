import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Address } from '../../../keeper/base/schema.ts'
import { hourOf, startOfHour } from '../../../keeper/base/time.ts'
import { walletSigner } from '../../../keeper/chain/keys/signer.ts'
import { signHour } from '../../../keeper/heartbeat/receipts/sign-hour.ts'
import { toWords } from '../../../keeper/heartbeat/words.ts'
import { pushHour } from '../../../keeper/heartbeat/snapshot.ts'
import { closeKeeper } from '../../../keeper/keeper.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'
import { KEYS } from '../../helpers/deploy.ts'
import { nodeKey } from '../../helpers/intake-desk.ts'
import { openBench, shiftedClock } from '../../helpers/intake-service.ts'
import type { Bench } from '../../helpers/intake-service.ts'
import { FIRST_CUT } from '../../helpers/muster.ts'
import { closedHour, storeHour } from '../../helpers/receipts.ts'

const FIRST = hourOf(FIRST_CUT)
// More than one answer of the intake holds.
const HOURS = 50
const LEFT_OUT = FIRST + 3
const OPEN_FROM = FIRST + HOURS - 4

describe('muster receipts at the command line', function () {
  this.timeout(180_000)
  let bench: Bench
  let dir: string
  let isOpen = true
  const nodes = [0, 1].map((i) => nodeKey(i).address as Address)
  const [node = '0x', other = '0x'] = nodes

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'muster-receipts-'))
    // The intake's clock is at the end of it all, the chain is taken there hour by hour.
    const clock = shiftedClock(startOfHour(FIRST + HOURS) + 60)
    bench = await openBench({ nodes: 2, at: FIRST_CUT + 60, clock })
    const { keeper, world } = bench
    const { chainId } = world.node.client
    const { registry } = world.muster.deployment
    const signer = walletSigner(KEYS.reporter)
    for (let hour = FIRST; hour < FIRST + HOURS; hour += 1) {
      const closed = closedHour(new Map([[node, 60] as const, [other, 12] as const]), hour)
      await storeHour(keeper.db, closed)
      await signHour(keeper.db, closed, { chainId, registry, signer, clock: keeper.clock })
      await world.moveTo(startOfHour(hour + 1) + 5)
      const words = toWords(hour === LEFT_OUT ? [] : [0], 1)
      if (hour < OPEN_FROM) await pushHour(keeper, { hour, words, source: 'test' })
    }
  })
  after(async () => {
    await close()
    await bench?.world.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** The store is free for the commands then. */
  async function close(): Promise<void> {
    if (!isOpen || !bench) return
    isOpen = false
    await bench.service.close()
    await closeKeeper(bench.keeper)
  }

  const run = (...args: string[]): Promise<Outcome> => {
    const { node: chain } = bench.world
    return runCli(['receipts', ...args], { MUSTER_RPC_URL: chain.url, MUSTER_HOME: dir })
  }
  /** With the store and the recorded deployment. */
  const operator = (): Record<string, string> => {
    const { home, config, node: chain } = bench.world
    return {
      MUSTER_RPC_URL: chain.url,
      MUSTER_HOME: home,
      MUSTER_DEPLOYMENTS: config.deploymentsDir,
    }
  }
  const registry = (): string => bench.world.muster.deployment.registry

  it('fetch keeps every receipt of a node in a file that proves itself, and asks for no hour twice', async () => {
    const out = join(dir, 'kept')
    const ask = ['fetch', node, '--intake', bench.url, '--out', out]
    const first = await run(...ask, '--from', String(FIRST), '--json')
    expect(first.code, first.stdout + first.stderr).to.equal(0)
    expect(first.json['files']).to.have.length(HOURS)
    expect(readdirSync(out)).to.have.length(HOURS)
    const again = await run(...ask)
    expect(again.code, again.stdout + again.stderr).to.equal(0)
    expect(again.stdout).to.include(`0 receipts of ${node} kept in ${out}`)
  })

  it('verify needs the files, a node and one address: it names the hour in which a validator was left out', async () => {
    const told = await run('verify', join(dir, 'kept'), '--registry', registry())
    expect(told.code, told.stdout + told.stderr).to.equal(1)
    expect(told.stdout).to.include(`45 kept, 1 contradicted, 4 pending`)
    expect(told.stdout).to.match(
      new RegExp(`✗ cycle 1: validator 0 \\(${node}\\) has a receipt for hour ${LEFT_OUT}, `),
    )
    const { json } = await run('verify', join(dir, 'kept'), '--registry', registry(), '--json')
    expect(json).to.include({ ok: false, found: 1, registry: registry() })
    expect(json).to.have.nested.property('divergences[0].kind', 'left-out')
    expect(json['counts']).to.deep.equal({ kept: 45, contradicted: 1, pending: 4 })
  })

  it('verify of honest receipts exits 0, in whatever form they are handed over', async () => {
    const kept = receiptsIn(join(dir, 'kept')).slice(0, 3)
    const forms: [string, string][] = [
      ['list.json', JSON.stringify(kept)],
      ['answer.json', JSON.stringify({ receipts: kept })],
      ['lines.jsonl', kept.map((each) => JSON.stringify(each)).join('\n')],
    ]
    for (const [name, text] of forms) {
      const file = join(dir, name)
      writeFileSync(file, text)
      const told = await run('verify', file, '--registry', registry())
      expect(told.code, told.stdout + told.stderr).to.equal(0)
      expect(told.stdout).to.include('✓ 3 kept')
    }
  })

  it('verify --offline asks nobody, and says that only the chain knows who the reporter is', async () => {
    const { stdout, code } = await runCli(['receipts', 'verify', join(dir, 'kept'), '--offline'], {
      MUSTER_RPC_URL: 'http://127.0.0.1:1',
    })
    expect(code, stdout).to.equal(0)
    expect(stdout).to.include(`✓ ${HOURS} proven`)
    const { reporter } = bench.world.muster.deployment
    expect(stdout).to.include(`signed by ${reporter}: only the chain says`)
  })

  it('verify of an altered receipt exits 1 and says what it is not', async () => {
    const [first] = receiptsIn(join(dir, 'kept'))
    const file = join(dir, 'altered.json')
    writeFileSync(file, JSON.stringify({ ...(first as object), seen: 80 }))
    for (const how of [['--offline'], ['--registry', registry()]]) {
      const told = await run('verify', file, ...how)
      expect(told.code, told.stdout + told.stderr).to.equal(1)
      expect(told.stdout).to.include('its figures are not under the root that was signed')
    }
  })

  it('verify never takes the registry from the receipts themselves', async () => {
    const told = await run('verify', join(dir, 'kept'), '--json')
    expect(told.code).to.equal(64)
    expect(told.json).to.have.nested.property('error.code', 'USAGE')
    expect(told.stdout).to.include('anybody can write that')
  })

  it('verify refuses an address without code, a folder without receipts and a missing file', async () => {
    const refused = [
      [['verify', join(dir, 'kept'), '--registry', node], 'NO_CODE'],
      [['verify', join(dir, 'nothing.json'), '--registry', registry()], 'FILE_UNREADABLE'],
      [['verify', dir, '--registry', registry(), '--from-block', 'x'], 'USAGE'],
    ] as const
    for (const [args, code] of refused) {
      const { json, stdout } = await run(...args, '--json')
      expect(json, stdout).to.have.nested.property('error.code', code)
    }
  })

  it('fetch from what is no intake, or for what is no node, is refused with a code', async () => {
    const out = ['--out', join(dir, 'none')]
    const away = await run('fetch', node, '--intake', 'http://127.0.0.1:1', ...out, '--json')
    expect(away.json).to.have.nested.property('error.code', 'INTAKE_UNREACHABLE')
    expect(away.code).to.equal(69)
    const bad = await run('fetch', '0x12', '--intake', bench.url, ...out, '--json')
    expect(bad.json).to.have.nested.property('error.code', 'INPUT_INVALID')
  })

  it('list shows what the store has, with the deployment that is recorded', async () => {
    await close()
    const env = operator()
    const range = ['--from', String(FIRST), '--to', String(FIRST + 2)]
    const told = await runCli(['receipts', 'list', node, ...range], env)
    expect(told.code, told.stdout + told.stderr).to.equal(0)
    expect(told.stdout).to.match(/60 of 80 +yes/)
    const whole = await runCli(['receipts', 'list', node, ...range, '--json'], env)
    const { receipts } = whole.json as { receipts: unknown[] }
    const fetched = receiptsIn(join(dir, 'kept')).slice(0, 3)
    expect(receipts).to.deep.equal(fetched)
    const recorded = await runCli(['receipts', 'verify', join(dir, 'list.json')], env)
    expect(recorded.code, recorded.stdout + recorded.stderr).to.equal(0)
  })

  it('muster verify names the hour by the receipt, and by the tally without it', async () => {
    await close()
    const shown = ['--receipts', join(dir, 'kept'), '--json']
    const alone = await runCli(['verify', '--chain-only', ...shown], operator())
    expect(alone.code, alone.stdout + alone.stderr).to.equal(1)
    expect(alone.json['layers']).to.include({ chain: 'ok', receipts: 'diverged' })
    expect(alone.json['receipts']).to.deep.equal({ kept: 45, contradicted: 1, pending: 4 })
    const whole = await runCli(['verify'], operator())
    expect(whole.code, whole.stdout + whole.stderr).to.equal(1)
    expect(whole.stdout).to.include(`✗ cycle 1: hour ${LEFT_OUT} of the tally`)
  })
})

function receiptsIn(folder: string): unknown[] {
  const names = readdirSync(folder).sort()
  return names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown)
}
