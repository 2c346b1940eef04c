import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { noteSecret } from '../../helpers/canaries.ts'
import { runCli } from '../../helpers/cli.ts'
import type { Outcome } from '../../helpers/cli.ts'

describe('the commands of administration', function () {
  this.timeout(120_000)
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'muster-office-'))
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  const muster = (...args: string[]): Promise<Outcome> =>
    runCli([...args, '--json'], { MUSTER_HOME: join(dir, 'home') })
  const ok = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, json, stdout, stderr } = await muster(...args)
    expect(code, `${args.join(' ')}\n${stdout}\n${stderr}`).to.equal(0)
    return json
  }

  it('a token is shown once, listed, revoked, and every step is in a sound trail', async () => {
    const made = await ok('tokens', 'add', 'alice', '--role', 'operator', '--expires', '90d')
    const text = noteSecret(String(made['token']))
    expect(text).to.match(/^mst_[0-9a-f]{16}_/)
    const listed = await muster('tokens', 'list')
    expect(listed.stdout).to.include('"state":"in force"').and.not.include(text.slice(-43))
    await ok('tokens', 'revoke', 'alice')

    const trail = (await ok('trail', '--action', 'token.add')) as { entries: object[] }
    expect(trail.entries).to.have.length(1)
    expect(trail.entries[0]).to.include({ target: 'alice', role: 'admin', seq: '1' })
    expect(JSON.stringify(trail)).to.not.include(text.slice(-43))
    const check = await ok('trail', 'check')
    expect(check).to.deep.include({ entries: '2', findings: [] })
    expect(await ok('trail', 'check', '--head', String(check['head']))).to.deep.include({
      findings: [],
    })
  })

  it('a secret is set from a file, listed without its value, rotated and removed', async () => {
    const value = noteSecret('canary-of-a-value-in-a-file')
    writeFileSync(join(dir, 'value'), `${value}\n`)
    for (const id of ['k1', 'k2']) writeFileSync(join(dir, id), randomBytes(32).toString('hex'))
    const [k1, k2] = ['k1', 'k2'].map((id) => `${id}=${join(dir, id)}`)
    const secrets = async (keys: string, ...args: string[]): Promise<Outcome> => {
      const env = { MUSTER_HOME: join(dir, 'home'), MUSTER_CONFIG_KEYS: keys }
      const outcome = await runCli(['secrets', ...args, '--json'], env)
      expect(outcome.stdout + outcome.stderr).to.not.include(value)
      return outcome
    }
    const without = await muster('secrets', 'set', 'a.key', '--file', join(dir, 'value'))
    expect((without.json['error'] as { code: string }).code).to.equal('CONFIG_KEYS_MISSING')

    const set = await secrets(`${k1}`, 'set', 'a.key', '--file', join(dir, 'value'))
    expect(set.json).to.deep.equal({ name: 'a.key', keyId: 'k1' })
    const rotated = await secrets(`${k2},${k1}`, 'rotate')
    expect(rotated.json).to.deep.equal({ rotated: ['a.key'], keyId: 'k2' })
    expect((await secrets(`${k2}`, 'list')).stdout).to.include('"keyId":"k2"')
    expect((await secrets(`${k2}`, 'remove', 'a.key')).code).to.equal(0)
    expect((await ok('trail', 'check'))['findings']).to.deep.equal([])
  })

  it('a store in which no program had a job has no dead letters', async () => {
    expect(await ok('jobs')).to.deep.equal({ lanes: [], deadLetters: [], deadLettersTotal: 0 })
  })

  it('a wrong flag is refused and nothing is made', async () => {
    for (const args of [
      ['tokens', 'add', 'bob'],
      ['tokens', 'add', 'bob', '--role', 'root'],
      ['trail', '--limit', '0'],
      ['trail', 'check', '--head', 'x'],
    ]) {
      const { code, json } = await muster(...args)
      expect([code, (json['error'] as { code: string }).code]).to.deep.equal([64, 'USAGE'])
    }
    expect(JSON.stringify(await ok('trail'))).to.not.include('bob')
  })
})
