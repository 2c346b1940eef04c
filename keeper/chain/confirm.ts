import type { Finality } from '../config.ts'
import type { ChainClient, Receipt } from './client.ts'
import type { TxAttempt, TxRecord } from './journal-rows.ts'

/** The highest block that cannot be undone: by the chain's own tag, or by a depth. */
export async function finalBlockOf(client: ChainClient, finality: Finality): Promise<number> {
  if (typeof finality !== 'number') return (await client.block(finality))?.number ?? -1
  // One confirmation is the block itself.
  return (await client.blockNumber()) - finality + 1
}

export interface Sighting {
  receipt: Receipt | undefined
  minedNonce: number
  finalBlock: number
}

/** Looks for the receipt of ANY attempt: an old one may be mined after a bump. */
export async function look(
  client: ChainClient,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
  finality: Finality,
): Promise<Sighting> {
  // Asked before the receipt: whatever is mined in between is then found by its receipt.
  const minedNonce = await client.nonceOf(tx.sender)
  for (const { hash } of attempts.toReversed()) {
    const receipt = await client.receipt(hash)
    if (receipt) return { receipt, minedNonce, finalBlock: await finalBlockOf(client, finality) }
  }
  return { receipt: undefined, minedNonce, finalBlock: -1 }
}
