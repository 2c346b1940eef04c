import { newestFinals } from '../journal/journal-queries.ts'
import type { KeeperError } from '../../base/errors.ts'
import { recordOrphaned } from '../journal/journal-moves.ts'
import type { TxRecord } from '../journal/journal-rows.ts'
import type { SendContext } from './send-context.ts'
import { queueStopped } from './stopped.ts'

// One request a minute is nothing, and a batch of money is never older than that.
const EVERY_MS = 60_000
// Rows looked at once the newest is gone: more than a day of any keeper; a human looks anyway.
const MAX_ORPHANS = 1_000

/**
 * S-29: a reorg deeper than "final". The block of the newest final transaction vouches for all before it, so one
 * question does; if it is gone, every final row whose block is gone is marked, and nothing more is sent.
 */
export async function watchFinal(
  context: SendContext,
  memory: { finalCheckedAtMs: number | undefined },
): Promise<void> {
  const { clock, journal, client, signer } = context
  const ageMs = clock.nowMs() - (memory.finalCheckedAtMs ?? -Infinity)
  // Below zero: the clock was set back, and how old it is nobody knows.
  if (ageMs >= 0 && ageMs < EVERY_MS) return
  const [newest] = await newestFinals(journal.db, client.chainId, signer.address, 1)
  if (newest && !(await isStillThere(context, newest))) throw await alarm(context, newest)
  memory.finalCheckedAtMs = clock.nowMs()
}

async function isStillThere({ client }: SendContext, tx: TxRecord): Promise<boolean> {
  const { blockNumber, blockHash, hash } = tx
  if (blockNumber === undefined || hash === undefined) return true
  const block = await client.agreedBlock(blockNumber)
  if (block?.hash === blockHash) return true
  // One endpoint that lags or lies must not stop the queue: enough have to agree that it is elsewhere.
  const receipt = await client.receipt(hash)
  if (receipt) return receipt.blockHash === blockHash
  // Another block is there: the transaction may be back in a pool, but it is not final. No block: a node lags.
  return block === undefined && !(await client.isAbsentEverywhere(hash))
}

async function alarm(context: SendContext, newest: TxRecord): Promise<KeeperError> {
  const { journal, client, signer, clock, alerts } = context
  let first = newest
  for (const tx of await newestFinals(journal.db, client.chainId, signer.address, MAX_ORPHANS)) {
    if (await isStillThere(context, tx)) break
    const { id, kind, key, hash, blockNumber, blockHash } = tx
    const reason = `its final block ${blockNumber} (${blockHash}) is no longer on the chain`
    first = await recordOrphaned(journal, tx, reason, clock.now())
    const facts = { key: String(id), kind, tx: key, hash, blockNumber, blockHash }
    alerts.raise('reorg-after-final', facts)
  }
  return queueStopped(first)
}
