import type { Address, Hex } from '../base/schema.ts'
import type { HeartbeatRegistry } from '../chain/contracts.ts'
import type { ChainClient } from '../chain/rpc/client.ts'

const WORD = 256
/** After a byte that stops execution: 20 bytes of address and 12 of weight a validator. */
const PREFIX_DIGITS = 4
const ENTRY_DIGITS = 64
const WEIGHT_DIGITS = 24

/** As the event Extracted has it. */
export interface Split {
  cycle: bigint
  pool: bigint
  weightSum: bigint
  weighted: boolean
}

/** What a batch paid, from the split and the batch's own words: floor(pool · weight / weights) each. */
export async function sumShares(
  { client, registry }: { client: ChainClient; registry: HeartbeatRegistry },
  { cycle, pool, weightSum, weighted }: Split,
  words: readonly { word: bigint; mask: bigint }[],
): Promise<bigint> {
  if (weightSum === 0n) return 0n
  let total = 0n
  for (const { word, mask } of words) {
    if (!weighted) {
      total += (pool / weightSum) * BigInt(bitsOf(mask).length)
      continue
    }
    const { pages } = await registry.rosterWords(cycle, word, 1)
    const code = await client.codeAt(addressOf(pages[0] ?? 0n))
    for (const bit of bitsOf(mask)) total += (pool * weightIn(code, bit)) / weightSum
  }
  return total
}

function bitsOf(mask: bigint): number[] {
  const bits: number[] = []
  for (let bit = 0; bit < WORD; bit += 1) if ((mask >> BigInt(bit)) & 1n) bits.push(bit)
  return bits
}

function weightIn(code: Hex, bit: number): bigint {
  const end = PREFIX_DIGITS + (bit + 1) * ENTRY_DIGITS
  return BigInt(`0x0${code.slice(end - WEIGHT_DIGITS, end)}`)
}

function addressOf(page: bigint): Address {
  return `0x${BigInt.asUintN(160, page).toString(16).padStart(40, '0')}`
}
