import { KeeperError } from '../../base/errors.ts'
import { waitFor } from '../../base/retry.ts'
import { lastNonce, unmined } from '../journal/journal.ts'
import type { TxRecord } from '../journal/journal-rows.ts'
import { reconcile } from '../journal/reconcile.ts'
import type { SendContext } from './send-context.ts'
import { isStopped, queueStopped } from './stopped.ts'

/** What one sender knows of its own nonces; read from the journal again whenever something went wrong. */
export interface Nonces {
  /** Rows that are not mined, by id. */
  open: Map<bigint, TxRecord>
  last: number | undefined
  isKnown: boolean
  /** When the newest final block was last seen on the chain. */
  finalCheckedAtMs: number | undefined
  /** When the chain was last seen to have counted all that is not open. */
  countedAtMs: number | undefined
}

export function newNonces(): Nonces {
  return {
    open: new Map(),
    last: undefined,
    isKnown: false,
    countedAtMs: undefined,
    finalCheckedAtMs: undefined,
  }
}

/** Throws QUEUE_STOPPED when a row of this sender waits for a human. */
export async function learnNonces(context: SendContext, nonces: Nonces): Promise<void> {
  const { journal, client, signer, surroundings } = context
  const rows = await unmined(journal.db, client.chainId, signer.address)
  nonces.open = new Map(rows.map((tx) => [tx.id, tx]))
  nonces.last = await lastNonce(journal.db, client.chainId, signer.address)
  nonces.countedAtMs = undefined
  surroundings.keepOnly(nonces.open.keys())
  const stopped = rows.find(isStopped)
  // Until it is closed, every send looks again and hears it.
  nonces.isKnown = stopped === undefined
  if (stopped) throw queueStopped(stopped)
}

const POLL_FIRST_MS = 5
// A receipt of our own last transaction, or the chain's count, that is no older than this needs no question.
const FRESH_MS = 1_000

/**
 * Z-47: the chain must have counted every nonce of ours that is not on its way; a condition with a limit, not a
 * fixed pause. A count beyond our last nonce means that somebody else signs with the key (S-22), or that
 * the journal is older than the chain (S-12): nothing may be signed then.
 */
export async function requireCounted(context: SendContext, nonces: Nonces): Promise<number> {
  const { clock } = context
  const { last, countedAtMs } = nonces
  const ageMs = clock.nowMs() - (countedAtMs ?? -Infinity)
  // Below zero: the clock was set back, and how old it is nobody knows.
  const isFresh = ageMs >= 0 && ageMs < FRESH_MS
  if (isFresh && last !== undefined && nonces.open.size === 0) return last + 1
  const counted = await waitForCount(context, nonces)
  if (last === undefined || counted <= last + 1) {
    nonces.countedAtMs = clock.nowMs()
    return counted
  }
  await refuseForeign(context, nonces, counted)
  return counted
}

async function refuseForeign(context: SendContext, nonces: Nonces, counted: number): Promise<void> {
  // Another sender of this process may have written to the same journal since we looked.
  await learnNonces(context, nonces)
  if (nonces.last !== undefined && counted <= nonces.last + 1) return
  // It gives each such nonce a row, which says what is known of it and stops the queue.
  const { journal, client, signer, clock, log } = context
  await reconcile({ journal, client, sender: signer.address, clock, log })
  await learnNonces(context, nonces)
  throw new KeeperError('NONCE_FOREIGN', { nonce: nonces.last, sender: signer.address })
}

async function waitForCount(context: SendContext, { open, last }: Nonces): Promise<number> {
  const { client, signer, clock, nonceWaitMs, pollMs, signal } = context
  const sender = signer.address
  const oldest = Math.min(...[...open.values()].map(({ nonce }) => nonce ?? Infinity))
  const expected = Math.min(oldest, last === undefined ? 0 : last + 1)
  return waitFor(
    async () => {
      const counted = await client.nonceOf(sender)
      return counted >= expected ? counted : undefined
    },
    {
      what: 'the previous nonce',
      timeoutMs: nonceWaitMs,
      clock,
      firstDelayMs: Math.min(POLL_FIRST_MS, pollMs),
      maxDelayMs: pollMs,
      ...(signal ? { signal } : {}),
      onTimeout: () =>
        new KeeperError('NONCE_WAIT_TIMEOUT', {
          nonce: expected - 1,
          sender,
          timeoutMs: nonceWaitMs,
        }),
    },
  )
}
