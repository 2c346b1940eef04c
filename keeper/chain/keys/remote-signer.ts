import { computeAddress, getAddress } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import { rememberSecret } from '../../base/redact.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { askSigner, nameOf, unavailable } from './signer-request.ts'
import type { SignerEndpoint } from './signer-request.ts'
import type { TxSigner } from './signer.ts'
import { checkTyped, joinSignature, typedBytes } from './typed-data.ts'
import { unsignedBytes, withSignature } from './unsigned.ts'
import type { TxSignature } from './unsigned.ts'

export interface RemoteSignerOptions extends SignerEndpoint {
  /** Public key or address of the wanted key. */
  key: string
}

/**
 * Web3Signer's eth1 API. It signs keccak256 of the data it is given, so it gets the whole
 * transaction or statement and sees what it signs; the address comes from the public key it lists, never from a
 * setting. The sender checks a transaction that comes back (checkSigned).
 */
export async function openRemoteSigner(options: RemoteSignerOptions): Promise<TxSigner> {
  rememberSecret(options.token ?? '')
  const { publicKey, address } = await findKey(options)
  return {
    address,
    signTransaction: async (unsigned) =>
      withSignature(unsigned, await sign(options, publicKey, unsignedBytes(unsigned))),
    signTypedData: async (typed) => {
      const signature = await sign(options, publicKey, typedBytes(typed))
      return checkTyped(joinSignature(signature), typed, address)
    },
  }
}

interface FoundKey {
  publicKey: string
  address: Address
}

async function findKey(options: RemoteSignerOptions): Promise<FoundKey> {
  const wanted = addressOfKey(options.key)
  const keys = await listKeys(options)
  const publicKey = keys.find((key) => addressOfKey(key) === wanted)
  if (publicKey !== undefined) return { publicKey, address: wanted }
  const reason = `none of its ${keys.length} keys has the address ${wanted}`
  throw new KeeperError('SIGNER_KEY_UNKNOWN', { signer: nameOf(options), reason })
}

// 64 bytes without, 65 with the prefix of an uncompressed point, 33 compressed.
const PUBLIC_KEY = /^0x([0-9a-f]{128}|04[0-9a-f]{128}|0[23][0-9a-f]{64})$/i

async function listKeys(options: RemoteSignerOptions): Promise<string[]> {
  const body = await askSigner(options, { method: 'GET', path: '/api/v1/eth1/publicKeys' })
  const keys = parseList(body)
  if (keys !== undefined) return keys
  throw unavailable(options, 'what it answers is no list of public keys')
}

function parseList(body: string): string[] | undefined {
  try {
    const keys: unknown = JSON.parse(body)
    const isKey = (key: unknown): boolean => typeof key === 'string' && PUBLIC_KEY.test(key)
    return Array.isArray(keys) && keys.every(isKey) ? (keys as string[]) : undefined
  } catch {
    return undefined
  }
}

const ADDRESS_LENGTH = 42

export function addressOfKey(key: string): Address {
  return (key.length === ADDRESS_LENGTH ? getAddress(key) : computeAddress(key)) as Address
}

async function sign(
  options: RemoteSignerOptions,
  publicKey: string,
  data: Hex,
): Promise<TxSignature> {
  const path = `/api/v1/eth1/sign/${publicKey}`
  const body = await askSigner(options, { method: 'POST', path, body: { data } })
  return parseSignature(body.trim())
}

const SIGNATURE = /^0x([0-9a-f]{64})([0-9a-f]{64})(1b|1c)$/i
// The v of a signed message: parity + 27.
const FIRST_V = 27

function parseSignature(text: string): TxSignature {
  const [, r, s, v] = SIGNATURE.exec(text) ?? []
  if (r === undefined) throw new KeeperError('SIGNATURE_WRONG', { field: 'encoding' })
  return { r: BigInt(`0x${r}`), s: BigInt(`0x${s}`), yParity: parseInt(v ?? '', 16) - FIRST_V }
}
