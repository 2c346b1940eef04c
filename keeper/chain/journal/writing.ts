import { hostname } from 'node:os'
import type { Logger } from '../../base/log.ts'
import type { Address } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import type { Db } from '../../store/db.ts'
import type { ChainClient } from '../rpc/client.ts'
import { openJournal, withLease } from './journal-writer.ts'
import type { Journal } from './journal-writer.ts'
import { takeLeases } from './leases.ts'
import type { Leases } from './leases.ts'
import { reconcile } from './reconcile.ts'
import { openSideLog } from './side-log-file.ts'

export interface WritingOptions {
  db: Db
  client: ChainClient
  /** The side log is in it, beside the embedded store. */
  home: string
  /** The keys that will sign. */
  senders: readonly Address[]
  leaseMs: number
  clock: Clock
  log: Logger
  /** Waits while another process signs with a key; without it LEASE_HELD is thrown. */
  standBy?: ((sender: Address) => Promise<void>) | undefined
  onWrite?: ((seconds: number) => void) | undefined
  signal?: AbortSignal | undefined
}

/** The right and the means to write for some keys: leases, journal and side log, compared with the chain. */
export interface Writing {
  leases: Leases
  journalOf(sender: Address): Journal
  close(): Promise<void>
}

/** Before anything is signed: one writer a key, and both books agree with each other and with the chain. */
export async function openWriting(options: WritingOptions): Promise<Writing> {
  const { db, client, home, senders, leaseMs, clock, log, onWrite, signal } = options
  const holder = `${hostname()}:${process.pid}`
  const seat = { chainId: client.chainId, senders, holder, leaseMs }
  const leases = await takeLeases(db, seat, options.standBy)
  const sideLog = await openSideLog({ home, clock }).catch(async (error: unknown) => {
    await leases.release()
    throw error
  })
  const journal = openJournal({ db, sideLog, clock, ...(onWrite ? { onWrite } : {}) })
  const journalOf = (sender: Address): Journal => withLease(journal, leases.of(sender))
  const close = async (): Promise<void> => {
    await leases.release()
    await sideLog.close()
  }
  try {
    for (const sender of senders) {
      const given = { journal: journalOf(sender), client, sender, clock, log }
      const { restored, unaccounted } = await reconcile({ ...given, ...(signal ? { signal } : {}) })
      if (restored.length > 0) log.warn({ sender, rows: restored.length }, 'journal-restored')
      if (unaccounted.length > 0)
        log.error({ sender, rows: unaccounted.length }, 'nonces-unaccounted')
    }
    return { leases, journalOf, close }
  } catch (error) {
    await close()
    throw error
  }
}
