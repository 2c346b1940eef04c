/** Validators in a roster word. */
export const WORD = 256

const BITS_PER_BYTE = 8
const HEX_PER_WORD = 64

/** A flag a validator: 1 where its bit is set. Byte by byte, because shifts of bigints copy them. */
export function flagsOf(words: readonly bigint[]): Uint8Array {
  const flags = new Uint8Array(words.length * WORD)
  for (const [w, word] of words.entries()) {
    if (word === 0n) continue
    const bytes = Buffer.from(word.toString(16).padStart(HEX_PER_WORD, '0'), 'hex')
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[bytes.length - 1 - i] ?? 0
      for (let bit = 0; bit < BITS_PER_BYTE; bit += 1) {
        if ((byte >> bit) & 1) flags[w * WORD + i * BITS_PER_BYTE + bit] = 1
      }
    }
  }
  return flags
}

/** The same back: `count` words of 256 flags. */
export function wordsOf(flags: Uint8Array, count: number): bigint[] {
  return Array.from({ length: count }, (_, w) => {
    const bytes = Buffer.alloc(WORD / BITS_PER_BYTE)
    for (let i = 0; i < WORD; i += 1) {
      if (!flags[w * WORD + i]) continue
      const at = bytes.length - 1 - Math.floor(i / BITS_PER_BYTE)
      bytes[at] = (bytes[at] ?? 0) | (1 << (i % BITS_PER_BYTE))
    }
    return BigInt(`0x${bytes.toString('hex')}`)
  })
}

/** Validators whose bit is set in one roster word. */
export function indicesOf(word: bigint, mask: bigint): number[] {
  const first = Number(word) * WORD
  const indices: number[] = []
  for (const [bit, flag] of flagsOf([mask]).entries()) if (flag) indices.push(first + bit)
  return indices
}

/** One validator of all words. */
export function hasBit(words: readonly bigint[], index: number): boolean {
  const word = words[Math.floor(index / WORD)] ?? 0n
  return ((word >> BigInt(index % WORD)) & 1n) === 1n
}

export function countFlags(flags: Uint8Array): number {
  let count = 0
  for (const flag of flags) count += flag === 0 ? 0 : 1
  return count
}
