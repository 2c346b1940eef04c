import { TypedDataEncoder, concat, keccak256 } from 'ethers'
import type { TypedDataField } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import { signerOfDigest } from '../../chain/keys/typed-data.ts'
import type { TypedData } from '../../chain/keys/typed-data.ts'
import type { LoginFrame, SignedBeat } from './frames.ts'

/** Whom a signature is for: another chain or another registry has another domain. */
export interface HeartbeatHome {
  chainId: number
  registry: Address
}

export const HEARTBEAT_DOMAIN = { name: 'Muster heartbeat', version: '1' } as const

export const LOGIN_TYPES: Record<string, TypedDataField[]> = {
  Login: [
    { name: 'node', type: 'address' },
    { name: 'audience', type: 'string' },
    { name: 'challenge', type: 'bytes32' },
  ],
}

export const BEAT_TYPES: Record<string, TypedDataField[]> = {
  Beat: [
    { name: 'node', type: 'address' },
    { name: 'audience', type: 'string' },
    { name: 'at', type: 'uint64' },
    { name: 'cpuBps', type: 'uint16' },
    { name: 'memoryBps', type: 'uint16' },
    { name: 'diskBps', type: 'uint16' },
    { name: 'height', type: 'uint64' },
    { name: 'version', type: 'string' },
  ],
}

export type Login = Pick<LoginFrame, 'node' | 'audience'> & { challenge: Hex }
export type Beat = Omit<SignedBeat, 'signature'>

export function domainOf({ chainId, registry }: HeartbeatHome): TypedData['domain'] {
  return { ...HEARTBEAT_DOMAIN, chainId, verifyingContract: registry }
}

export function loginTyped(home: HeartbeatHome, login: Login): TypedData {
  const { node, audience, challenge } = login
  return { domain: domainOf(home), types: LOGIN_TYPES, value: { node, audience, challenge } }
}

export function beatTyped(home: HeartbeatHome, beat: Beat): TypedData {
  const { node, audience, at, cpuBps, memoryBps, diskBps, height, version } = beat
  const value = { node, audience, at, cpuBps, memoryBps, diskBps, height, version }
  return { domain: domainOf(home), types: BEAT_TYPES, value }
}

/**
 * The origin of an intake's URL, which a node signs: wss://a.example/v1/session and https://a.example are
 * the same place. An intake in the middle cannot use what was signed for its own origin at another.
 */
export function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const scheme = parsed?.protocol.replace(/^ws/, 'http')
  if (parsed === undefined || (scheme !== 'http:' && scheme !== 'https:')) {
    throw new KeeperError('INPUT_INVALID', { what: 'intake URL', faults: [`not a URL: ${url}`] })
  }
  return `${scheme}//${parsed.host}`
}

export interface SignatureCheck {
  /** LOGIN_INVALID unless the node signed that challenge for that audience, here. */
  checkLogin(frame: LoginFrame, challenge: Hex): void
  /** BEAT_INVALID unless the node signed these very fields, here. */
  checkBeat(beat: SignedBeat): void
}

/** About 2 ms a check, nearly all of it the recovery of the key; the domain is hashed once. */
export function openSignatureCheck(home: HeartbeatHome): SignatureCheck {
  const separator = TypedDataEncoder.hashDomain(domainOf(home))
  const isSignedBy = (node: Address, typed: TypedData, signature: Hex): boolean => {
    const struct = encoderOf(typed).hash(typed.value)
    const digest = keccak256(concat(['0x1901', separator, struct])) as Hex
    return signerOfDigest(digest, signature) === node
  }
  return {
    checkLogin: ({ node, audience, signature }, challenge) => {
      if (isSignedBy(node, loginTyped(home, { node, audience, challenge }), signature)) return
      throw new KeeperError('LOGIN_INVALID', { node, ...home })
    },
    checkBeat: (beat) => {
      if (isSignedBy(beat.node, beatTyped(home, beat), beat.signature)) return
      throw new KeeperError('BEAT_INVALID', { node: beat.node, ...home })
    },
  }
}

const LOGIN_ENCODER = TypedDataEncoder.from(LOGIN_TYPES)
const BEAT_ENCODER = TypedDataEncoder.from(BEAT_TYPES)

function encoderOf({ types }: TypedData): TypedDataEncoder {
  return types === LOGIN_TYPES ? LOGIN_ENCODER : BEAT_ENCODER
}
