import { SigningKey, keccak256 } from 'ethers'
import type { Answer, Mood, Request, Service } from './signer-service.ts'
import { startService } from './signer-service.ts'
import { signDigest, withHighS } from './signers.ts'

/** A key id as KMS makes them. */
export const KMS_KEY_ID = '1234abcd-12ab-34cd-56ef-1234567890ab'

/** Made up; the fake looks only at their form, the client signs its requests with them. */
export const AWS_CANARIES = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7CANARY0',
  AWS_SECRET_ACCESS_KEY: 'canary/secret/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_REGION: 'eu-central-1',
} as const

/** For the time of `use`, AWS's own settings in the environment are the canaries. */
export async function withAwsCanaries<T>(use: () => Promise<T>): Promise<T> {
  const env = process.env
  const before = Object.keys(AWS_CANARIES).map((name) => [name, env[name]] as const)
  Object.assign(env, AWS_CANARIES)
  try {
    return await use()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete env[name]
      else env[name] = value
    }
  }
}

/** AWS KMS's JSON protocol for one asymmetric signing key, with a real key of secp256k1 behind it. */
export async function startKms(
  privateKey: string,
  { keySpec = 'ECC_SECG_P256K1', wrongKey = privateKey } = {},
): Promise<Service> {
  return startService((request, mood) => answer(request, { privateKey, keySpec, wrongKey, mood }))
}

interface Key {
  privateKey: string
  keySpec: string
  wrongKey: string
  mood: Mood
}

function answer({ headers, body }: Request, key: Key): Answer {
  const { authorization = '', 'x-amz-target': target } = headers
  if (!authorization.startsWith('AWS4-HMAC-SHA256 Credential=AKIA')) {
    return fault('UnrecognizedClientException', 'The security token is invalid.')
  }
  const asked = JSON.parse(body) as Record<string, string>
  if (!asked['KeyId']?.includes(KMS_KEY_ID)) return fault('NotFoundException', 'Invalid keyId')
  if (target === 'TrentService.GetPublicKey') return ok(publicKeyOf(key))
  if (target !== 'TrentService.Sign') return fault('UnknownOperationException', 'Unknown')
  if (key.mood === 'refuses') return fault('AccessDeniedException', 'kms:Sign is not allowed')
  return sign(asked, key)
}

// SubjectPublicKeyInfo: ecPublicKey, secp256k1, then a bit string with the uncompressed point.
const SPKI_PREFIX = '3056301006072a8648ce3d020106052b8104000a034200'

function publicKeyOf({ privateKey, keySpec }: Key): object {
  const point = new SigningKey(privateKey).publicKey.slice(2)
  return {
    KeyId: `arn:aws:kms:eu-central-1:111122223333:key/${KMS_KEY_ID}`,
    PublicKey: Buffer.from(SPKI_PREFIX + point, 'hex').toString('base64'),
    KeySpec: keySpec,
    CustomerMasterKeySpec: keySpec,
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: ['ECDSA_SHA_256'],
  }
}

function sign(asked: Record<string, string>, { privateKey, wrongKey, mood }: Key): Answer {
  const { Message = '', MessageType, SigningAlgorithm } = asked
  const digest = Buffer.from(Message, 'base64')
  const isRight = MessageType === 'DIGEST' && SigningAlgorithm === 'ECDSA_SHA_256'
  if (!isRight || digest.length !== 32) return fault('ValidationException', 'not a digest')
  const signed = mood === 'other-bytes' ? keccak256(digest) : `0x${digest.toString('hex')}`
  const signature = signDigest(mood === 'wrong-key' ? wrongKey : privateKey, signed)
  const { r, s } = mood === 'high-s' ? withHighS(signature) : signature
  const parts = derInteger(r) + derInteger(s)
  const whole = `30${byteOf(parts.length / 2)}${parts}`
  const der = mood === 'no-der' ? whole.slice(0, -2) : whole
  return ok({ Signature: Buffer.from(der, 'hex').toString('base64'), SigningAlgorithm })
}

/** The shortest form; a number whose first bit is set gets a zero before it. */
function derInteger(value: bigint): string {
  const even = value.toString(16)
  const digits = even.length % 2 === 0 ? even : `0${even}`
  const hex = parseInt(digits.slice(0, 2), 16) >= 128 ? `00${digits}` : digits
  return `02${byteOf(hex.length / 2)}${hex}`
}

function byteOf(value: number): string {
  return value.toString(16).padStart(2, '0')
}

const JSON_TYPE = 'application/x-amz-json-1.1'

function ok(body: object): Answer {
  return { status: 200, body: JSON.stringify(body), type: JSON_TYPE }
}

function fault(name: string, message: string): Answer {
  return { status: 400, body: JSON.stringify({ __type: name, message }), type: JSON_TYPE }
}
