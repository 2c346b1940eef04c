import { KeeperError } from '../../base/errors.ts'
import type { Hex } from '../../base/schema.ts'
import type { Block, Receipt } from './client.ts'

/** What a node said cannot be what was asked for: it counts as no answer at all. */
class Malformed extends Error {}

/** As RPC_UNAVAILABLE, so that another endpoint or a later try decides. */
export function readAnswer<T>(
  { url, method }: { url: string; method: string },
  answer: unknown,
  read: (answer: unknown) => T,
): T {
  try {
    return read(answer)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw new KeeperError('RPC_UNAVAILABLE', { url, method, reason: error.message }, error)
  }
}

const QUANTITY = /^0x[0-9a-f]+$/i
const HASH = /^0x[0-9a-f]{64}$/i

export function quantityOf(value: unknown, name = 'the answer'): bigint {
  if (typeof value === 'string' && QUANTITY.test(value)) return BigInt(value)
  throw new Malformed(`${name} is not a number`)
}

/** A height or a count. */
export function countOf(value: unknown, name = 'the answer'): number {
  const count = Number(quantityOf(value, name))
  if (Number.isSafeInteger(count)) return count
  throw new Malformed(`${name} is too large`)
}

type Fields = Record<string, unknown>

export function blockOf(answer: unknown): Block | undefined {
  if (answer === null || answer === undefined) return undefined
  const { number, hash, timestamp, baseFeePerGas } = answer as Fields
  return {
    number: countOf(number, 'the number of the block'),
    hash: hashOf(hash, 'the hash of the block'),
    timestamp: countOf(timestamp, 'the time of the block'),
    baseFee: quantityOf(baseFeePerGas ?? '0x0', 'the base fee'),
  }
}

export function receiptOf(answer: unknown, hash: Hex): Receipt | undefined {
  if (answer === null || answer === undefined) return undefined
  const fields = answer as Fields
  // A node may show the receipt of a pending transaction without a block: that is none yet.
  if (!fields['blockHash'] || !fields['transactionHash']) return undefined
  const found = hashOf(fields['transactionHash'], 'the hash of the transaction')
  // Of another transaction: whatever it says, it says nothing about ours.
  if (found.toLowerCase() !== hash.toLowerCase()) return undefined
  return {
    hash: found,
    blockNumber: countOf(fields['blockNumber'], 'the number of the block'),
    blockHash: hashOf(fields['blockHash'], 'the hash of the block'),
    succeeded: countOf(fields['status'], 'the status') === 1,
    gasUsed: quantityOf(fields['gasUsed'] ?? '0x0', 'the gas used'),
    gasPrice: quantityOf(fields['effectiveGasPrice'] ?? '0x0', 'the gas price'),
  }
}

function hashOf(value: unknown, name: string): Hex {
  if (typeof value === 'string' && HASH.test(value)) return value as Hex
  throw new Malformed(`${name} is not a hash`)
}
