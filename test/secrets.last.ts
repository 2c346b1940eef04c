// Run by scripts/test.ts after all other tests, when the logs of the run are whole.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { RPC_TOKEN } from './helpers/canaries.ts'
import { findLeaks, knownSecrets } from './helpers/secrets.ts'

const { MUSTER_TEST_LOGS: logs = '' } = process.env

describe('the logs of the whole test run', function () {
  this.timeout(300_000)
  const secrets = knownSecrets()
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'muster-leaks-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const leaksOf = (text: string): string[] => {
    writeFileSync(join(dir, 'a.log'), `first line\n${text}\nlast line\n`)
    return findLeaks(dir, secrets).map(({ line, what }) => `${line}: ${what}`)
  }

  it('S-48 the search finds every secret of the tests, however it is written', () => {
    for (const [n, secret] of secrets.entries()) {
      const forms = [
        `{"event":"x","text":"before ${secret} after"}`,
        JSON.stringify({ nested: JSON.stringify({ secret }) }),
        `https://host/path?token=${encodeURIComponent(secret)}`,
        ...(/^0x[0-9a-f]{64}$/.test(secret) ? [secret.slice(2).toUpperCase()] : []),
      ]
      for (const form of forms) expect(leaksOf(form), `secret ${n}`).to.include(`2: secret ${n}`)
    }
  })

  it('S-48 the search finds a keystore, a PEM key and a key that nobody has noted', async () => {
    const wallet = Wallet.createRandom()
    const { privateKey, address } = wallet
    const keystore = '{"crypto":{"ciphertext":"00112233445566778899aabbccddeeff00"}}'
    expect(leaksOf(keystore)).to.deep.equal(['2: the content of a keystore'])
    expect(leaksOf(JSON.stringify({ keystore }))).to.deep.equal(['2: the content of a keystore'])
    expect(leaksOf('-----BEGIN EC PRIVATE KEY-----')).to.deep.equal(['2: a private key in PEM'])
    expect(leaksOf(`from ${address} with ${privateKey}`)).to.deep.equal([
      `0: the key of ${address.toLowerCase()}`,
    ])
    expect(leaksOf(`from ${address}, hash ${wallet.publicKey.slice(-64)}`)).to.deep.equal([])
  })

  it('S-48 the run has left logs: of the terminal, of loggers and of child processes', () => {
    const files = readdirSync(logs)
    const text = files.map((file) => readFileSync(join(logs, file), 'utf8')).join('\n')
    expect(files).to.include('run.log')
    expect(files.filter((file) => file.startsWith('log-'))).not.to.deep.equal([])
    expect(files.filter((file) => file.startsWith('process-'))).not.to.deep.equal([])
    // A chosen folder may start no daemon; a whole run does, and each kind of process is to be heard.
    const isWhole = basename(logs) === 'mocha'
    const events = ['"tx-broadcast"', '"level":"warn"', '"keeper-stopped"', '"batch-sent"']
    for (const word of ['passing', ...(isWhole ? events : [])]) {
      expect(text.includes(word), word).to.equal(true)
    }
    // The token was in use: its place is there, itself is not.
    expect(secrets).to.include(RPC_TOKEN)
    if (isWhole) expect(text).to.match(/http:\/\/127\.0\.0\.1:\d+\/v3\/\*\*\*/)
  })

  it('S-48 no log holds a key, a mnemonic, a password, a token or the content of a keystore', () => {
    expect(findLeaks(logs, secrets)).to.deep.equal([])
  })
})
