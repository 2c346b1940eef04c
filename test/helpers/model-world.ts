import { HOUR, WORD, deploySystem, ethers, fundOf, range } from './contracts.ts'
import type { System, Terms } from './contracts.ts'
import type { RefusingReceiver } from '../../types/ethers-contracts/index.js'

/** 18 roster words: an extract by pages of 16 has two pages a phase. */
export const SIZE = 17 * WORD + 40
export const RECEIVERS = 8

export const FIRST: Partial<Terms> = { minSnapshots: 18n, grace: BigInt(HOUR), maxRefused: 3n }

export interface World {
  system: System
  receivers: RefusingReceiver[]
  addresses: string[]
  funds: string[]
}

async function world(token: boolean, reporters: number): Promise<World> {
  const receivers: RefusingReceiver[] = []
  for (let i = 0; i < RECEIVERS; ++i) {
    receivers.push(await ethers.deployContract('RefusingReceiver', [0]))
  }
  const addresses = await Promise.all(receivers.map(async (r) => r.getAddress()))
  // Every fifth validator belongs to one of the receivers, so that they hold pay in every word.
  const funds = range(SIZE).map((i) => (i % 5 === 0 ? pick(addresses, i / 5) : fundOf(i)))
  const weights = range(SIZE).map((i) => weightOf(i))
  const options = { token, validators: SIZE, funds, weights, reporters, params: FIRST }
  return { system: await deploySystem(options), receivers, addresses, funds }
}

export const onCoin = async (): Promise<World> => world(false, 3)
export const onToken = async (): Promise<World> => world(true, 1)

export const pick = <T>(list: T[], i: number): T => list[Math.floor(i) % list.length] as T
/** Weights of nothing, of a little, and of nearly all 96 bits. */
export const weightOf = (i: number): bigint =>
  [0n, 1n, 7n, 1_000n, 1n << 80n, (1n << 96n) - 1n][i % 6] ?? 0n

/** Mulberry32: the same run for the same seed. */
export function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}
