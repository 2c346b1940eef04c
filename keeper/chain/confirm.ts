import type { ChainClient, Receipt } from './client.ts'
import type { FinalityView } from './finality.ts'
import type { TxAttempt, TxRecord } from './journal-rows.ts'

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
  finalBlocks: FinalityView,
): Promise<Sighting> {
  for (const { hash } of attempts.toReversed()) {
    const receipt = await client.receipt(hash)
    if (!receipt) continue
    // Finality matters only once the receipt is in the journal.
    const isKnown = tx.state === 'included' && tx.blockHash === receipt.blockHash
    const isFinal = isKnown && (await finalBlocks.has(receipt.blockNumber))
    return { receipt, minedNonce: NOT_ASKED, finalBlock: isFinal ? receipt.blockNumber : NOT_ASKED }
  }
  // Mined between the two questions, it looks lost for one turn: that is waited for.
  return { receipt: undefined, minedNonce: await client.nonceOf(tx.sender), finalBlock: NOT_ASKED }
}
