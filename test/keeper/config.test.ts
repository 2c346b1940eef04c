import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { KeeperError } from '../../keeper/base/errors.ts'
import { redactText } from '../../keeper/base/redact.ts'
import { scrubUrls } from '../../keeper/base/redact-url.ts'
import { loadConfig } from '../../keeper/config.ts'
import { rejectionOf } from '../helpers/errors.ts'

describe('config', () => {
  it('an empty environment gives 18:00 UTC, batches of 10 and a local node', () => {
    const config = loadConfig({})
    expect(config).to.include({ zone: 'UTC', dailyTime: '18:00', batchSize: 10 })
    expect(config.rpcUrl).to.deep.equal(['http://127.0.0.1:8545'])
    expect(config.nonceWaitMs).to.equal(120_000)
    expect(config.finality).to.equal('finalized')
    expect(config.databaseUrl).to.equal(undefined)
  })

  it('a flag wins over the environment, which wins over the default', () => {
    expect(loadConfig({ MUSTER_BATCH_SIZE: '50' }).batchSize).to.equal(50)
    expect(loadConfig({ MUSTER_BATCH_SIZE: '50' }, { batchSize: '100' }).batchSize).to.equal(100)
    expect(loadConfig({ MUSTER_FINALITY: '12' }).finality).to.equal(12)
  })

  it('several endpoints are separated by commas; the same one twice is refused', () => {
    const load = (urls: string): string[] => loadConfig({ MUSTER_RPC_URL: urls }).rpcUrl
    expect(load('https://a.example/v3, http://b.example')).to.deep.equal([
      'https://a.example/v3',
      'http://b.example',
    ])
    const wrong = ['http://a.example,http://A.example/', 'http://a.example,', 'ws://a.example']
    for (const urls of wrong) {
      expect(() => load(urls), urls).to.throw(KeeperError, /MUSTER_RPC_URL/)
    }
  })

  it('S-48 every key in the URL of any endpoint is a secret from then on', () => {
    const keys = [
      'pa55w%40rd-of-a',
      'KeyInThePathOfB42',
      'shortkey',
      'a1b2c3d4e5f6a7b8c9d0e1f2',
      'ey.J9.dotted-key-of-e',
    ]
    const [password, inPath, inQuery, inHost, dotted] = keys
    const urls = [
      `https://user:${password}@a.example/rpc`,
      `https://b.example/v3/${inPath}`,
      `https://c.example/rpc?apikey=${inQuery}&network=main`,
      `https://${inHost}.d.example/`,
      `https://e.example/${dotted}`,
    ]
    loadConfig({ MUSTER_RPC_URL: urls.join(',') })
    for (const key of keys) expect(redactText(`a library says ${key}.`), key).not.to.include(key)
    expect(redactText('a library says pa55w@rd-of-a.')).not.to.include('pa55')
    expect(redactText('on the network main')).to.include('main')
    for (const url of urls) {
      const host = new URL(url).hostname.split('.').slice(-2).join('.')
      expect(scrubUrls(`cannot reach ${url}: late`)).to.include(host)
      for (const key of keys) expect(scrubUrls(url)).not.to.include(key)
    }
  })

  it('names every wrong setting at once, without its value', () => {
    const load = (): unknown =>
      loadConfig({ MUSTER_BATCH_SIZE: '0', DATABASE_URL: 'hunter2hunter2' })
    expect(load).to.throw(KeeperError, /MUSTER_BATCH_SIZE/)
    expect(load).to.throw(KeeperError, /DATABASE_URL/)
    expect(load).not.to.throw(KeeperError, /hunter2/)
  })

  it('Z-50 each role has its own keystore and its own password, from a file or a variable', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'muster-config-'))
    const file = join(dir, 'password')
    await writeFile(file, 'from the file\n')
    const { keys } = loadConfig({
      MUSTER_HOME: dir,
      MUSTER_KEEPER_KEYSTORE: '/keys/keeper.json',
      MUSTER_KEEPER_PASSWORD: 'from the variable',
      MUSTER_REPORTER_PASSWORD_FILE: file,
    })
    expect(keys.keeper.keystore).to.equal('/keys/keeper.json')
    expect(keys.reporter.keystore).to.equal(join(dir, 'keys', 'reporter.json'))
    expect(await keys.keeper.password()).to.equal('from the variable')
    expect(await keys.reporter.password()).to.equal('from the file')
    expect((await rejectionOf(keys.admin.password())).code).to.equal('PASSWORD_MISSING')
    await rm(dir, { recursive: true })
  })

  it('each role has its own signer, and a wrong one is named without its value', () => {
    const address = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
    const { keys } = loadConfig({
      MUSTER_KEEPER_SIGNER: 'https://signer.example',
      MUSTER_KEEPER_SIGNER_KEY: address,
      MUSTER_REPORTER_SIGNER: 'aws-kms:alias/reporter',
    })
    expect(keys.keeper.signer).to.deep.equal({
      kind: 'web3signer',
      url: 'https://signer.example',
      key: address,
    })
    expect(keys.reporter.signer).to.deep.equal({ kind: 'aws-kms', keyId: 'alias/reporter' })
    expect(keys.admin.signer).to.deep.equal({ kind: 'keystore' })
    const load = (): unknown => loadConfig({ MUSTER_ADMIN_SIGNER: 'hunter2hunter2' })
    expect(load).to.throw(KeeperError, /MUSTER_ADMIN_SIGNER/)
    expect(load).not.to.throw(KeeperError, /hunter2/)
  })

  it('partners: off by default; hours, ids and the URLs of their databases are checked', () => {
    const config = loadConfig({})
    expect(config).to.include({ partners: 'off', partnersZone: 'UTC', partnersMinute: 30 })
    expect(config.partnersDailyTime).to.equal('00:00:35')
    const from = (text: string): unknown => loadConfig({ MUSTER_PARTNERS_FROM: text }).partnersFrom
    expect(from('2024-10-15T07:00Z')).to.equal(480_271)
    const special = loadConfig({ MUSTER_PARTNERS_SPECIAL: 'a, b-2' }).partnersSpecial
    expect(special).to.deep.equal(['a', 'b-2'])
    const table = { MUSTER_PARTNERS_SPECIAL_TABLE: 'other.cc(id, sum, at:unix)' }
    expect(loadConfig(table).partnersSpecialTable).to.deep.equal({
      table: 'other.cc',
      partner: 'id',
      reward: 'sum',
      time: 'at',
      timeAs: 'unix',
    })
    const wrong = {
      MUSTER_PARTNERS: 'on',
      MUSTER_PARTNERS_FROM: '2024-10-15T07:30Z',
      MUSTER_PARTNERS_SPECIAL: 'a,,b',
      MUSTER_PARTNERS_SOURCE_URL: 'sqlite://a/b',
      MUSTER_PARTNERS_SPECIAL_URL: 'postgres://a/b',
      MUSTER_PARTNERS_SPECIAL_TABLE: 't(`; drop table t,b,c:unix)',
      MUSTER_PARTNERS_MINUTE: '60',
      MUSTER_PARTNERS_DAILY_TIME: '01:00:35',
    }
    expect(() => from('1970-01-01T05:00Z')).to.throw(KeeperError, /2000/)
    for (const [name, value] of Object.entries(wrong)) {
      expect(() => loadConfig({ [name]: value }), name).to.throw(KeeperError, new RegExp(name))
    }
  })

  it("the passwords in the URLs of the partners' databases are secrets", () => {
    loadConfig({
      MUSTER_PARTNERS_SOURCE_URL: 'mysql://reader:source-pass%40word@db.example/votes',
      MUSTER_PARTNERS_SPECIAL_URL: 'mariadb://writer:second-password@db2.example/cc',
    })
    const told = redactText('source-pass%40word, source-pass@word and second-password')
    expect(told).not.to.match(/pass/)
  })
})
