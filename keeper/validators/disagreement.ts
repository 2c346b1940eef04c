import type { Address } from '../base/schema.ts'
import type { Hour } from '../base/time.ts'
import { indicesOf } from '../heartbeat/words.ts'

/** One reporter's words of one hour. */
export interface Said {
  reporter: Address
  words: readonly bigint[]
}

/** Bits of a reporter that are not what counted, for one validator. */
export interface ValidatorDifference {
  index: number
  /** Hours in which it saw the validator up, and the majority did not. */
  up: Hour[]
  /** Hours in which the majority saw the validator up, and it did not. */
  down: Hour[]
}

/** the bits that at least `majority` of the reporters set. */
export function majorityWords(said: readonly Said[], majority: number): bigint[] {
  const count = Math.max(0, ...said.map(({ words }) => words.length))
  return Array.from({ length: count }, (_, w) =>
    atLeast(
      said.map(({ words }) => words[w] ?? 0n),
      majority,
    ),
  )
}

const ALL_BITS = -1n

/** level[j] has the bits that at least j of the words seen so far have set. */
function atLeast(words: readonly bigint[], least: number): bigint {
  const level = Array.from({ length: least + 1 }, (_, j): bigint => (j === 0 ? ALL_BITS : 0n))
  for (const word of words) {
    for (let j = least; j > 0; j -= 1) level[j] = (level[j] ?? 0n) | ((level[j - 1] ?? 0n) & word)
  }
  return level[least] ?? 0n
}

export interface Disagreement {
  /** By index of the validator. */
  validators: Map<number, ValidatorDifference>
  up: number
  down: number
}

/** What each reporter said otherwise than the majority, in hours that count. */
export function compareReporters(
  hours: ReadonlyMap<Hour, readonly Said[]>,
  majority: number,
): Map<Address, Disagreement> {
  const found = new Map<Address, Disagreement>()
  for (const [hour, said] of hours) {
    if (said.length < majority) continue
    const counted = majorityWords(said, majority)
    for (const { reporter, words } of said) {
      const own = found.get(reporter) ?? { validators: new Map(), up: 0, down: 0 }
      found.set(reporter, own)
      const differing = (one: readonly bigint[], other: readonly bigint[]): number[] =>
        indicesOf(one.map((word, w) => word & ~(other[w] ?? 0n)))
      for (const index of differing(words, counted)) note(own, index, 'up', hour)
      for (const index of differing(counted, words)) note(own, index, 'down', hour)
    }
  }
  return found
}

function note(own: Disagreement, index: number, kind: 'up' | 'down', hour: Hour): void {
  const known = own.validators.get(index) ?? { index, up: [], down: [] }
  own.validators.set(index, known)
  known[kind].push(hour)
  own[kind] += 1
}
