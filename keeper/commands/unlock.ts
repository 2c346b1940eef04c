import { getAddress } from 'ethers'
import { KeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { readLeases, unlockLease } from '../chain/journal/lease.ts'
import type { LeaseRow } from '../chain/journal/lease.ts'
import { hasStore, openStore, unlockStore } from '../store/open-store.ts'
import type { Db } from '../store/db.ts'
import type { Report, Run } from './command.ts'
import { plural } from './print.ts'

interface UnlockOptions {
  dryRun?: boolean
}

/** Takes away what a dead process holds. Nothing is taken from one that lives: then it is refused. */
export async function unlockCommand(run: Run, { dryRun = false }: UnlockOptions): Promise<Report> {
  const { config, clock } = run
  const isEmbedded = config.databaseUrl === undefined
  if (isEmbedded && !hasStore(config.home)) {
    const lines = [`no store in ${config.home}: nothing to unlock`]
    return { json: { dryRun, directory: false, leases: [] }, lines }
  }
  const isFreed = isEmbedded && (await unlockStore({ home: config.home, clock }, { dryRun }))
  // To open the embedded store is to take its lock: a dry run leaves it alone.
  if (isEmbedded && dryRun) return reportOf({ dryRun, directory: isFreed, leases: [] })
  const db = await openStore({ ...config, clock })
  try {
    const leases = dryRun ? await heldLeases(db) : await freeLeases(db)
    return reportOf({ dryRun, directory: isFreed, leases })
  } finally {
    await db.close()
  }
}

async function heldLeases(db: Db): Promise<LeaseRow[]> {
  return (await readLeases(db)).filter(({ holder }) => holder !== undefined)
}

/** One that lives does not keep the others from being freed. */
async function freeLeases(db: Db): Promise<LeaseRow[]> {
  const freed: LeaseRow[] = []
  let refusal: KeeperError | undefined
  for (const lease of await heldLeases(db)) {
    const { chainId } = lease
    try {
      const sender = getAddress(lease.sender) as Address
      if (await unlockLease(db, { chainId, sender })) freed.push(lease)
    } catch (error) {
      if (!(error instanceof KeeperError) || error.code !== 'LEASE_HELD') throw error
      refusal ??= error
    }
  }
  if (refusal) throw refusal
  return freed
}

interface Unlocked {
  dryRun: boolean
  directory: boolean
  leases: LeaseRow[]
}

function reportOf(found: Unlocked): Report {
  const { dryRun, directory, leases } = found
  const lock = dryRun ? 'it would be removed' : 'it is gone'
  const verb = dryRun ? 'would be freed if the holder is dead' : 'freed'
  const lines = [
    ...(directory ? [`the lock of the store was left by a dead process: ${lock}`] : []),
    leases.length === 0
      ? 'no key is held by another process'
      : `${plural(leases.length, 'key')} ${verb}:`,
    ...leases.map(leaseLine),
    ...(dryRun ? ['dry run: nothing was changed'] : []),
  ]
  return { json: found, lines }
}

function leaseLine({ chainId, sender, holder, ageMs }: LeaseRow): string {
  const age = plural(Math.floor(ageMs / 1000), 'second')
  return `  ${sender} on chain ${chainId}, held by ${holder ?? '-'}, renewed ${age} ago`
}
