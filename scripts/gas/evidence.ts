// Made-up evidence, the same in every run: most validators are up in most hours.
import { ethers } from 'ethers'
import { HOURS, WORD } from './system.ts'
import type { System } from './system.ts'
import type { Receipt } from './chain.ts'

/** One validator in eight is down in an hour, so that words are neither all ones nor sparse. */
export function busyWords(validators: number, hour: number): bigint[] {
  return wordsOf(validators, (word) => {
    const noise = (salt: string): bigint => BigInt(ethers.id(`${word} ${hour} ${salt}`))
    return noise('a') | noise('b') | noise('c')
  })
}

export function fullWords(validators: number): bigint[] {
  return wordsOf(validators, () => 2n ** BigInt(WORD) - 1n)
}

function wordsOf(validators: number, word: (index: number) => bigint): bigint[] {
  const count = Math.ceil(validators / WORD)
  const words = Array.from({ length: count }, (_, i) => word(i))
  const rest = validators % WORD
  const last = words.length - 1
  if (rest !== 0) words[last] = (words[last] ?? 0n) & (2n ** BigInt(rest) - 1n)
  return words
}

/** Pushes all hours of a cycle. */
export async function pushDay(
  system: System,
  cycle: number,
  wordsOfHour: (validators: number, hour: number) => bigint[],
): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for (let hour = 0; hour < HOURS; ++hour) {
    receipts.push(await system.push(cycle, hour, wordsOfHour(system.options.validators, hour)))
  }
  return receipts
}

/** The first cycle whose lane was used before: cycle 1 had it, 2 to 4 had no evidence and rolled over. */
export const STEADY_CYCLE = 5

/** Brings a fresh system to STEADY_CYCLE: cycle 1 has evidence, pays `paid`, and its lane is free. */
export async function reachSteadyState(
  system: System,
  pool: bigint,
  paid: { words: number[]; masks: bigint[] } | undefined,
): Promise<void> {
  await system.fund(pool)
  await pushDay(system, 1, fullWords)
  await system.extract(1)
  if (paid !== undefined) await system.transfer(1, paid.words, paid.masks)
  // Without evidence a cycle is final once its last push window is over.
  for (const cycle of [2, 3, 4]) await system.rollOver(cycle)
  await system.fund(pool)
}
