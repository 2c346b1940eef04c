import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { SECONDS_PER_HOUR, isoTime, systemClock } from '../../../keeper/base/time.ts'
import { noteSecret } from '../../helpers/canaries.ts'
import type { Outcome, Site } from '../../helpers/cli.ts'
import { openSite, runCli, startCli } from '../../helpers/cli.ts'
import { startService } from '../../helpers/signer-service.ts'
import type { Service } from '../../helpers/signer-service.ts'

// The daemon lives by this machine's clock, so the chain is brought to it.
const NOW = systemClock.now()
const FIRST_CUT = NOW - (NOW % SECONDS_PER_HOUR) - 2 * SECONDS_PER_HOUR

const CANARIES = {
  database: noteSecret('canary-of-a-database-url'),
  rpcUser: noteSecret('canary-of-an-rpc-password'),
  rpcPath: noteSecret('canaryOfAnRpcPath0123456789'),
  rpcQuery: noteSecret('canary-of-an-rpc-query'),
  alert: noteSecret('canaryOfAnAlertUrl0123456789'),
  ping: noteSecret('canaryOfAPingUrl01234567890'),
  explorer: noteSecret('canary-of-an-explorer-key'),
  signer: noteSecret('canary-of-a-signer-url'),
  password: noteSecret('canary of a keystore password'),
  wrong: noteSecret('canary of a wrong password'),
  imported: noteSecret(Wallet.createRandom().privateKey),
} as const

describe('what a command or the daemon tells at its most talkative', function () {
  this.timeout(120_000)
  let site: Site
  let receiver: Service
  let env: Record<string, string>
  const told: string[] = []

  before(async () => {
    site = await openSite(FIRST_CUT - SECONDS_PER_HOUR)
    await site.ok('deploy', '--first-cut', isoTime(FIRST_CUT), '--daily-time', dailyTime())
    receiver = await startService(() => ({ status: 500, body: 'no' }))
    env = {
      ...site.env,
      MUSTER_LOG_LEVEL: 'trace',
      MUSTER_STOP_LIMIT_MS: '3000',
      MUSTER_ALERT_URL: `${receiver.url}/services/${CANARIES.alert}`,
      MUSTER_PING_URL: `${receiver.url}/ping/${CANARIES.ping}`,
      ETHERSCAN_API_KEY: CANARIES.explorer,
      MUSTER_KEEPER_PASSWORD: CANARIES.password,
    }
  })
  after(async () => {
    await receiver.close()
    await site.close()
  })
  afterEach(() => {
    const text = told.splice(0).join('\n')
    expect(text.length).to.be.above(0)
    for (const [name, secret] of Object.entries(CANARIES)) {
      expect(text.includes(secret.replace(/^0x/, '')), name).to.equal(false)
    }
  })

  const muster = async (more: Record<string, string>, ...args: string[]): Promise<Outcome> => {
    const outcome = await runCli(args, { ...env, ...more })
    told.push(outcome.stdout, outcome.stderr)
    return outcome
  }
  const failure = async (more: Record<string, string>, ...args: string[]): Promise<unknown> => {
    const { json } = await muster(more, ...args, '--json')
    return (json['error'] as { code?: string } | undefined)?.code
  }

  it('S-48 keys are made, imported and opened without a key, a password or a keystore told', async () => {
    const file = site.write('imported.key', `${CANARIES.imported}\n`)
    const made = await muster({}, 'keys', 'new', 'keeper', '--light')
    expect(made.code, made.stderr).to.equal(0)
    const imported = await muster({}, 'keys', 'new', 'guardian', '--light', '--import', file)
    expect(imported.code, imported.stderr).to.equal(0)
    const home = join(site.dir, 'home', 'keys')
    for (const role of ['keeper', 'guardian']) {
      const keystore = JSON.parse(readFileSync(join(home, `${role}.json`), 'utf8')) as Keystore
      const { ciphertext } = keystore.crypto ?? keystore.Crypto ?? {}
      expect(ciphertext).to.match(/^[0-9a-f]{64}$/)
      await muster({}, 'keys', 'list')
      expect(told.join('')).not.to.include(noteSecret(ciphertext ?? ''))
    }
    const password = readFileSync(join(home, 'guardian.password'), 'utf8').trim()
    expect(told.join('')).not.to.include(noteSecret(password))
    const wrong = { MUSTER_KEEPER_PASSWORD: CANARIES.wrong }
    expect(await failure(wrong, 'fund', '1', '--key', 'keeper')).to.equal('PASSWORD_WRONG')
  })

  it('S-48 a database, a node and a signer that are away are named without what is secret', async () => {
    const { database, rpcUser, rpcPath, rpcQuery, signer } = CANARIES
    const db = { DATABASE_URL: `postgres://muster:${database}@127.0.0.1:1/muster` }
    expect(await failure(db, 'journal')).to.equal('STORE_UNAVAILABLE')
    const rpc = `http://user:${rpcUser}@127.0.0.1:1/v3/${rpcPath}?key=${rpcQuery}`
    expect(await failure({ MUSTER_RPC_URL: rpc }, 'status')).to.equal('RPC_UNAVAILABLE')
    const away = {
      MUSTER_DEPLOYER_SIGNER: `http://user:${signer}@127.0.0.1:1`,
      MUSTER_DEPLOYER_SIGNER_KEY: nobody,
    }
    expect(await failure(away, 'fund', '1')).to.equal('SIGNER_UNAVAILABLE')
  })

  it('S-48 a setting that is wrong is named without its value', async () => {
    for (const name of [
      'MUSTER_ALERT_URL',
      'MUSTER_RPC_URL',
      'DATABASE_URL',
      'MUSTER_KEEPER_SIGNER',
    ]) {
      expect(await failure({ [name]: CANARIES.signer }, 'status'), name).to.equal('SETTING_INVALID')
      expect(told.at(-2), name).to.include(name)
    }
  })

  it('S-48 a daemon whose alerts and pings are refused does not tell where they go', async () => {
    const args = ['keeper', '--daily-time', dailyTime()]
    const daemon = startCli(args, { ...env, MUSTER_KEEPER_KEYSTORE: '', MUSTER_HOME: site.dir })
    await daemon.says('"runner-started"')
    daemon.kill('SIGTERM')
    const { code, stdout, stderr } = await daemon.ended
    told.push(stdout, stderr)
    expect(stderr).to.include('"alert-not-told"')
    expect(code, stderr).to.equal(0)
  })
})

interface Keystore {
  crypto?: { ciphertext: string }
  Crypto?: { ciphertext: string }
}

const nobody = Wallet.createRandom().address

function dailyTime(): string {
  return isoTime(FIRST_CUT).slice(11, 16)
}
