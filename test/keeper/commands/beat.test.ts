import { expect } from 'chai'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Address } from '../../../keeper/base/schema.ts'
import { testKeyAt } from '../../../keeper/commands/local-accounts.ts'
import { walletSigner } from '../../../keeper/chain/keys/signer.ts'
import type { Db } from '../../../keeper/store/db.ts'
import { openTestIntake, until } from '../../helpers/beating.ts'
import type { TestIntake } from '../../helpers/beating.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import { makeCertificate } from '../../helpers/certificate.ts'
import { runCli, startCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'
import { freshDb } from '../../helpers/store.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../../docs/examples/agent.ts')

describe('muster beat', function () {
  this.timeout(90_000)
  let dir: string
  let db: Db
  let intake: TestIntake
  let env: Record<string, string>
  let keystore: string
  let passwordFile: string
  let node: Address
  const children: ChildProcess[] = []

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'muster-beat-'))
    passwordFile = join(dir, 'password')
    writeFileSync(passwordFile, `${noteSecret('canary-password-of-a-node')}\n`)
    env = { MUSTER_HOME: join(dir, 'home'), MUSTER_PASSWORD_FILE: passwordFile }
    const { json } = await runCli(['keys', 'new', 'node', '--light', '--json'], env)
    keystore = json['keystore'] as string
    node = json['address'] as Address
    db = await freshDb()
  })
  beforeEach(async () => {
    intake = await openTestIntake({ db })
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await intake.close()
  })
  after(async () => {
    await db.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const states = ({ stdout }: Outcome): Record<string, unknown>[] =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  const fails = async (code: string, exitCode: number, ...args: string[]): Promise<void> => {
    const outcome = await runCli(['beat', '--json', ...args], env)
    const error = outcome.json['error'] as { code?: string } | undefined
    expect(error?.code, outcome.stdout + outcome.stderr).to.equal(code)
    expect(outcome.code).to.equal(exitCode)
  }

  it('beats with a keystore, says how it stands in lines of JSON, and ends at SIGTERM with 0', async () => {
    const running = startCli(['beat', '--json', '--key', keystore, '--intake', intake.url], env)
    await until('three beats', () => intake.countOf(node) >= 3)
    running.kill('SIGTERM')
    const outcome = await running.ended
    expect(outcome.code, outcome.stderr).to.equal(0)
    expect(outcome.json).to.deep.equal({ stopped: true, node, sessions: 1 })
    const lines = states(outcome)
    const phases = lines.flatMap(({ links }) => (links as { phase: string }[] | undefined) ?? [])
    expect(new Set(phases.map(({ phase }) => phase))).to.deep.equal(
      new Set(['connecting', 'beating', 'stopped']),
    )
    expect(lines.find(({ at }) => at !== undefined)).to.include({ node })
  })

  it('is killed by SIGKILL and started again: the hour’s count goes on where it was', async () => {
    const args = ['beat', '--intake', intake.url]
    const first = startCli(args, env)
    await until('three beats', () => intake.countOf(node) >= 3)
    first.kill('SIGKILL')
    await first.ended
    const before = intake.countOf(node)
    const second = startCli(args, env)
    await second.says('beating, hour')
    await until('it goes on', () => intake.countOf(node) >= before + 3)
    second.kill('SIGINT')
    expect((await second.ended).code).to.equal(0)
  })

  it('tells a log what is new, in words, and nothing twice', async () => {
    intake.members.set(node, 'unknown')
    const running = startCli(['beat', '--intake', intake.url, '--http'], env)
    await running.says('NODE_UNKNOWN')
    intake.members.delete(node)
    await running.says('beating, hour')
    running.kill('SIGTERM')
    const { stderr, stdout } = await running.ended
    expect(stderr.match(/NODE_UNKNOWN/g)).to.have.length(1)
    expect(stderr).to.include('muster validators add')
    expect(stdout).to.include(`${node} beats no more`)
  })

  it('takes a public test account for the local chain alone', async () => {
    const { address } = walletSigner(testKeyAt(9))
    const args = ['beat', '--test-account', '9', '--intake', intake.url]
    const running = startCli(args, env)
    await until('it beats', () => intake.countOf(address) >= 1)
    running.kill('SIGTERM')
    await running.ended
    await fails('USAGE', 64, '--test-account', 'x', '--intake', intake.url)
  })

  it('stops with the exit code of what is wrong', async () => {
    const to = ['--intake', intake.url]
    await fails('INTAKE_OTHER_CHAIN', 78, ...to, '--chain-id', '1')
    await fails('INTAKE_OTHER_CHAIN', 78, ...to, '--registry', node)
    await fails('USAGE', 64, ...to, '--registry', '0x12')
    await fails('USAGE', 64, ...to, '--node-version', '')
    await fails('USAGE', 64)
    await fails('INPUT_INVALID', 65, '--intake', 'beats.example')
    await fails('KEYSTORE_UNREADABLE', 78, ...to, '--key', join(dir, 'none.json'))
    await fails('KEY_NOT_CONFIGURED', 78, ...to, '--home', join(dir, 'elsewhere'))
    const wrong = join(dir, 'wrong')
    writeFileSync(wrong, 'not the password\n')
    const outcome = await runCli(['beat', '--json', ...to], {
      ...env,
      MUSTER_NODE_PASSWORD_FILE: wrong,
    })
    expect(outcome.json['error']).to.include({ code: 'PASSWORD_WRONG' })
  })

  it('beats by TLS to a certificate of a private authority, and to no other', async () => {
    const { cert, key } = makeCertificate('an intake')
    const files = { intakeTlsCert: join(dir, 'cert.pem'), intakeTlsKey: join(dir, 'key.pem') }
    writeFileSync(files.intakeTlsCert, cert)
    writeFileSync(files.intakeTlsKey, key)
    const secure = await openTestIntake({ db, tls: files })
    try {
      for (const mode of [[], ['--http']]) {
        const args = ['beat', '--intake', secure.url, ...mode]
        const stranger = startCli(args, env)
        await stranger.says('INTAKE_UNREACHABLE')
        stranger.kill('SIGTERM')
        await stranger.ended
        const before = secure.countOf(node)
        const trusting = startCli(args, { ...env, NODE_EXTRA_CA_CERTS: files.intakeTlsCert })
        await until('it beats', () => secure.countOf(node) > before)
        trusting.kill('SIGTERM')
        await trusting.ended
      }
    } finally {
      await secure.close()
    }
  })

  it('is a library call in ten lines, and the example runs', async () => {
    const args = ['--disable-warning=ExperimentalWarning', EXAMPLE, keystore, passwordFile]
    const child = spawn(process.execPath, [...args, intake.url], { stdio: ['ignore', 'pipe', 2] })
    children.push(child)
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const before = intake.countOf(node)
    await until('it beats', () => intake.countOf(node) > before)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).to.deep.equal([0, null])
    expect(said).to.match(/beating \d+/)
  })
})
