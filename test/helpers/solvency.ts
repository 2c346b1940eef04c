// What a cycle gave, computed again from the chain, and that the books of the contract balance.
import type { BigNumberish } from 'ethers'
import { WORD, ethers, range } from './contracts.ts'
import type { System } from './contracts.ts'

/** A share as the cycle's own page and terms give it, read from the chain and computed here. */
export async function shareOf(system: System, cycle: number, index: number): Promise<bigint> {
  const { pool, weightSum, weighted } = await system.rewards.cycle(cycle)
  if (pool === 0n) return 0n
  if (!weighted) return pool / weightSum
  const word = Math.floor(index / WORD)
  const [page] = await system.registry.rosterPages(cycle, [word])
  const at = ethers.toBeHex((page ?? 0n) & ((1n << 160n) - 1n), 20)
  const code = ethers.getBytes(await ethers.provider.getCode(at))
  const from = 1 + (index % WORD) * 32 + 20
  return (pool * ethers.toBigInt(code.slice(from, from + 12))) / weightSum
}

/** Indices of the set bits of a mask of a roster word. */
function indicesOf(word: BigNumberish, mask: bigint): number[] {
  const bits = range(WORD).filter((i) => (mask >> BigInt(i)) & 1n)
  return bits.map((i) => Number(word) * WORD + i)
}

/** Everything that left the contract, added up from its events. */
async function paidOut(
  system: System,
): Promise<{ paid: bigint; withdrawn: bigint; returned: bigint }> {
  const { rewards } = system
  const { filters } = rewards
  let paid = 0n
  for (const { args } of await rewards.queryFilter(filters.Paid())) {
    for (const i of args.words.flatMap(({ word, mask }) => indicesOf(word, mask))) {
      paid += await shareOf(system, Number(args.cycle), i)
    }
  }
  for (const { args } of await rewards.queryFilter(filters.Claimed())) paid += args.amount
  let withdrawn = 0n
  for (const { args } of await rewards.queryFilter(filters.Withdrawn())) withdrawn += args.amount
  let returned = 0n
  for (const { args } of await rewards.queryFilter(filters.ReturnedToSponsor())) {
    returned += args.amount
  }
  return { paid, withdrawn, returned }
}

/**
 * The books balance: balance >= pool + unpaid + credits, and everything funded is paid, credited,
 * withdrawn, unpaid, still in the pool or back at the sponsor.
 */
export async function assertSolvent(system: System): Promise<void> {
  const books = await system.rewards.books()
  const { paid, withdrawn, returned } = await paidOut(system)
  const owed = books.pool + books.unpaid + books.credits
  if (books.balance < owed) throw new Error(`balance ${books.balance} < owed ${owed}`)
  const sum = owed + paid + withdrawn + returned
  if (sum !== books.funded) {
    const parts = `pool ${books.pool}, unpaid ${books.unpaid}, credits ${books.credits}, paid ${paid}`
    throw new Error(`funded ${books.funded} != ${sum}: ${parts}, out ${withdrawn} + ${returned}`)
  }
}
