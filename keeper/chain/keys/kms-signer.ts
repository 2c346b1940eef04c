import { createPublicKey } from 'node:crypto'
import type * as Kms from '@aws-sdk/client-kms'
import { computeAddress, getBytes, keccak256 } from 'ethers'
import { KeeperError, messageOf } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { addressOfKey } from './remote-signer.ts'
import type { TxSigner } from './signer.ts'
import { checkTyped, joinSignature, typedDigest } from './typed-data.ts'
import { CURVE_ORDER, recoverSigner, unsignedBytes, withSignature } from './unsigned.ts'
import type { TxSignature } from './unsigned.ts'

export interface KmsOptions {
  /** Key id, ARN or alias. */
  keyId: string
  timeoutMs: number
  /** Without it the region of the ARN, or the one of AWS's own settings. */
  region?: string
  /** Another address of the service, for instance inside a private network. */
  endpoint?: string
  /** Public key or address that the key must have. */
  key?: string
}

type Sdk = typeof Kms

/** An open connection to the service. */
interface Service extends KmsOptions {
  sdk: Sdk
  client: Kms.KMSClient
}

/** An asymmetric key of AWS KMS (ECC_SECG_P256K1) that never leaves it; credentials are AWS's own affair. */
export async function openKmsSigner(options: KmsOptions): Promise<TxSigner> {
  // Loaded here: who keeps keys in files does not wait for it.
  const sdk = await import('@aws-sdk/client-kms')
  const kms = { ...options, sdk, client: clientOf(sdk, options) }
  const address = await readAddress(kms)
  return {
    address,
    signTransaction: async (unsigned) => {
      const digest = keccak256(unsignedBytes(unsigned)) as Hex
      return withSignature(unsigned, await sign(kms, digest, address))
    },
    signTypedData: async (typed) =>
      checkTyped(joinSignature(await sign(kms, typedDigest(typed), address)), typed, address),
  }
}

const REGION_IN_ARN = /^arn:[\w-]+:kms:([\w-]+):/

function clientOf(sdk: Sdk, { keyId, region, endpoint }: KmsOptions): Kms.KMSClient {
  const place = region ?? REGION_IN_ARN.exec(keyId)?.[1]
  return new sdk.KMSClient({
    ...(place === undefined ? {} : { region: place }),
    ...(endpoint === undefined ? {} : { endpoint }),
  })
}

const KEY_SPEC = 'ECC_SECG_P256K1'

async function readAddress(kms: Service): Promise<Address> {
  const { client, sdk, keyId: KeyId, timeoutMs, key } = kms
  const abortSignal = AbortSignal.timeout(timeoutMs)
  const answer = await ask(
    kms,
    abortSignal,
    client.send(new sdk.GetPublicKeyCommand({ KeyId }), { abortSignal }),
  )
  const { PublicKey, KeySpec, KeyUsage } = answer
  if (KeySpec !== KEY_SPEC || KeyUsage !== 'SIGN_VERIFY' || PublicKey === undefined) {
    throw unknownKey(kms, `it is a key ${KeySpec} for ${KeyUsage}, not ${KEY_SPEC} for SIGN_VERIFY`)
  }
  const address = addressOf(PublicKey)
  if (address === undefined) throw unknownKey(kms, 'its public key is no point of secp256k1')
  const wanted = key === undefined ? address : addressOfKey(key)
  if (wanted === address) return address
  throw unknownKey(kms, `it has the address ${address}, not ${wanted}`)
}

/** From the SubjectPublicKeyInfo that KMS tells. */
function addressOf(spki: Uint8Array): Address | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    const { crv, x = '', y = '' } = key.export({ format: 'jwk' })
    const point = Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
    if (crv !== 'secp256k1') return undefined
    return computeAddress(`0x04${point.toString('hex')}`) as Address
  } catch {
    return undefined
  }
}

