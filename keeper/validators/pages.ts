import { getAddress } from 'ethers'
import type { Address, Hex } from '../base/schema.ts'
import type { Cycle } from '../base/time.ts'
import { WORD } from '../heartbeat/words.ts'
import type { ChainRoom } from './room.ts'

/** Fund addresses and weights as a cycle pins them; redirects are not in it. */
export interface Pages {
  fundOf(index: number): Address
  weightOf(index: number): bigint
}

/** 20 bytes of fund address and 12 of weight a validator, after one byte that stops execution. */
const ENTRY_DIGITS = 64
const FUND_DIGITS = 40
const PREFIX_DIGITS = '0x00'.length
const ADDRESS_BITS = 160n
// One call reads this many words of masks and page addresses; 512 words make eight calls.
const WORDS_PER_CALL = 64

/** Roster pages are contract code: one eth_getCode has 256 validators. */
export async function readPages(room: ChainRoom, cycle: Cycle, count: number): Promise<Pages> {
  const { pages } = await readRosterWords(room, cycle, count)
  const codes: Hex[] = []
  for (const page of pages) codes.push(await room.client.codeAt(pageAddress(page)))
  const entryOf = (index: number): string => {
    const code = codes[Math.floor(index / WORD)] ?? '0x'
    const from = PREFIX_DIGITS + (index % WORD) * ENTRY_DIGITS
    return code.slice(from, from + ENTRY_DIGITS).padEnd(ENTRY_DIGITS, '0')
  }
  return {
    fundOf: (index) => getAddress(`0x${entryOf(index).slice(0, FUND_DIGITS)}`) as Address,
    weightOf: (index) => BigInt(`0x${entryOf(index).slice(FUND_DIGITS)}`),
  }
}

/** Masks of the validators active in the cycle, and where their pages are. */
export async function readRosterWords(
  { contracts }: ChainRoom,
  cycle: Cycle,
  count: number,
): Promise<{ masks: bigint[]; pages: bigint[] }> {
  const masks: bigint[] = []
  const pages: bigint[] = []
  for (let first = 0; first < count; first += WORDS_PER_CALL) {
    const some = Math.min(WORDS_PER_CALL, count - first)
    const read = await contracts.registry.rosterWords(cycle, first, some)
    masks.push(...read.masks)
    pages.push(...read.pages)
  }
  return { masks, pages }
}

function pageAddress(page: bigint): Address {
  const address = BigInt.asUintN(Number(ADDRESS_BITS), page)
  return `0x${address.toString(16).padStart(FUND_DIGITS, '0')}`
}
