import { scrypt as nativeScrypt } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Wallet, encryptKeystoreJson, getAddress, isKeystoreJson, scrypt } from 'ethers'
import { KeeperError, isKeeperError, messageOf } from '../../base/errors.ts'
import { rememberSecret } from '../../base/redact.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { TypedData } from './typed-data.ts'
import type { UnsignedTx } from './unsigned.ts'
import { toTransaction } from './unsigned.ts'

/** Narrow on purpose: a local key, a remote signer and a KMS all fit behind it. */
export interface TxSigner {
  readonly address: Address
  /** The raw signed bytes; the key never leaves the signer. */
  signTransaction(unsigned: UnsignedTx): Promise<Hex>
  /** A statement of ours (EIP-712), 65 bytes: checked to be of this address. */
  signTypedData(typed: TypedData): Promise<Hex>
}

export interface KeystoreFile {
  file: string
  password: string
}

// scrypt's cost in new keystores: ethers' standard, about a second; and one for test networks.
const STANDARD_SCRYPT = 131_072
const LIGHT_SCRYPT = 4_096

// ethers would hold up the whole process for each keystore; in the thread pool two open side by side.
scrypt.register(
  (password, salt, N, r, p, length) =>
    new Promise((resolve, reject) => {
      // 128 N r bytes is what scrypt itself needs.
      const options = { N, r, p, maxmem: 2 * 128 * N * r }
      nativeScrypt(password, salt, length, options, (error, key) =>
        error ? reject(error) : resolve(`0x${key.toString('hex')}`),
      )
    }),
)

/** A key in memory: tests and the demo's throw-away chain; a keystore is opened through here too. */
export function walletSigner(privateKey: string): TxSigner {
  rememberSecret(privateKey)
  const wallet = new Wallet(privateKey)
  return {
    address: wallet.address as Address,
    signTransaction: async (unsigned) =>
      (await wallet.signTransaction(toTransaction(unsigned))) as Hex,
    signTypedData: async ({ domain, types, value }) =>
      (await wallet.signTypedData(domain, types, value)) as Hex,
  }
}

export async function openKeystore({ file, password }: KeystoreFile): Promise<TxSigner> {
  rememberSecret(password)
  const json = await readKeystore(file)
  try {
    return walletSigner((await Wallet.fromEncryptedJson(json, password)).privateKey)
  } catch (error) {
    if (/incorrect password/i.test(messageOf(error))) {
      throw new KeeperError('PASSWORD_WRONG', { file })
    }
    throw new KeeperError('KEYSTORE_UNREADABLE', { file, reason: 'it cannot be decrypted' })
  }
}

/** The address is written in clear, so that a listing needs no password. */
export async function readKeystoreAddress(file: string): Promise<Address> {
  const { address } = JSON.parse(await readKeystore(file)) as { address?: string }
  try {
    return getAddress(`0x${(address ?? '').replace(/^0x/, '')}`) as Address
  } catch {
    throw new KeeperError('KEYSTORE_UNREADABLE', { file, reason: 'it has no address' })
  }
}

export interface NewKeystore extends KeystoreFile {
  /** Undefined: a fresh random key. */
  privateKey?: string
  /** Weak and fast: for test networks only. */
  light?: boolean
}

export async function createKeystore(options: NewKeystore): Promise<{ address: Address }> {
  const { file, password, light = false } = options
  rememberSecret(password)
  const wallet = options.privateKey ? new Wallet(options.privateKey) : Wallet.createRandom()
  rememberSecret(wallet.privateKey)
  const { address, privateKey } = wallet
  const scrypt = { N: light ? LIGHT_SCRYPT : STANDARD_SCRYPT }
  const json = await encryptKeystoreJson({ address, privateKey }, password, { scrypt })
  await writeNew(file, json)
  return { address: address as Address }
}

async function writeNew(file: string, json: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, `${json}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST'
    if (isThere) throw new KeeperError('KEYSTORE_EXISTS', { file })
    throw new KeeperError('KEYSTORE_UNREADABLE', { file, reason: messageOf(error) })
  }
}

async function readKeystore(file: string): Promise<string> {
  try {
    const json = await readFile(file, 'utf8')
    if (isKeystoreJson(json)) return json
    throw new KeeperError('KEYSTORE_UNREADABLE', { file, reason: 'it is no keystore of version 3' })
  } catch (error) {
    if (isKeeperError(error)) throw error
    throw new KeeperError('KEYSTORE_UNREADABLE', { file, reason: messageOf(error) })
  }
}
