import type { Hex } from '../../base/schema.ts'
import type { UnixSeconds } from '../../base/time.ts'
import { readLogs } from '../../chain/rpc/logs.ts'
import type { Db } from '../../store/db.ts'
import { countOwed } from '../batch-rows.ts'
import type { OwedTotal } from '../batch-rows.ts'
import { readClaims } from './claims-contract.ts'
import type { ClaimsContract } from './claims-contract.ts'
import { readAcceptedRoot, readLastRoot, sumLeaves } from './claims-rows.ts'
import type { LeafTotals, RootRow } from './claims-rows.ts'
import type { ClaimsDesk } from './desk.ts'

/** What the chain says now. */
export interface ChainClaims {
  /** In force; undefined before the first. */
  root: Hex | undefined
  /** The guardian has set it aside until then. */
  asideUntil: UnixSeconds | undefined
  total: bigint
  waiting: { root: Hex; total: bigint; readyAt: UnixSeconds } | undefined
  delay: number
}

/** What the store says of it. */
export interface BookedState {
  accepted: RootRow | undefined
  last: RootRow | undefined
  leaves: LeafTotals
  /** Not in a root yet. */
  owed: OwedTotal
}

export async function readChainClaims(contract: ClaimsContract): Promise<ChainClaims> {
  const { claims } = contract
  const [state, delay, asideUntil] = await Promise.all([
    readClaims(contract),
    claims.DELAY(),
    readAside(contract),
  ])
  const { root, total, pending } = state
  return { root, total, asideUntil, waiting: pending, delay: Number(delay) }
}

/** Undefined: the root is in force, or there is none. The contract tells until when by its event alone. */
export async function readAside(contract: ClaimsContract): Promise<UnixSeconds | undefined> {
  const { client, claims, home, deployBlock } = contract
  if (BigInt(await claims.root()) !== 0n || (await claims.total()) === 0n) return undefined
  const topic = claims.interface.getEvent('RootSetAside').topicHash as Hex
  const toBlock = await client.blockNumber()
  const query = { address: home.contract, topics: [topic], fromBlock: deployBlock, toBlock }
  const last = (await readLogs(client, query)).at(-1)
  const event = last && claims.interface.parseLog(last)
  return event ? Number(event.args['until']) : undefined
}

export async function readBooked(db: Db, program: string, desk: ClaimsDesk): Promise<BookedState> {
  return {
    accepted: await readAcceptedRoot(db, desk.place),
    last: await readLastRoot(db, desk.place),
    leaves: await sumLeaves(db, desk.place),
    owed: await countOwed(db, program),
  }
}
