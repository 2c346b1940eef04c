import { KeeperError } from '../base/errors.ts'
import type { Hex } from '../base/schema.ts'

/** Validators of one bitmap word: bit i of word w is the validator of index 256 * w + i. */
export const WORD = 256

const WORD_HEX = /^0x[0-9a-f]{64}$/i
const BITS = Array.from({ length: WORD }, (_, i) => 1n << BigInt(i))

export function wordCountFor(size: number): number {
  return Math.ceil(size / WORD)
}

export function bitOf(index: number): bigint {
  return BITS[index % WORD] as bigint
}

export function toWords(indices: Iterable<number>, wordCount: number): bigint[] {
  const words = Array.from({ length: wordCount }, () => 0n)
  for (const index of indices) {
    const word = Math.floor(index / WORD)
    if (word >= wordCount) throw new KeeperError('INTERNAL', { what: 'index beyond words', index })
    words[word] = (words[word] ?? 0n) | bitOf(index)
  }
  return words
}

/** Indices of the set bits, ascending. */
export function indicesOf(words: readonly bigint[]): number[] {
  return words.flatMap((word, w) => (word === 0n ? [] : positionsOf(word).map((i) => w * WORD + i)))
}

export function positionsOf(word: bigint): number[] {
  const digits = word.toString(2)
  const positions: number[] = []
  for (let i = digits.length - 1; i >= 0; i -= 1) {
    if (digits[i] === '1') positions.push(digits.length - 1 - i)
  }
  return positions
}

export function countBits(words: readonly bigint[]): number {
  return words.reduce((count, word) => count + positionsOf(word).length, 0)
}

/** Whether every bit of `inner` is set in `outer`. */
export function covers(outer: readonly bigint[], inner: readonly bigint[]): boolean {
  return inner.every((word, w) => (word & ~(outer[w] ?? 0n)) === 0n)
}

export function isSame(a: readonly bigint[], b: readonly bigint[]): boolean {
  return a.length === b.length && a.every((word, w) => word === b[w])
}

export function wordToHex(word: bigint): Hex {
  return `0x${word.toString(16).padStart(64, '0')}`
}

/** '0x' and 64 digits a word, word 0 first, whitespace and commas between words allowed. */
export function hexToWords(text: string): bigint[] | undefined {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '')
  const words = parts.flatMap(splitWords)
  return words.length > 0 && words.every((word) => WORD_HEX.test(word))
    ? words.map(BigInt)
    : undefined
}

function splitWords(part: string): string[] {
  const digits = part.replace(/^0x/i, '')
  if (digits.length === 0 || digits.length % 64 !== 0) return [part]
  return (digits.match(/.{64}/g) ?? []).map((word) => `0x${word}`)
}
