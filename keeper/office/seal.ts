import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KeeperError } from '../base/errors.ts'

export interface MasterKey {
  id: string
  /** 256 bits. */
  bytes: Uint8Array
}

export interface Sealed {
  keyId: string
  /** Hex. */
  nonce: string
  /** Base64: the ciphertext and its tag. */
  sealed: string
}

const ALGORITHM = 'aes-256-gcm'
// NIST SP 800-38D: 96 random bits are safe for 2^32 values under one key; people set some hundreds.
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** The name is authenticated with it: sealed for one name, a value does not open under another. */
export function seal(name: string, value: string, key: MasterKey): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key.bytes, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(name, 'utf8'))
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
  const sealed = Buffer.concat([text, cipher.getAuthTag()]).toString('base64')
  return { keyId: key.id, nonce: nonce.toString('hex'), sealed }
}

/** SECRET_UNREADABLE when anything of it is not as it was sealed. */
export function unseal(name: string, { nonce, sealed }: Sealed, key: MasterKey): string {
  const bytes = Buffer.from(sealed, 'base64')
  const end = Math.max(0, bytes.length - TAG_BYTES)
  try {
    const options = { authTagLength: TAG_BYTES }
    const cipher = createDecipheriv(ALGORITHM, key.bytes, Buffer.from(nonce, 'hex'), options)
    cipher.setAAD(Buffer.from(name, 'utf8'))
    cipher.setAuthTag(bytes.subarray(end))
    return Buffer.concat([cipher.update(bytes.subarray(0, end)), cipher.final()]).toString('utf8')
  } catch {
    throw new KeeperError('SECRET_UNREADABLE', { name, id: key.id })
  }
}
