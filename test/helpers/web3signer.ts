import type { ServerOptions } from 'node:https'
import { SigningKey, keccak256 } from 'ethers'
import type { Hex } from '../../keeper/base/schema.ts'
import type { TxSignature } from '../../keeper/chain/keys/unsigned.ts'
import type { Answer, Mood, Request, Service } from './signer-service.ts'
import { startService } from './signer-service.ts'
import { signDigest, withHighS } from './signers.ts'

export interface Web3SignerDouble extends Service {
  /** As it is listed: 64 bytes without a prefix. */
  publicKey: Hex
}

export interface Web3SignerOptions {
  /** A bearer token, as a proxy before it asks for one. */
  token?: string
  /** What it signs with in the mood 'wrong-key'. */
  wrongKey?: string
  tls?: ServerOptions
}

/**
 * Web3Signer's eth1 API as its OpenAPI page and its handlers have it: a list of public keys, and a
 * signature r, s, v (27 or 28) over keccak256 of the data, as text.
 */
export async function startWeb3Signer(
  privateKey: string,
  { token, wrongKey = privateKey, tls }: Web3SignerOptions = {},
): Promise<Web3SignerDouble> {
  const publicKey = `0x${new SigningKey(privateKey).publicKey.slice(4)}` as const
  const service = await startService((request, mood) => {
    const isKnown = token === undefined || request.headers.authorization === `Bearer ${token}`
    if (!isKnown) return { status: 401, body: 'Unauthorized' }
    return answer(request, { publicKey, privateKey, wrongKey, mood })
  }, tls)
  return Object.assign(service, { publicKey })
}

interface Keys {
  publicKey: string
  privateKey: string
  wrongKey: string
  mood: Mood
}

function answer({ method, path, body }: Request, keys: Keys): Answer {
  if (method === 'GET' && path.endsWith('/api/v1/eth1/publicKeys')) {
    return { status: 200, body: JSON.stringify([keys.publicKey]), type: 'application/json' }
  }
  const [, identifier] = /\/api\/v1\/eth1\/sign\/(0x[0-9a-f]{128})$/.exec(path) ?? []
  if (method !== 'POST' || identifier === undefined) return { status: 400, body: 'Bad request' }
  if (identifier !== keys.publicKey) return { status: 404, body: 'Public Key not found' }
  if (keys.mood === 'refuses') return { status: 403, body: 'Forbidden' }
  const { data } = JSON.parse(body) as { data: string }
  return { status: 200, body: signatureText(data, keys), type: 'text/plain; charset=utf-8' }
}

function signatureText(data: string, { mood, privateKey, wrongKey }: Keys): string {
  const digest = keccak256(mood === 'other-bytes' ? `${data}00` : data)
  const signature = signDigest(mood === 'wrong-key' ? wrongKey : privateKey, digest)
  const { r, s, yParity }: TxSignature = mood === 'high-s' ? withHighS(signature) : signature
  const word = (value: bigint): string => value.toString(16).padStart(64, '0')
  return `0x${word(r)}${word(s)}${(27 + yParity).toString(16)}`
}
