import { KeeperError } from '../../base/errors.ts'
import type { Logger } from '../../base/log.ts'
import { waitFor } from '../../base/retry.ts'
import type { Address } from '../../base/schema.ts'
import type { Clock } from '../../base/time.ts'
import { attemptsOf, lastNonce, unresolved } from './journal.ts'
import type { TxRecord } from './journal-rows.ts'
import { readHead } from './journal-writer.ts'
import type { Journal } from './journal-writer.ts'
import { restoreSigned } from './restore.ts'
import type { JournalHead, SideLine, SideLines, SignedLine } from './side-log.ts'
import { findUnaccounted } from './unaccounted.ts'
import type { NonceReader } from './unaccounted.ts'

export interface ReconcileOptions {
  journal: Journal
  client: NonceReader
  sender: Address
  clock: Clock
  log: Logger
  /** How long a key without a journal is waited for while it has transactions on their way. */
  pendingWaitMs?: number
  pollMs?: number
  signal?: AbortSignal
}

export interface Reconciliation {
  /** Rows that the store had lost, as they are now. */
  restored: TxRecord[]
  /** Nonces that the chain has counted and nobody can explain: the queue is stopped by them. */
  unaccounted: TxRecord[]
}

// Blocks come within 12 s; five of them mine or drop what somebody sent a moment ago.
const PENDING_WAIT_MS = 60_000
const POLL_MS = 1_000
const START: JournalHead = { seq: 0n, hash: '0'.repeat(64) }

/**
 * S-12: at each start, before anything is signed. The store may be older than the chain: a backup, or a power
 * loss on the embedded store. What the side log has is put back, so that the same bytes are used; what it does
 * not have either is for a human. A nonce that was used once is never used again.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const { journal, client, sender, log } = options
  const side = await journal.sideLog.read('recent')
  if (side.damaged.length > 0) log.warn({ places: side.damaged }, 'side-log-damaged')
  await noteLostPast(options, side)
  const own = signedBy(side, client.chainId, sender)
  const restored = await restoreSigned(options, own)
  await completeSideLog(options, own)
  const isKnown = (await lastNonce(journal.db, client.chainId, sender)) !== undefined
  const unaccounted = isKnown ? await findUnaccounted(options) : []
  if (!isKnown) await waitForPending(options)
  journal.sideLog.head(await readHead(journal.db))
  return { restored, unaccounted }
}

/** In the order of signing, without those that the journal refused and did not take later either. */
function signedBy({ lines }: SideLines, chainId: number, sender: Address): SignedLine[] {
  const signed = new Map<string, SignedLine>()
  for (const line of lines) {
    if (line.type === 'void') signed.delete(line.hash)
    const isOwn = line.type === 'signed' && line.chainId === chainId && line.sender === sender
    if (isOwn) signed.set(line.hash, line)
  }
  return [...signed.values()]
}

/** The journal ends before what the side log saw: it is said once, loudly, and the log starts afresh. */
async function noteLostPast({ journal, log }: ReconcileOptions, side: SideLines): Promise<void> {
  const heads = headsOf(side.lines)
  const last = heads.at(-1)
  if (!last || (await hasEvent(journal, last))) return
  const lostAt = await findLast(heads, (head) => hasEvent(journal, head))
  await journal.sideLog.restarted(lostAt ?? START, last)
  log.error({ journal: lostAt?.seq ?? 0n, sideLog: last.seq }, 'journal-older-than-side-log')
}

/** Since the last restart: what is said before it speaks of a past that was noted as lost. */
function headsOf(lines: readonly SideLine[]): JournalHead[] {
  const from = lines.findLastIndex(({ type }) => type === 'restart')
  return lines.slice(Math.max(0, from)).flatMap((line) => {
    return line.type === 'head' || line.type === 'signed' || line.type === 'restart'
      ? [line.head]
      : []
  })
}

async function hasEvent({ db }: Journal, { seq, hash }: JournalHead): Promise<boolean> {
  if (seq === 0n) return true
  const sql = 'select hash from journal_event where seq = $1'
  return (await db.maybeOne<{ hash: string }>(sql, [seq]))?.hash === hash
}

/** The last one that holds, where all before it hold too: by halving. */
async function findLast(
  heads: readonly JournalHead[],
  holds: (head: JournalHead) => Promise<boolean>,
): Promise<JournalHead | undefined> {
  let known = -1
  let lost = heads.length
  while (lost - known > 1) {
    const middle = Math.floor((known + lost) / 2)
    const head = heads[middle]
    if (head && (await holds(head))) known = middle
    else lost = middle
  }
  return heads[known]
}

/** A store that came without its side log: what may still be on its way is written there, too. */
async function completeSideLog(
  { journal, client, sender }: ReconcileOptions,
  own: readonly SignedLine[],
): Promise<void> {
  const logged = new Set(own.map(({ hash }) => hash))
  for (const tx of await unresolved(journal.db, client.chainId, sender)) {
    const { nonce } = tx
    if (nonce === undefined) continue
    for (const attempt of await attemptsOf(journal.db, tx.id)) {
      if (logged.has(attempt.hash)) continue
      const { hash, raw, purpose, signedAt: at } = attempt
      const { chainId, kind, key, contract, payloadHash, anchor } = tx
      const of = { chainId, sender, nonce, kind, key, contract, payloadHash, anchor }
      const head = await readHead(journal.db)
      await journal.sideLog.signed({ ...of, hash, raw, purpose, at }, head)
    }
  }
}

/** A key without a past here: what it has on its way elsewhere is mined, or gone, before we begin. */
async function waitForPending(options: ReconcileOptions): Promise<void> {
  const { client, sender, clock, signal } = options
  const { pendingWaitMs = PENDING_WAIT_MS, pollMs = POLL_MS } = options
  let pending = 0
  await waitFor(
    async () => {
      pending = await client.nonceOf(sender, 'pending')
      return pending <= (await client.nonceOf(sender)) ? true : undefined
    },
    {
      what: 'the pending transactions',
      clock,
      timeoutMs: pendingWaitMs,
      firstDelayMs: pollMs,
      maxDelayMs: pollMs,
      ...(signal ? { signal } : {}),
      onTimeout: () =>
        new KeeperError('NONCE_WAIT_TIMEOUT', {
          nonce: pending - 1,
          sender,
          timeoutMs: pendingWaitMs,
        }),
    },
  )
}
