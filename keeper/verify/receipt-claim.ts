import { TypedDataEncoder, keccak256, recoverAddress } from 'ethers'
import { z } from 'zod'
import { KeeperError } from '../base/errors.ts'
import { addressSchema, faultsOf, hexSchema } from '../base/schema.ts'
import type { Address, Hex } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'

/** What a reporter signed about one validator in one hour. */
export interface Claim {
  chainId: number
  registry: Address
  reporter: Address
  hour: Hour
  node: Address
  seen: number
  expected: number
  online: boolean
  validators: number
  root: Hex
}

const BYTES32 = /^0x[0-9a-f]{64}$/i
// r, s, and v as 27 or 28: of the shorter and other forms there is none here.
const SIGNATURE = /^0x[0-9a-f]{128}1[bc]$/
// Trees of 2^32 leaves.
const MAX_DEPTH = 32

const whole = z.number().int().nonnegative()
const uint16 = whole.max(0xffff)
const uint32 = whole.max(0xffff_ffff)
const hash = hexSchema.refine((text) => BYTES32.test(text), 'not 32 bytes')

const FORM = z
  .object({
    chainId: z.number().int().positive().safe(),
    registry: addressSchema,
    reporter: addressSchema,
    hour: uint32,
    node: addressSchema,
    seen: uint16,
    expected: uint16,
    online: z.boolean(),
    validators: uint32.min(1),
    proof: z.array(hash).max(MAX_DEPTH),
    root: hash,
    signature: hexSchema,
  })
  .strict()

/** RECEIPT_INVALID when it proves nothing; written apart from the intake's own reading of it. */
export function readClaim(given: unknown): Claim {
  const read = FORM.safeParse(given)
  if (!read.success) throw invalid(faultsOf(read.error).join('; '))
  const { proof, signature, ...claim } = read.data
  const root = proof.reduce(parentOf, leafOf(claim))
  if (root !== claim.root) throw invalid('its figures are not under the root that was signed')
  if (signerOf(claim, signature) === claim.reporter) return claim
  throw invalid(`its root is not signed by ${claim.reporter} for this chain and registry`)
}

function invalid(reason: string): KeeperError {
  return new KeeperError('RECEIPT_INVALID', { reason })
}

export type Figures = Pick<Claim, 'node' | 'hour' | 'seen' | 'expected' | 'online'>

/** keccak(keccak(abi.encode(address, uint32, uint16, uint16, bool))): five words, each filled up with zeros. */
export function leafOf({ node, hour, seen, expected, online }: Figures): Hex {
  const numbers = [hour, seen, expected, Number(online)].map((number) => number.toString(16))
  const words = [node.slice(2), ...numbers].map((digits) => digits.padStart(64, '0'))
  return hashOf(hashOf(`0x${words.join('')}`))
}

/** Of two neighbours the smaller one first, so that a proof needs no sides. */
export function parentOf(a: Hex, b: Hex): Hex {
  return hashOf(a < b ? `${a}${b.slice(2)}` : `${b}${a.slice(2)}`)
}

/** As bytes at once: read digit by digit they would take longer than the hash. */
function hashOf(text: string): Hex {
  return keccak256(Buffer.from(text.slice(2), 'hex')) as Hex
}

const TYPES = {
  HourRoot: [
    { name: 'hour', type: 'uint32' },
    { name: 'root', type: 'bytes32' },
    { name: 'validators', type: 'uint32' },
  ],
}

export type SignedRoot = Pick<Claim, 'chainId' | 'registry' | 'hour' | 'root' | 'validators'>

/** Whose signature it is; undefined when it is nobody's. */
export function signerOf(signed: SignedRoot, signature: string): Address | undefined {
  const { chainId, registry, hour, root, validators } = signed
  if (!SIGNATURE.test(signature)) return undefined
  const domain = { name: 'Muster heartbeat', version: '1', chainId, verifyingContract: registry }
  try {
    // It refuses the larger of the two values of s.
    const digest = TypedDataEncoder.hash(domain, TYPES, { hour, root, validators })
    return recoverAddress(digest, signature) as Address
  } catch {
    return undefined
  }
}
