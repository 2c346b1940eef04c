import type { Interface } from 'ethers'
import { ensure, isKeeperError } from '../base/errors.ts'
import type { Address } from '../base/schema.ts'
import { findIntent, readTx } from '../chain/journal/journal.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { PayoutsRoom } from './room.ts'

/** A transaction that will not happen any more. */
export const FAILED_FOR_GOOD = ['TX_REVERTED', 'TX_CANCELLED', 'TX_WOULD_REVERT'] as const

export interface Followed {
  to: Address
  kind: string
  key: string
  /** Decodes a revert. */
  errors: Interface
}

/** An intent that the journal has, carried to its end: final, or failed for good. */
export async function followToEnd(
  { db, client, payer }: PayoutsRoom,
  { to, kind, key, errors }: Followed,
): Promise<TxRecord> {
  const tx = await findIntent(db, { chainId: client.chainId, contract: to, kind, key })
  ensure(tx, 'INTERNAL', { what: `${kind} ${key} is on its way without an intent` })
  try {
    return await payer.carryOut(tx, { until: 'final', errors })
  } catch (error) {
    if (!isKeeperError(error, ...FAILED_FOR_GOOD)) throw error
    const closed = await readTx(db, tx.id)
    if (closed.state !== 'reverted' && closed.state !== 'cancelled') throw error
    return closed
  }
}
