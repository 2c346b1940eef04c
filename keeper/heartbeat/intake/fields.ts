import { getAddress } from 'ethers'
import { KeeperError } from '../../base/errors.ts'
import type { Address, Hex } from '../../base/schema.ts'
import type { NodeStatus } from '../tally/tally.ts'

// The readers of a frame's fields: by hand, because thousands of frames arrive in a second. What they
// say names the field and never repeats what was sent.

const MAX_BPS = 10_000
const MAX_UINT64 = 2n ** 64n - 1n
const HEIGHT = /^\d{1,20}$/
// A client's name and version, as an Ethereum node gives it: Geth/v1.16.7-stable/linux-amd64/go1.25.
export const MAX_VERSION = 100
// Printable ASCII: what is shown on a terminal and logged must not move a cursor.
const PRINTABLE = /^[\x20-\x7e]*$/
const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const HEX = /^0x[0-9a-fA-F]*$/

type Fields = Record<string, unknown>

export function parseObject(text: string): Fields {
  return recordOf(jsonOf(text))
}

/** A JSON object that was read already. */
export function recordOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw invalid('it is not a JSON object')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('it is not JSON')
  }
}

/** A whole number from 0 to the limit. */
export function numberField(fields: Fields, name: string, limit: number): number {
  const value = fields[name]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= limit) {
    return value
  }
  throw invalid(`${name} is not a whole number up to ${limit}`)
}

export function textField(fields: Fields, name: string, limit: number): string {
  const value = fields[name]
  if (typeof value === 'string' && value.length <= limit && PRINTABLE.test(value)) return value
  throw invalid(`${name} is not a text of at most ${limit} printable characters`)
}

/** Lower case, of exactly that many bytes. */
export function hexField(fields: Fields, name: string, bytes: number): Hex {
  const value = fields[name]
  const isHex = typeof value === 'string' && value.length === 2 + 2 * bytes && HEX.test(value)
  if (isHex) return value.toLowerCase() as Hex
  throw invalid(`${name} is not 0x and ${2 * bytes} hex digits`)
}

/** Any case is taken, as long as a checksum that is there is right. */
export function addressField(fields: Fields, name: string): Address {
  const value = fields[name]
  if (typeof value === 'string' && ADDRESS.test(value)) {
    try {
      return getAddress(value) as Address
    } catch {
      // The checksum is wrong: a digit was mistyped somewhere.
    }
  }
  throw invalid(`${name} is not an address (0x and 40 hex digits)`)
}

export function statusFields(fields: Fields): NodeStatus {
  return {
    cpuBps: numberField(fields, 'cpuBps', MAX_BPS),
    memoryBps: numberField(fields, 'memoryBps', MAX_BPS),
    diskBps: numberField(fields, 'diskBps', MAX_BPS),
    height: heightField(fields),
    version: textField(fields, 'version', MAX_VERSION),
  }
}

/** A uint64 does not fit into a JSON number: it travels as decimal digits. */
function heightField(fields: Fields): bigint {
  const value = fields['height']
  const height = typeof value === 'string' && HEIGHT.test(value) ? BigInt(value) : undefined
  if (height !== undefined && height <= MAX_UINT64) return height
  throw invalid('height is not a text of decimal digits up to 2^64 - 1')
}

function invalid(reason: string): KeeperError {
  return new KeeperError('FRAME_INVALID', { reason })
}
