/** The only source of chance in a simulated schedule: one seed always draws the same numbers. */
export interface Random {
  /** 0 … bound - 1. */
  below(bound: number): number
  /** Both ends are possible. */
  between(least: number, most: number): number
  /** True in so many of 1,000 cases. */
  chance(permille: number): boolean
  pick<T>(items: readonly T[]): T
  /** A stream of its own, so that one actor's draws do not shift another's. */
  fork(name: string): Random
}

const MILLE = 1_000
// The mixing constants of splitmix32, in the public domain.
const GOLDEN = 0x9e3779b9
const MIX_1 = 0x21f0aaad
const MIX_2 = 0x735a2d97

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + GOLDEN) >>> 0
    return mix(state)
  }
  // The numbers are small beside 2^32, so that the remainder's bias does not matter here.
  const below = (bound: number): number => next() % bound
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (permille) => below(MILLE) < permille,
    pick: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    fork: (name) => randomOf(mix((seed ^ hashOfName(name)) >>> 0)),
  }
}

function mix(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, MIX_1)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, MIX_2)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function hashOfName(name: string): number {
  let hash = GOLDEN
  for (const letter of name) hash = mix((hash + (letter.codePointAt(0) ?? 0)) >>> 0)
  return hash
}
