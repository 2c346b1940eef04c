import { KeeperError } from '../base/errors.ts'
import type { Fees } from '../chain/sending/fees.ts'
import { findTx, listOpen } from '../chain/journal/journal-queries.ts'
import type { TxRecord } from '../chain/journal/journal-rows.ts'
import type { Desk } from './desk.ts'
import { GWEI, money, table } from './print.ts'

/** By its number or by a hash, as `muster journal` lists them. */
export async function requireTx({ db, client }: Desk, name = ''): Promise<TxRecord> {
  const tx = await findTx(db, name)
  if (!tx) throw new KeeperError('TX_NOT_FOUND', { id: name })
  const { id, chainId: of } = tx
  // The same key may send on another chain, and a nonce there says nothing here.
  if (of !== client.chainId)
    throw new KeeperError('TX_OTHER_CHAIN', { id, of, chainId: client.chainId })
  return tx
}

/** Only what is not mined can be raised or taken back. */
export function requirePending({ id, kind, key, state }: TxRecord, step: string): void {
  if (state === 'planned' || state === 'signed' || state === 'broadcast') return
  throw new KeeperError('TX_NOT_PENDING', { id, kind, key, state, step })
}

/** Of the keys that are open here; without any, of all. */
export async function openOf({ db, client, senders }: Desk): Promise<TxRecord[]> {
  const open = await listOpen(db, client.chainId)
  const ours = new Set(senders.map(({ address }) => address))
  return ours.size === 0 ? open : open.filter(({ sender }) => ours.has(sender))
}

const MAX_KEY = 28

export function rowsOf(txs: readonly TxRecord[]): string[] {
  if (txs.length === 0) return []
  const rows = txs.map(({ id, kind, key, state, nonce, hash }) => [
    String(id),
    kind,
    key.length > MAX_KEY ? `${key.slice(0, MAX_KEY)}…` : key,
    state,
    String(nonce ?? '-'),
    hash ?? '-',
  ])
  return table(['id', 'kind', 'key', 'state', 'nonce', 'hash'], rows)
}

/** 'at most 2.5 gwei a gas, tip 0.1 gwei'. */
export function shownFees({ maxFeePerGas, maxPriorityFeePerGas }: Fees): string {
  return `at most ${money(maxFeePerGas, GWEI)} a gas, tip ${money(maxPriorityFeePerGas, GWEI)}`
}
