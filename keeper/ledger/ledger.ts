import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Alerts } from '../base/alerts.ts'
import { KeeperError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Db } from '../store/db.ts'
import { knowsAccounts, resolveAccounts } from './accounts.ts'
import type { Directory } from './accounts.ts'
import { MAX_POSTINGS_A_CALL, columnsOf, postPrepared } from './post.ts'
import { preparePosting } from './posting.ts'
import type { Outcome, Posting, Prepared } from './posting.ts'

// Two seconds of work for the database: whoever asks beyond that should rather hear it than wait.
const MAX_WAITING = 100_000
// Some 20 MB; beyond that the directory is begun anew.
const MAX_KNOWN_ACCOUNTS = 100_000

export interface LedgerOptions {
  db: Db
  clock: Clock
  log: Logger
  alerts?: Alerts | undefined
}

export interface Ledger {
  /** Resolves once it is committed, or has its answer. What rejects may have happened: ask again. */
  post(posting: Posting): Promise<Outcome>
  /** Waits for what was asked before; later calls are LEDGER_CLOSED. */
  close(): Promise<void>
}

/** Gives each caller of a batch his answer. */
type Telling = () => void

interface Waiting {
  prepared: Prepared
  resolve: (outcome: Outcome) => void
  reject: (error: unknown) => void
}

interface Batch {
  waiting: readonly Waiting[]
  /** As the database reads it, made while it was busy with the batch before. */
  columns?: { directory: Directory; text: string }
}

/**
 * Group commit without a timer: what is asked while one call is at the database goes together in the next one.
 * So a lone posting waits for nothing, and many make their batch as large as the database is slow.
 */
export function openLedger({ db, clock, log, alerts }: LedgerOptions): Ledger {
  const tellConflict = (key: string): void => {
    log.warn({ key }, 'a key came again with another content; it is in quarantine')
    alerts?.raise('ledger-conflict', { key })
  }
  const queue = new Queue()
  let flushing: Promise<void> | undefined
  let isClosed = false
  let directory: Directory = new Map()

  async function flushAll(): Promise<void> {
    // Whoever asks in the same turn goes along.
    await Promise.resolve()
    let tellLast: Telling | undefined
    while (queue.length > 0) {
      const flushed = flush(queue.take())
      if (tellLast) {
        // Once this batch is on its way: what the callers of the last one ask next is prepared meanwhile.
        await nextTurn()
        tellLast()
      }
      if (queue.length >= MAX_POSTINGS_A_CALL) {
        await nextTurn()
        queue.makeReady(directory)
      }
      tellLast = await flushed
    }
    flushing = undefined
    tellLast?.()
  }

  async function flush({ waiting, columns }: Batch): Promise<Telling> {
    try {
      const prepared = waiting.map((each) => each.prepared)
      const outcomes = await post(prepared, columns)
      return () => {
        for (const [index, { resolve }] of waiting.entries()) resolve(outcomes[index] as Outcome)
      }
    } catch (error) {
      directory = new Map()
      return () => {
        for (const { reject } of waiting) reject(error)
      }
    }
  }

  async function post(batch: readonly Prepared[], columns: Batch['columns']): Promise<Outcome[]> {
    if (sizeOf(directory) > MAX_KNOWN_ACCOUNTS) directory = new Map()
    // A directory that was begun anew may have other numbers for the names.
    const text = columns?.directory === directory ? columns.text : undefined
    if (text === undefined) {
      // Committed by itself before the posting, so that the directory never knows what was undone.
      const postings = batch.map(({ posting }) => posting)
      await resolveAccounts(db, postings, directory)
    }
    const outcomes = await postPrepared(db, batch, directory, clock.now(), text)
    for (const result of outcomes) if (result.outcome === 'conflict') tellConflict(result.key)
    return outcomes
  }

  return {
    post: async (posting) => {
      const prepared = preparePosting(posting)
      if (isClosed) throw new KeeperError('LEDGER_CLOSED')
      if (queue.length >= MAX_WAITING) {
        throw new KeeperError('LEDGER_BUSY', { waiting: queue.length })
      }
      return new Promise((resolve, reject) => {
        queue.push({ prepared, resolve, reject })
        flushing ??= flushAll()
      })
    },
    close: async () => {
      isClosed = true
      await flushing
    },
  }
}

class Queue {
  #waiting: Waiting[] = []
  #ready: Batch | undefined

  get length(): number {
    return this.#waiting.length
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /** The oldest. What is ready are those: others only came behind them. */
  take(): Batch {
    const batch = this.#ready ?? { waiting: this.#oldest() }
    this.#ready = undefined
    this.#waiting = this.#waiting.slice(batch.waiting.length)
    return batch
  }

  makeReady(directory: Directory): void {
    const waiting = this.#oldest()
    const prepared = waiting.map((each) => each.prepared)
    if (!prepared.every(({ posting }) => knowsAccounts(directory, posting))) return
    const columns = { directory, text: columnsOf(prepared, directory) }
    this.#ready = { waiting, columns }
  }

  #oldest(): Waiting[] {
    return this.#waiting.slice(0, MAX_POSTINGS_A_CALL)
  }
}

function sizeOf(directory: Directory): number {
  return [...directory.values()].reduce((sum, { accounts }) => sum + accounts.size, 0)
}
