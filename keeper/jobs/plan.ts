import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import type { Cycle, UnixSeconds } from '../base/time.ts'
import type { Keeper } from '../keeper.ts'

/** What a slot is started with and keeps until it ends; the payees of a cycle are fixed by the chain itself. */
export interface SlotPlan {
  chainId: number
  registry: Address
  rewards: Address
  cycle: Cycle
  batchSize: number
}

interface Planned {
  name: string
  cycleOf(keeper: Keeper, slot: UnixSeconds): Cycle
}

export function planSlot(keeper: Keeper, job: Planned, slot: UnixSeconds): SlotPlan {
  const { client, contracts, batchSize } = keeper
  const { registry, rewards } = contracts.deployment
  const cycle = job.cycleOf(keeper, slot)
  return { chainId: client.chainId, registry, rewards, cycle, batchSize }
}

// A new batch size waits for the next slot; these make it another slot altogether.
const FIXED = ['chainId', 'registry', 'rewards', 'cycle'] as const

/** S-45: a slot that was started goes on with its own plan, or not at all. */
export function keepPlan(
  key: { job: string; slot: UnixSeconds },
  stored: SlotPlan | undefined,
  wanted: SlotPlan,
): SlotPlan {
  if (stored === undefined) return wanted
  const field = FIXED.find((each) => stored[each] !== wanted[each])
  if (field === undefined) return stored
  const facts = { ...key, field, planned: stored[field], now: wanted[field] }
  throw new KeeperError('PLAN_CHANGED', facts)
}
