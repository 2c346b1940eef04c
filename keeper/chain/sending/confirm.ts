import type { ChainClient, Receipt } from '../rpc/client.ts'
import type { FinalityView } from './finality.ts'
import type { TxAttempt, TxRecord } from '../journal/journal-rows.ts'

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
  // First whether that height can still be undone, then the receipt: asked the other way round, a reorg
  // between the two questions would make a receipt final that is on no fork any more.
  const isDeep = await isBlockFinal(tx, finalBlocks)
  for (const { hash } of attempts.toReversed()) {
    const receipt = await client.receipt(hash)
    if (!receipt) continue
    const isFinal = isDeep && tx.blockHash === receipt.blockHash
    return { receipt, minedNonce: NOT_ASKED, finalBlock: isFinal ? receipt.blockNumber : NOT_ASKED }
  }
  // Mined between the two questions, it looks lost for one turn: that is waited for.
  return { receipt: undefined, minedNonce: await client.nonceOf(tx.sender), finalBlock: NOT_ASKED }
}

/** Finality matters only once the receipt is in the journal. */
async function isBlockFinal(tx: TxRecord, finalBlocks: FinalityView): Promise<boolean> {
  if (tx.state !== 'included' || tx.blockNumber === undefined) return false
  return finalBlocks.has(tx.blockNumber)
}
