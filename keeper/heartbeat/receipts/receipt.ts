import { SimpleMerkleTree } from '@openzeppelin/merkle-tree'
import { keccak256 } from 'ethers'
import { z } from 'zod'
import { KeeperError } from '../../base/errors.ts'
import { addressSchema, faultsOf, hexSchema } from '../../base/schema.ts'
import type { Hex } from '../../base/schema.ts'
import type { Hour } from '../../base/time.ts'
import { signerOf } from '../../chain/keys/typed-data.ts'
import type { TypedData } from '../../chain/keys/typed-data.ts'
import { domainOf } from '../intake/login.ts'
import type { HeartbeatHome } from '../intake/login.ts'

const MAX_UINT16 = 2 ** 16 - 1
const MAX_UINT32 = 2 ** 32 - 1
// A tree of 2^32 validators is no higher.
const MAX_PROOF = 32

const uint = (max: number): z.ZodNumber => z.number().int().nonnegative().max(max)
const bytes32 = hexSchema.refine((text) => text.length === 66, 'not 32 bytes')

/** What an intake counted of one validator in one hour, signed by its reporter: worth as much as its word. */
export const receiptSchema = z
  .object({
    chainId: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
    registry: addressSchema,
    /** Whose key signed; the chain says whether it is a reporter. */
    reporter: addressSchema,
    hour: uint(MAX_UINT32),
    node: addressSchema,
    seen: uint(MAX_UINT16),
    expected: uint(MAX_UINT16),
    online: z.boolean(),
    /** Leaves of the hour's tree. */
    validators: uint(MAX_UINT32).min(1),
    proof: z.array(bytes32).max(MAX_PROOF),
    root: bytes32,
    signature: hexSchema,
  })
  .strict()

export type Receipt = z.output<typeof receiptSchema>

/** What one leaf says. */
export type Row = Pick<Receipt, 'node' | 'seen' | 'online'>

export interface HourRoot {
  hour: Hour
  root: Hex
  validators: number
}

const HOUR_ROOT = [
  { name: 'hour', type: 'uint32' },
  { name: 'root', type: 'bytes32' },
  { name: 'validators', type: 'uint32' },
]

/** The one statement that is signed for an hour. */
export function hourStatement(
  home: HeartbeatHome,
  { hour, root, validators }: HourRoot,
): TypedData {
  const types = { HourRoot: HOUR_ROOT }
  return { domain: domainOf(home), types, value: { hour, root, validators } }
}

const WORD_BYTES = 32
const LEAF_WORDS = 5
const ADDRESS_DIGITS = 40

/**
 * keccak(keccak(abi.encode(address node, uint32 hour, uint16 seen, uint16 expected, bool online))): hashed
 * twice, so that no inner node of a tree can be shown as a leaf. Encoded by hand, because an encoder for
 * every type takes five times as long as both hashes.
 */
export function leafOf({ node, seen, online }: Row, hour: Hour, expected: number): Hex {
  const words = Buffer.alloc(LEAF_WORDS * WORD_BYTES)
  words.write(node.slice(-ADDRESS_DIGITS), WORD_BYTES - ADDRESS_DIGITS / 2, 'hex')
  for (const [at, value] of [hour, seen, expected, Number(online)].entries()) {
    words.writeUInt32BE(value, (at + 2) * WORD_BYTES - 4)
  }
  const inner = Buffer.from(keccak256(words).slice(2), 'hex')
  return keccak256(inner) as Hex
}

/** With nothing but the receipt: the leaf is under the root, and the reporter signed the root. */
export function checkReceipt(given: unknown): Receipt {
  const parsed = receiptSchema.safeParse(given)
  if (!parsed.success) throw invalid(faultsOf(parsed.error).join('; '))
  const receipt = parsed.data
  const { hour, expected, root, proof, reporter, signature } = receipt
  if (!SimpleMerkleTree.verify(root, leafOf(receipt, hour, expected), proof)) {
    throw invalid('its figures are not under the root that was signed')
  }
  if (signerOf(hourStatement(receipt, receipt), signature) !== reporter) {
    throw invalid(`its root is not signed by ${reporter} for this chain and registry`)
  }
  return receipt
}

function invalid(reason: string): KeeperError {
  return new KeeperError('RECEIPT_INVALID', { reason })
}