/** KMS tells neither the parity nor the smaller s: both are found here, and checked again by checkSigned. */
async function sign(kms: Service, digest: Hex, address: Address): Promise<TxSignature> {
  const { client, sdk, keyId: KeyId, timeoutMs } = kms
  const command = new sdk.SignCommand({
    KeyId,
    Message: getBytes(digest),
    MessageType: 'DIGEST',
    SigningAlgorithm: 'ECDSA_SHA_256',
  })
  const abortSignal = AbortSignal.timeout(timeoutMs)
  const { Signature } = await ask(kms, abortSignal, client.send(command, { abortSignal }))
  const [r, s] = parseDer(Signature)
  const low = s > CURVE_ORDER / 2n ? CURVE_ORDER - s : s
  const found = [0, 1].find((yParity) => recoverSigner(digest, { r, s: low, yParity }) === address)
  if (found === undefined) throw new KeeperError('SIGNATURE_WRONG', { field: 'sender' })
  return { r, s: low, yParity: found }
}

// SEQUENCE of two INTEGERs of at most 33 bytes each (X.690): every length is one byte.
const DER_SIGNATURE = /^30(..)02(..)((?:..)*)$/

function parseDer(der: Uint8Array | undefined): [r: bigint, s: bigint] {
  const [, length, rLength, rest] = DER_SIGNATURE.exec(hexOf(der)) ?? []
  const cut = 2 * byteOf(rLength)
  const [r, tail] = [rest?.slice(0, cut), rest?.slice(cut)]
  const [, sLength, s] = /^02(..)((?:..)+)$/.exec(tail ?? '') ?? []
  const isWhole = byteOf(length) === (der?.length ?? 0) - 2 && byteOf(sLength) * 2 === s?.length
  if (!r || !s || !isWhole) throw new KeeperError('SIGNATURE_WRONG', { field: 'encoding' })
  return [BigInt(`0x${r}`), BigInt(`0x${s}`)]
}

function hexOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex')
}

function byteOf(hex: string | undefined): number {
  return parseInt(hex ?? '', 16)
}

// Faults of the service that its documentation calls temporary; the client has tried again by then.
const TEMPORARY =
  /Throttl|TooManyRequests|LimitExceeded|KMSInternal|DependencyTimeout|KeyUnavailable|ServiceUnavailable|Timeout/

/** Within the deadline, also when it is the search for credentials that hangs. */
async function ask<T>(kms: Service, deadline: AbortSignal, answer: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, failed) => {
    deadline.addEventListener('abort', () => failed(new KeeperError('DEADLINE_PASSED')), {
      once: true,
    })
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    throw faultOf(kms, deadline, error)
  }
}

function faultOf(kms: Service, deadline: AbortSignal, error: unknown): KeeperError {
  const signer = nameOf(kms)
  if (deadline.aborted) {
    const reason = `no answer within ${kms.timeoutMs} ms`
    return new KeeperError('SIGNER_UNAVAILABLE', { signer, reason })
  }
  if (error instanceof SyntaxError) {
    const reason = 'what it answers is no JSON'
    return new KeeperError('SIGNER_UNAVAILABLE', { signer, reason })
  }
  const { name = '', code, $metadata } = error as AwsFault
  const status = $metadata?.httpStatusCode
  const isTemporary = TEMPORARY.test(name) || code !== undefined || (status ?? 0) >= 500
  const reason = code ?? `${name}: ${messageOf(error)}`
  return new KeeperError(isTemporary ? 'SIGNER_UNAVAILABLE' : 'SIGNER_REFUSED', { signer, reason })
}

interface AwsFault {
  name?: string
  /** Of a connection that failed. */
  code?: string
  $metadata?: { httpStatusCode?: number }
}

function unknownKey(kms: Service, reason: string): KeeperError {
  return new KeeperError('SIGNER_KEY_UNKNOWN', { signer: nameOf(kms), reason })
}

function nameOf({ keyId }: KmsOptions): string {
  return `aws-kms:${keyId}`
}
