import type { Finality } from '../base/schema.ts'
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

const NOT_ASKED = -1

/** Looks for the receipt of ANY attempt: an old one may be mined after a bump. */
export async function look(
  client: ChainClient,
  tx: TxRecord,
  attempts: readonly TxAttempt[],
  finality: Finality,
): Promise<Sighting> {
  for (const { hash } of attempts.toReversed()) {
    const receipt = await client.receipt(hash)
    if (!receipt) continue
    // Finality matters only once the receipt is in the journal.
    const isKnown = tx.state === 'included' && tx.blockHash === receipt.blockHash
    const finalBlock = isKnown ? await finalBlockOf(client, finality) : NOT_ASKED
    return { receipt, minedNonce: NOT_ASKED, finalBlock }
  }
  // Mined between the two questions, it looks lost for one turn: that is waited for.
  return { receipt: undefined, minedNonce: await client.nonceOf(tx.sender), finalBlock: NOT_ASKED }
}
