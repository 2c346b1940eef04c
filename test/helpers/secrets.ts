import { createECDH } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HDNodeWallet, Mnemonic, computeAddress } from 'ethers'
import { RPC_TOKEN } from './canaries.ts'
import { AWS_CANARIES } from './kms.ts'
import { KEYS } from './deploy.ts'

const { MUSTER_TEST_SECRETS: noted, DATABASE_URL, MARIADB_URL } = process.env

const MNEMONIC = 'test test test test test test test test test test test junk'
// As many as Hardhat and anvil have.
const TEST_ACCOUNTS = 20

/** Everything that no log may show: the keys of all tests, and what tests have noted. */
export function knownSecrets(): string[] {
  const mnemonic = Mnemonic.fromPhrase(MNEMONIC)
  const account = (i: number): string =>
    HDNodeWallet.fromMnemonic(mnemonic, `m/44'/60'/0'/0/${i}`).privateKey
  const lines = noted !== undefined && existsSync(noted) ? readFileSync(noted, 'utf8') : ''
  const secrets = [
    MNEMONIC,
    RPC_TOKEN,
    AWS_CANARIES.AWS_SECRET_ACCESS_KEY,
    ...Object.values(KEYS),
    ...Array.from({ length: TEST_ACCOUNTS }, (_, i) => account(i)),
    ...[DATABASE_URL, MARIADB_URL].flatMap((url) =>
      url ? [decodeURIComponent(new URL(url).password)] : [],
    ),
    ...lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as string])),
  ]
  return [...new Set(secrets)].filter((secret) => secret !== '')
}

export interface Leak {
  file: string
  /** 0: anywhere in the file. */
  line: number
  /** Which; never the secret itself. */
  what: string
}

/** Every file below a directory; letters count alike in both cases. */
export function findLeaks(dir: string, secrets: string[]): Leak[] {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((file) => join(dir, file))
    .filter((file) => statSync(file).isFile())
  const addresses = new Set<string>()
  const words = new Map<string, string>()
  const needles = secrets.flatMap((secret, n) =>
    formsOf(secret).map((form) => ({ form, what: `secret ${n}` })),
  )
  const leaks = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8').toLowerCase()
    for (const [address] of text.matchAll(ADDRESS)) addresses.add(address)
    for (const [word] of text.matchAll(WORD)) words.set(word, file)
    return [...findNeedles(text, needles), ...findShapes(text)].map(({ at, what }) => ({
      file,
      line: text.slice(0, at).split('\n').length,
      what,
    }))
  })
  return [...leaks, ...findUnknownKeys(words, addresses)]
}

const ADDRESS = /0x[0-9a-f]{40}(?![0-9a-f])/g
const WORD = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g
const SHAPES = [
  { what: 'the content of a keystore', shape: /"(ciphertext|mac)\\*"\s*:\s*\\*"[0-9a-f]{32,}/ },
  { what: 'a private key in PEM', shape: /-----begin [a-z ]*private key-----/ },
]

/** As it is, as it stands in JSON or in a URL, in base64; a key without its 0x. */
function formsOf(secret: string): string[] {
  if (/^0x[0-9a-f]{64}$/i.test(secret)) return [secret.slice(2).toLowerCase()]
  const json = JSON.stringify(secret).slice(1, -1)
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  const forms = [secret, json, encodeURIComponent(secret), base64]
  return [...new Set(forms.map((form) => form.toLowerCase()))]
}

interface Find {
  at: number
  what: string
}

function findNeedles(text: string, needles: { form: string; what: string }[]): Find[] {
  const found = needles.map(({ form, what }) => ({ at: text.indexOf(form), what }))
  return found.filter(({ at }) => at !== -1)
}

function findShapes(text: string): Find[] {
  const found = SHAPES.map(({ shape, what }) => ({ at: text.search(shape), what }))
  return found.filter(({ at }) => at !== -1)
}

/** A word of 64 digits is a key when the address of that key is in the logs, too. */
function findUnknownKeys(words: Map<string, string>, addresses: Set<string>): Leak[] {
  return [...words].flatMap(([word, file]) => {
    const address = addressOfWord(word)
    const isKey = address !== undefined && addresses.has(address)
    return isKey ? [{ file, line: 0, what: `the key of ${address}` }] : []
  })
}

function addressOfWord(word: string): string | undefined {
  const ecdh = createECDH('secp256k1')
  try {
    ecdh.setPrivateKey(word, 'hex')
  } catch {
    return undefined // zero, or above the order of the curve
  }
  return computeAddress(`0x${ecdh.getPublicKey('hex')}`).toLowerCase()
}
