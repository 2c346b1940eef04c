import { KeeperError } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import type { Db } from '../../store/db.ts'
import { acquireLease, readLeases } from './lease.ts'
import type { Lease, LeaseRow } from './lease.ts'

export interface LeaseSeat {
  chainId: number
  /** All of them or none, in one order: two keepers never wait for each other. */
  senders: readonly Address[]
  holder: string
  leaseMs: number
}

/** What a keeper holds while it leads. */
export interface Leases {
  of(sender: Address): Lease | undefined
  /** For logs: one a sender. */
  epochs: Record<Address, bigint>
  /** Aborted when the first of them is lost. */
  lost: AbortSignal
  /** LEASE_LOST unless the store says at this moment that all of them are ours. */
  check(): Promise<void>
  release(): Promise<void>
}

/**
 * Whoever has the leases may sign. Without `standBy` a held one is refused; with it we wait, as long as it
 * takes: it resolves when it is time to ask again and rejects when we shall stop.
 */
export async function takeLeases(
  db: Db,
  seat: LeaseSeat,
  standBy?: (sender: Address) => Promise<void>,
): Promise<Leases> {
  for (;;) {
    const { leases, heldSender } = await tryAll(db, seat)
    if (heldSender === undefined) return together(leases)
    if (!standBy) throw await held(db, seat, heldSender)
    await standBy(heldSender)
  }
}

async function held(db: Db, { chainId }: LeaseSeat, sender: Address): Promise<KeeperError> {
  const rows = await readLeases(db)
  const isIt = (row: LeaseRow): boolean =>
    row.chainId === chainId && row.sender === sender.toLowerCase()
  return new KeeperError('LEASE_HELD', { sender, holder: rows.find(isIt)?.holder ?? 'another' })
}

interface Tried {
  leases: Map<Address, Lease>
  /** Undefined: all of them are ours now. */
  heldSender?: Address
}

async function tryAll(db: Db, { chainId, senders, holder, leaseMs }: LeaseSeat): Promise<Tried> {
  const leases = new Map<Address, Lease>()
  for (const sender of senders.toSorted()) {
    const lease = await acquireLease(db, { chainId, sender, holder, leaseMs })
    if (!lease) {
      for (const taken of leases.values()) await taken.release()
      return { leases, heldSender: sender }
    }
    leases.set(sender, lease)
  }
  return { leases }
}

function together(leases: ReadonlyMap<Address, Lease>): Leases {
  const all = [...leases.values()]
  return {
    of: (sender) => leases.get(sender),
    epochs: Object.fromEntries([...leases].map(([sender, { epoch }]) => [sender, epoch])),
    lost: AbortSignal.any(all.map(({ lost }) => lost)),
    check: async () => {
      for (const lease of all) await lease.check()
    },
    release: async () => {
      for (const lease of all) await lease.release()
    },
  }
}
