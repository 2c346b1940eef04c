import { keccak256 } from 'ethers'
import type { Cycle } from '../base/time.ts'
import { bitOf, indicesOf, positionsOf, wordToHex } from '../heartbeat/words.ts'
import { MAX_BATCH_WORDS } from './gas.ts'

/** The list of one transfer transaction: bit i of masks[k] names validator 256 * words[k] + i. */
export interface Slice {
  words: number[]
  masks: bigint[]
  payees: number
}

/** ceil(n / size) slices of the set bits in ascending order (Z-45); a slice has at most 64 words. */
export function toSlices(unpaid: readonly bigint[], size: number): Slice[] {
  const slices: Slice[] = []
  let slice: Slice = { words: [], masks: [], payees: 0 }
  for (const [word, mask] of unpaid.entries()) {
    for (const position of mask === 0n ? [] : positionsOf(mask)) {
      const isNewWord = slice.words.at(-1) !== word
      if (slice.payees === size || (isNewWord && slice.words.length === MAX_BATCH_WORDS)) {
        slices.push(slice)
        slice = { words: [], masks: [], payees: 0 }
      }
      add(slice, word, bitOf(position))
    }
  }
  return slice.payees === 0 ? slices : [...slices, slice]
}

function add(slice: Slice, word: number, bit: bigint): void {
  if (slice.words.at(-1) !== word) {
    slice.words.push(word)
    slice.masks.push(0n)
  }
  const last = slice.masks.length - 1
  slice.masks[last] = (slice.masks[last] ?? 0n) | bit
  slice.payees += 1
}

/** What of the slice is still unpaid: what a stranger or the payee took meanwhile is left out. */
export function narrow({ words, masks }: Slice, unpaid: readonly bigint[]): Slice {
  const kept: Slice = { words: [], masks: [], payees: 0 }
  for (const [i, word] of words.entries()) {
    const mask = (masks[i] ?? 0n) & (unpaid[i] ?? 0n)
    if (mask === 0n) continue
    kept.words.push(word)
    kept.masks.push(mask)
    kept.payees += positionsOf(mask).length
  }
  return kept
}

export function indicesIn({ words, masks }: Slice): number[] {
  return words.flatMap((word, i) => indicesOf([masks[i] ?? 0n]).map((at) => word * 256 + at))
}

/** The business key belongs to the content: another list is another key, the same list is sent once. */
export function sliceKey(cycle: Cycle, { words, masks }: Slice): string {
  const content = words.map((word, i) => `${wordToHex(BigInt(word))}${wordToHex(masks[i] ?? 0n)}`)
  const hash = keccak256(`0x${content.join('').replaceAll('0x', '')}`)
  return `${cycle}/${words[0]}:${hash.slice(2, 18)}`
}
