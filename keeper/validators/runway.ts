import type { Wei } from '../base/amount.ts'
import { sum } from '../base/amount.ts'
import type { ChainRoom } from './room.ts'

// Cycles whose spending is looked at: a week.
const RUNWAY_CYCLES = 7
const NO_CAP = 2n ** 128n - 1n

/**
 * Cycles that the pool lasts: at the cap where there is one, else at what the last ones took. Undefined
 * before anything was spent. A few calls, where `readStatus` reads every event of the contract.
 */
export async function readRunway({ contracts }: ChainRoom): Promise<number | undefined> {
  const { rewards } = contracts
  const [{ pool }, next] = await Promise.all([rewards.books(), rewards.nextCycle()])
  const { cap } = await rewards.paramsAt(next)
  const spend = cap === NO_CAP ? await meanOf(contracts, Number(next)) : cap
  return spend === undefined || spend === 0n ? undefined : Number(pool / spend)
}

async function meanOf({ rewards }: ChainRoom['contracts'], next: number): Promise<Wei | undefined> {
  const first = Math.max(1, next - RUNWAY_CYCLES)
  const numbers = Array.from({ length: next - first }, (_, i) => first + i)
  const cycles = await Promise.all(numbers.map((cycle) => rewards.cycle(cycle)))
  const spent = cycles.map(({ allocated }) => allocated).filter((allocated) => allocated > 0n)
  return spent.length === 0 ? undefined : sum(spent) / BigInt(spent.length)
}
