import { KeeperError } from '../../base/errors.ts'
import type { Address } from '../../base/schema.ts'
import type { Db } from '../../store/db.ts'
import { lockSession } from './lease-lock.ts'
import type { LeaseSession } from './lease-lock.ts'

/** The right to write for one sender, until another one takes it over. */
export interface Lease {
  readonly sender: Address
  /** Grows at each take-over; every write of the journal carries it. */
  readonly epoch: bigint
  /** Aborted as soon as we know that the lease is gone. */
  readonly lost: AbortSignal
  isHeld(): boolean
  /** LEASE_LOST unless the store says at this moment that the lease is ours. */
  check(): Promise<void>
  release(): Promise<void>
}

export interface LeaseOptions {
  chainId: number
  sender: Address
  /** Who holds it, for people: host and pid. */
  holder: string
  /** A holder that did not renew for so long is taken for dead. */
  leaseMs: number
}

export interface LeaseRow {
  chainId: number
  sender: string
  epoch: bigint
  /** Undefined once released. */
  holder: string | undefined
  /** By the database's clock. */
  ageMs: number
  isStale: boolean
}

// Two renewals may fail before the third is too late.
const RENEWALS_A_LEASE = 3

/**
 * Undefined while another one holds it. On PostgreSQL the lock ends with the holder's connection, so a killed
 * one is followed at once, and one that stands still when its lease is over. On the embedded store the
 * directory's lock has decided already who writes; only the epoch grows.
 */
export async function acquireLease(db: Db, options: LeaseOptions): Promise<Lease | undefined> {
  if (!db.session) return holdLease(options, await raiseEpoch(db, options), db, undefined)
  const session = await lockSession(db, options)
  if (!session) return undefined
  try {
    return holdLease(options, await raiseEpoch(session, options), session, session)
  } catch (error) {
    await session.close().catch(() => {})
    throw error
  }
}

type Store = Pick<Db, 'begin' | 'maybeOne' | 'query'>

/** The head is locked first: no write of the former holder can come after it unseen. */
async function raiseEpoch(store: Store, options: LeaseOptions): Promise<bigint> {
  const { chainId, sender, holder, leaseMs } = options
  const { epoch } = await store.begin(async (t) => {
    await t.query('select seq from journal_head for update')
    return t.one<{ epoch: bigint }>(
      `insert into writer_lease as l (chain_id, sender, epoch, holder, lease_ms, renewed_at)
       values ($1, $2, 1, $3, $4, clock_timestamp())
       on conflict (chain_id, sender) do update
          set epoch = l.epoch + 1, holder = $3, lease_ms = $4, renewed_at = clock_timestamp()
       returning epoch`,
      [chainId, sender.toLowerCase(), holder, leaseMs],
    )
  })
  return epoch
}

function holdLease(
  options: LeaseOptions,
  epoch: bigint,
  store: Store,
  session: LeaseSession | undefined,
): Lease {
  const { chainId, sender, leaseMs } = options
  const lost = new AbortController()
  const mine = [chainId, sender.toLowerCase(), epoch]
  let renewedMs = performance.now()

  const lose = (): void => {
    clearInterval(timer)
    lost.abort(new KeeperError('LEASE_LOST', { sender, epoch }))
  }
  const renew = async (): Promise<void> => {
    const startedMs = performance.now()
    const row = await store.maybeOne(`${RENEW} returning epoch`, mine).catch(() => undefined)
    if (row) renewedMs = startedMs
    else lose()
  }
  const isHeld = (): boolean => {
    const isOld = session !== undefined && performance.now() - renewedMs >= leaseMs
    return !lost.signal.aborted && !isOld
  }
  const timer = session && setInterval(() => void renew(), leaseMs / RENEWALS_A_LEASE)
  timer?.unref()
  session?.gone.addEventListener('abort', lose, { once: true })
  if (session?.gone.aborted) lose()

  return {
    sender,
    epoch,
    lost: lost.signal,
    isHeld,
    check: async () => {
      // The store's word counts; after this process stood still for its whole lease it is renewed, too.
      if (!lost.signal.aborted && !isHeld()) await renew()
      const row = isHeld() ? await store.maybeOne(LOOK, mine).catch(() => undefined) : undefined
      if (row) return
      lose()
      throw new KeeperError('LEASE_LOST', { sender, epoch })
    },
    release: async () => {
      clearInterval(timer)
      session?.gone.removeEventListener('abort', lose)
      await store.query(RELEASE, mine).catch(() => [])
      await session?.close().catch(() => {})
      lost.abort(new KeeperError('LEASE_LOST', { sender, epoch }))
    },
  }
}

const MINE = 'where chain_id = $1 and sender = $2 and epoch = $3 and holder is not null'
const LOOK = `select epoch from writer_lease ${MINE}`
const RENEW = `update writer_lease set renewed_at = clock_timestamp() ${MINE}`
const RELEASE = `update writer_lease set holder = null ${MINE}`

export async function readLeases(db: Db): Promise<LeaseRow[]> {
  const rows = await db.query<{
    chain_id: bigint
    sender: string
    epoch: bigint
    holder: string | null
    age_ms: bigint
    lease_ms: bigint
  }>(
    `select chain_id, sender, epoch, holder, lease_ms,
            (extract(epoch from clock_timestamp() - renewed_at) * 1000)::bigint as age_ms
       from writer_lease order by chain_id, sender`,
  )
  return rows.map((row) => ({
    chainId: Number(row.chain_id),
    sender: row.sender,
    epoch: row.epoch,
    holder: row.holder ?? undefined,
    ageMs: Number(row.age_ms),
    isStale: row.age_ms > row.lease_ms,
  }))
}

/** Takes a dead holder's lease away. LEASE_HELD while it lives. False: nobody held it. */
export async function unlockLease(
  db: Db,
  { chainId, sender }: { chainId: number; sender: Address },
): Promise<boolean> {
  const rows = await readLeases(db)
  const row = rows.find((one) => one.chainId === chainId && one.sender === sender.toLowerCase())
  if (!row?.holder) return false
  const lease = await acquireLease(db, { chainId, sender, holder: 'unlock', leaseMs: UNLOCK_MS })
  if (!lease) throw new KeeperError('LEASE_HELD', { holder: row.holder, sender })
  await lease.release()
  return true
}

// It is given back at once.
const UNLOCK_MS = 10_000
