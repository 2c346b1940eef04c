import { KeeperError } from '../../base/errors.ts'
import { toJson } from '../../base/json.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import type { NodeStatus } from '../tally/tally.ts'
import {
  addressField,
  hexField,
  numberField,
  parseObject,
  recordOf,
  statusFields,
  textField,
} from './fields.ts'

export const PROTOCOL_VERSION = 1
/** Where a session is opened, below the URL of the intake. */
export const SESSION_PATH = '/v1/session'

// A login with the longest audience has 600 characters, a status 250.
export const MAX_CLIENT_FRAME = 2_048
export const MAX_AUDIENCE = 256
// Frames of a session are numbered by the node; more than uint32 are not sent in 2,000 years.
const MAX_N = 2 ** 32 - 1
const SIGNATURE_BYTES = 65
// A clock that runs 3,000 times too fast; an intake that is wrong or hostile must not make its nodes spin.
export const MIN_PING_MS = 5

/** What an intake says of itself; also the answer of GET /v1/hello. */
export interface HelloFacts {
  v: typeof PROTOCOL_VERSION
  chainId: number
  registry: Address
  reporter: Address
  /** Unix ms of the intake's clock. */
  at: number
  /** Real milliseconds between two pings. */
  pingMs: number
  /** Every so many pings one counts. */
  statusEvery: number
}

export type HelloFrame = HelloFacts & { t: 'hello'; challenge: Hex }
export interface WelcomeFrame {
  t: 'welcome'
  hour: Hour
  count: number
}
export interface PongFrame {
  t: 'pong'
  n: number
  /** Only then a status is wanted, with the same n. */
  ask?: true
}
/** The count of the hour after a status; `why` when that status was not counted. */
export interface CountedFrame {
  t: 'counted'
  hour: Hour
  count: number
  why?: 'too-soon' | 'hour-full' | 'hour-closed' | 'not-asked'
}
export interface ReceiptFrame {
  t: 'receipt'
  receipt: object
}
/** The last frame of a session; the connection closes with 4000 + the HTTP status of the code. */
export interface RefusedFrame {
  t: 'refused'
  code: string
  message: string
  wayOut: string
}
export type ServerFrame =
  HelloFrame | WelcomeFrame | PongFrame | CountedFrame | ReceiptFrame | RefusedFrame

export interface LoginFrame {
  t: 'login'
  node: Address
  audience: string
  signature: Hex
}
export interface PingFrame {
  t: 'ping'
  n: number
}
/** In JSON `height` is a decimal string. */
export type StatusFrame = NodeStatus & { t: 'status'; n: number }
export type ClientFrame = LoginFrame | PingFrame | StatusFrame

/** The single signed beat of POST /v1/beat. */
export type SignedBeat = NodeStatus & {
  node: Address
  audience: string
  at: number
  signature: Hex
}

/** Exactly the fields of its kind, or FRAME_INVALID; nothing else is ever thrown. */
export function parseClientFrame(text: string): ClientFrame {
  if (text.length > MAX_CLIENT_FRAME) {
    throw new KeeperError('FRAME_TOO_LARGE', { size: text.length, limit: MAX_CLIENT_FRAME })
  }
  const fields = parseObject(text)
  switch (fields['t']) {
    case 'ping':
      return { t: 'ping', n: numberField(sized(fields, 2), 'n', MAX_N) }
    case 'status':
      return statusFrame(sized(fields, 7))
    case 'login':
      return { t: 'login', ...signer(sized(fields, 4)) }
    default:
      throw new KeeperError('FRAME_INVALID', { reason: 't is not login, ping or status' })
  }
}

function statusFrame(fields: Record<string, unknown>): StatusFrame {
  return { t: 'status', n: numberField(fields, 'n', MAX_N), ...statusFields(fields) }
}

/** The body of POST /v1/beat as its JSON was read; the same strictness as a frame. */
export function parseBeat(body: unknown): SignedBeat {
  const fields = sized(recordOf(body), 9)
  return {
    ...signer(fields),
    at: numberField(fields, 'at', Number.MAX_SAFE_INTEGER),
    ...statusFields(fields),
  }
}

function signer(fields: Record<string, unknown>): Omit<LoginFrame, 't'> {
  return {
    audience: textField(fields, 'audience', MAX_AUDIENCE),
    signature: hexField(fields, 'signature', SIGNATURE_BYTES),
    node: addressField(fields, 'node'),
  }
}

function sized(fields: Record<string, unknown>, size: number): Record<string, unknown> {
  const found = Object.keys(fields).length
  if (found === size) return fields
  throw new KeeperError('FRAME_INVALID', { reason: `it has ${found} fields instead of ${size}` })
}

/** Pongs and counts are most of what is sent: their text is put together by hand. */
export function encodeFrame(frame: ServerFrame | ClientFrame): string {
  if (frame.t === 'pong') return `{"t":"pong","n":${frame.n}${frame.ask ? ',"ask":true' : ''}}`
  if (frame.t === 'counted' && frame.why === undefined) {
    return `{"t":"counted","hour":${frame.hour},"count":${frame.count}}`
  }
  return toJson(frame)
}
