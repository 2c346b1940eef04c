import type { Address } from '../base/schema.ts'
import { readLeases } from '../chain/journal/lease.ts'
import type { Db } from '../store/db.ts'

export interface OwnSenders {
  ours: Address[]
  /** What is not compared, and why. */
  notes: string[]
}

/**
 * Whose every transaction the journal of this store must have. A monitor's home has signed for its own reporter
 * and never for the keeper: a lease is taken before anything is signed, and its row stays. A store without any
 * lease is not a monitor's: it is empty, or was begun anew.
 */
export async function ownSenders(
  db: Db,
  chainId: number,
  candidates: { keeper: Address; reporters: readonly Address[] },
): Promise<OwnSenders> {
  const { keeper, reporters } = candidates
  const all = [...new Set([keeper, ...reporters])]
  const leases = (await readLeases(db)).filter((lease) => lease.chainId === chainId)
  const held = new Set(leases.map(({ sender }) => sender))
  const ours = all.filter((address) => held.has(address.toLowerCase()))
  if (ours.length === 0) return { ours: all, notes: [] }
  if (ours.includes(keeper)) return { ours, notes: [] }
  const what = `this store has never signed for the keeper ${keeper}`
  return { ours, notes: [`${what}: its transactions are held against the chain alone`] }
}
